//! On which conditions a request wants its answer (RFC 9110, section 13). Content never changes under its address, so its tag is its
//! digest, and strong.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::header::{self, HeaderName};
use axum::http::{HeaderMap, HeaderValue};

/// What of the content conditions ask about.
#[derive(Clone, Debug)]
pub(super) struct Version {
    /// The tag, in its quotes.
    tag: String,
    /// When it was stored, in whole seconds, as headers have it.
    stored: SystemTime,
}

/// What the conditions come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The answer is wanted.
    Met,
    /// The asker has it.
    NotModified,
    /// The asker wants none of this version.
    Failed,
}

impl Version {
    pub(super) fn new(digest: &str, stored_ms: u64) -> Self {
        Self { tag: format!("\"{digest}\""), stored: UNIX_EPOCH + Duration::from_secs(stored_ms / 1_000) }
    }

    /// The headers `ETag` and `Last-Modified`.
    pub(super) fn describe(&self, headers: &mut HeaderMap) {
        for (name, value) in [(header::ETAG, self.tag.clone()), (header::LAST_MODIFIED, httpdate::fmt_http_date(self.stored))] {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(name, value);
            }
        }
    }

    /// Evaluates the conditions in the order of section 13.2.2.
    pub(super) fn evaluate(&self, asked: &HeaderMap) -> Outcome {
        if asked.contains_key(header::IF_MATCH) {
            if !self.is_among(asked, &header::IF_MATCH, false) {
                return Outcome::Failed;
            }
        } else if date(asked, &header::IF_UNMODIFIED_SINCE).is_some_and(|since| self.stored > since) {
            return Outcome::Failed;
        }
        let has_it = if asked.contains_key(header::IF_NONE_MATCH) {
            self.is_among(asked, &header::IF_NONE_MATCH, true)
        } else {
            date(asked, &header::IF_MODIFIED_SINCE).is_some_and(|since| self.stored <= since)
        };
        if has_it { Outcome::NotModified } else { Outcome::Met }
    }

    /// Whether a range of this version is wanted, or all of it because the asker has bytes of another.
    pub(super) fn continues(&self, asked: &HeaderMap) -> bool {
        match asked.get(header::IF_RANGE) {
            None => true,
            Some(value) if value.as_bytes().contains(&b'"') => value.as_bytes() == self.tag.as_bytes(),
            Some(_) => date(asked, &header::IF_RANGE) == Some(self.stored),
        }
    }

    fn is_among(&self, asked: &HeaderMap, name: &HeaderName, weakly: bool) -> bool {
        let lines = asked.get_all(name).iter().filter_map(|line| line.to_str().ok());
        lines.flat_map(|line| line.split(',')).map(str::trim).any(|tag| {
            let tag = if weakly { tag.strip_prefix("W/").unwrap_or(tag) } else { tag };
            tag == "*" || tag == self.tag
        })
    }
}

/// A date; one that cannot be read is like none.
fn date(asked: &HeaderMap, name: &HeaderName) -> Option<SystemTime> {
    asked.get(name).and_then(|value| value.to_str().ok()).and_then(|text| httpdate::parse_http_date(text).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const EARLIER: &str = "Sun, 06 Nov 1994 08:49:36 GMT";

    fn asked(headers: &[(&'static str, &str)]) -> HeaderMap {
        let parsed = |value: &str| HeaderValue::from_str(value).expect("a value");
        headers.iter().map(|(name, value)| (HeaderName::from_static(name), parsed(value))).collect()
    }

    fn version() -> Version {
        Version::new("abc", 784_111_777_900)
    }

    #[test]
    fn what_is_told_is_what_is_asked_about() {
        let mut headers = HeaderMap::new();
        version().describe(&mut headers);
        assert_eq!((&headers["etag"], &headers["last-modified"]), (&"\"abc\"".parse().unwrap(), &STORED.parse().unwrap()));
    }

    #[test]
    fn conditions() {
        for (headers, outcome) in [
            (&[][..], Outcome::Met),
            (&[("if-match", "\"abc\"")], Outcome::Met),
            (&[("if-match", "\"x\", \"abc\"")], Outcome::Met),
            (&[("if-match", "*")], Outcome::Met),
            (&[("if-match", "W/\"abc\"")], Outcome::Failed),
            (&[("if-match", "\"x\"")], Outcome::Failed),
            (&[("if-unmodified-since", STORED)], Outcome::Met),
            (&[("if-unmodified-since", EARLIER)], Outcome::Failed),
            (&[("if-unmodified-since", EARLIER), ("if-match", "*")], Outcome::Met),
            (&[("if-none-match", "\"abc\"")], Outcome::NotModified),
            (&[("if-none-match", "W/\"abc\"")], Outcome::NotModified),
            (&[("if-none-match", "*")], Outcome::NotModified),
            (&[("if-none-match", "\"x\""), ("if-modified-since", STORED)], Outcome::Met),
            (&[("if-modified-since", STORED)], Outcome::NotModified),
            (&[("if-modified-since", EARLIER)], Outcome::Met),
            (&[("if-modified-since", "yesterday")], Outcome::Met),
            (&[("if-match", "\"x\""), ("if-none-match", "\"abc\"")], Outcome::Failed),
        ] {
            assert_eq!(version().evaluate(&asked(headers)), outcome, "{headers:?}");
        }
    }

    #[test]
    fn a_range_only_of_the_version_that_the_asker_has() {
        for (value, continues) in [
            ("\"abc\"", true),
            ("\"x\"", false),
            ("W/\"abc\"", false),
            (STORED, true),
            (EARLIER, false),
            ("Sun, 06 Nov 1994 08:49:38 GMT", false),
            ("abc", false),
        ] {
            assert_eq!(version().continues(&asked(&[("if-range", value)])), continues, "{value}");
        }
        assert!(version().continues(&HeaderMap::new()));
    }
}
