//! Checksums of requests' bodies.

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256};
use axum::http::{HeaderMap, HeaderValue, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use samewire_protocol::{Code, Failure};

use super::{CHECKSUM, Refusal, bad};

/// Which there are.
pub(super) const ALGORITHMS: &str = "sha1,sha256";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Algorithm {
    Sha1,
    Sha256,
}

/// A body that counts only when its checksum is right.
pub(super) enum Checked {
    /// The checksum is in the request's head.
    Head(Context, Vec<u8>),
    /// The checksum follows behind the body, and only then is it known of which kind it is.
    Trailer { sha1: Context, sha256: Context },
}

impl Checked {
    /// Whether the request says that its body has a checksum.
    pub(super) fn of(headers: &HeaderMap) -> Result<Option<Self>, Refusal> {
        if let Some(value) = headers.get(CHECKSUM) {
            let (algorithm, digest) = parse(value)?;
            return Ok(Some(Self::Head(algorithm.context(), digest)));
        }
        let announced = headers.get_all(header::TRAILER).iter().filter_map(|value| value.to_str().ok());
        let announced =
            announced.flat_map(|names| names.split(',')).any(|name| name.trim().eq_ignore_ascii_case(CHECKSUM.as_str()));
        let trailer = || Self::Trailer { sha1: Algorithm::Sha1.context(), sha256: Algorithm::Sha256.context() };
        Ok(announced.then(trailer))
    }

    /// The next bytes of the body.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Head(context, _) => context.update(bytes),
            Self::Trailer { sha1, sha256 } => {
                sha1.update(bytes);
                sha256.update(bytes);
            }
        }
    }

    /// Whether the bytes are those that the checksum was made of.
    pub(super) fn verify(self, trailers: Option<&HeaderMap>) -> Result<(), Refusal> {
        let (context, expected) = match self {
            Self::Head(context, expected) => (context, expected),
            Self::Trailer { sha1, sha256 } => {
                let value = trailers.and_then(|trailers| trailers.get(CHECKSUM));
                let value = value.ok_or_else(|| bad("the header Trailer announces an Upload-Checksum, and none came"))?;
                match parse(value)? {
                    (Algorithm::Sha1, expected) => (sha1, expected),
                    (Algorithm::Sha256, expected) => (sha256, expected),
                }
            }
        };
        if context.finish().as_ref() == expected {
            return Ok(());
        }
        let told = "the bytes that came are not those that the checksum was made of, and were discarded; send them again";
        Err(Failure::new(Code::ChecksumMismatch, told).into())
    }
}

impl Algorithm {
    fn context(self) -> Context {
        Context::new(match self {
            Self::Sha1 => &SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &SHA256,
        })
    }
}

fn parse(value: &HeaderValue) -> Result<(Algorithm, Vec<u8>), Refusal> {
    let form = || bad("the header Upload-Checksum is not a name and a checksum in base64, with one space between");
    let (name, checksum) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(form)?;
    let algorithm = match name {
        "sha1" => Algorithm::Sha1,
        "sha256" => Algorithm::Sha256,
        _ => return Err(bad(format!("checksums of this kind are not computed here; use one of {ALGORITHMS}"))),
    };
    Ok((algorithm, STANDARD.decode(checksum).map_err(|_| form())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().expect("a header's value"));
        headers
    }

    fn checked(headers: &HeaderMap) -> Checked {
        Checked::of(headers).expect("a good header").expect("a checksum")
    }

    #[test]
    fn the_checksum_of_the_specification() {
        // "hello world"
        for (value, good) in [
            ("sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=", true),
            ("sha256 uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=", true),
            ("sha1 AAAAAAAAAAAAAAAAAAAAAAAAAAA=", false),
            ("sha1 ", false),
        ] {
            let mut checked = checked(&headers("upload-checksum", value));
            checked.update(b"hello ");
            checked.update(b"world");
            assert_eq!(checked.verify(None).is_ok(), good, "{value}");
        }
    }

    #[test]
    fn a_trailer_says_of_which_kind_it_is() {
        for value in ["sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=", "sha256 uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek="] {
            let mut checked = checked(&headers("trailer", "Expires, upload-checksum"));
            checked.update(b"hello world");
            checked.verify(Some(&headers("upload-checksum", value))).expect("the right checksum");
        }
        assert!(checked(&headers("trailer", "Upload-Checksum")).verify(None).is_err());
    }

    #[test]
    fn what_is_not_a_checksum_is_refused() {
        for value in ["sha1", "md5 AAAA", "sha1 not*base64", "sha1  Kq5sNclPz7QV2+lfQIuc6R7oRu0="] {
            assert!(Checked::of(&headers("upload-checksum", value)).is_err(), "{value}");
        }
        assert!(Checked::of(&headers("trailer", "Expires")).expect("nothing said").is_none());
    }
}
