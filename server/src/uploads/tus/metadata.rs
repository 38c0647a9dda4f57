//! The header `Upload-Metadata`: names and values in base64, of which the file's name and media type are understood.

use std::collections::HashSet;

use axum::http::HeaderValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use samewire_protocol::name::{check_name, is_media};
use samewire_protocol::{Code, Failure};

use super::{Refusal, bad};

/// Under which keys clients give the file's name and its media type; of several, the first counts.
const NAMES: [&str; 2] = ["filename", "name"];
const TYPES: [&str; 2] = ["filetype", "type"];

/// What is said of a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Metadata {
    /// The header, to be told again.
    pub(super) told: Option<String>,
    pub(super) name: Option<String>,
    pub(super) media: Option<String>,
}

impl Metadata {
    pub(super) fn parse(value: Option<&HeaderValue>) -> Result<Self, Refusal> {
        let Some(value) = value else { return Ok(Self::default()) };
        let told = value.to_str().map_err(|_| form())?;
        let mut pairs = Vec::new();
        let mut keys = HashSet::new();
        for pair in told.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
            if !keys.insert(key) {
                return Err(bad("a key comes twice in the header Upload-Metadata; each may come once"));
            }
            pairs.push((key, STANDARD.decode(value.trim()).map_err(|_| form())?));
        }
        let find = |wanted: [&str; 2]| {
            let values = wanted.into_iter().filter_map(|key| pairs.iter().find(|(known, _)| *known == key));
            values.map(|(_, value)| value).find(|value| !value.is_empty())
        };
        let name = match find(NAMES) {
            Some(name) => Some(named(name)?),
            None => None,
        };
        let media = find(TYPES).and_then(|media| String::from_utf8(media.clone()).ok()).filter(|media| is_media(media));
        Ok(Self { told: Some(told.to_owned()), name, media })
    }
}

fn named(name: &[u8]) -> Result<String, Refusal> {
    let wrong = |told: String| Failure::new(Code::BadName, format!("the file's name in Upload-Metadata is not usable: {told}"));
    let name = std::str::from_utf8(name).map_err(|_| wrong("it is not UTF-8".to_owned()))?;
    check_name(name).map_err(|error| wrong(error.to_string()))?;
    Ok(name.to_owned())
}

fn form() -> Refusal {
    bad("the header Upload-Metadata is not of the form `key base64,key base64`: encode each value in base64")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Metadata, Refusal> {
        Metadata::parse(Some(&HeaderValue::from_str(text).expect("a header's value")))
    }

    #[test]
    fn the_example_of_the_specification() {
        let told = "filename d29ybGRfZG9taW5hdGlvbl9wbGFuLnBkZg==,is_confidential";
        let metadata = parse(told).expect("good");
        assert_eq!(metadata.name.as_deref(), Some("world_domination_plan.pdf"));
        assert_eq!((metadata.told.as_deref(), metadata.media), (Some(told), None));
        assert_eq!(parse("").expect("nothing said").name, None);
    }

    #[test]
    fn an_uppy_says_things_twice() {
        let metadata = parse("relativePath bnVsbA==,name YS5tcDQ=,type dmlkZW8vbXA0,filetype dmlkZW8vbXA0,filename YS5tcDQ=");
        let metadata = metadata.expect("good");
        assert_eq!((metadata.name.as_deref(), metadata.media.as_deref()), (Some("a.mp4"), Some("video/mp4")));
        // A type that is none is no reason to refuse the file.
        assert_eq!(parse("filetype bm9uZQ==").expect("good").media, None);
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for text in ["filename n\u{f6}", "filename not*base64", "filename a b", "a YQ==,a YQ==", "filename gICA"] {
            assert!(parse(text).is_err(), "{text}");
        }
        for name in ["../etc/passwd", "a\0b", "..", &"x".repeat(10_000)] {
            assert!(parse(&format!("filename {}", STANDARD.encode(name))).is_err(), "{name}");
        }
    }
}
