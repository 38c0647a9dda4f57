//! Structured fields (RFC 9651), as far as the draft has them. What is not of its form counts as not there, as the draft asks.

use axum::http::{HeaderMap, HeaderName};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The largest integer of a structured field.
const MAX_INTEGER: u64 = 999_999_999_999_999;

/// A boolean.
pub(crate) fn boolean(headers: &HeaderMap, name: &HeaderName) -> Option<bool> {
    match item(headers, name)? {
        "?1" => Some(true),
        "?0" => Some(false),
        _ => None,
    }
}

/// An integer that is not negative.
pub(super) fn integer(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    let text = item(headers, name)?;
    let digits = text.strip_prefix('-').filter(|rest| rest.bytes().all(|digit| digit == b'0')).unwrap_or(text);
    let good = (1..=15).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
    digits.parse().ok().filter(|number| good && *number <= MAX_INTEGER)
}

/// A dictionary's member that is a string of bytes.
pub(super) fn bytes(headers: &HeaderMap, name: &HeaderName, key: &str) -> Option<Vec<u8>> {
    let (mut found, mut lines) = (None, headers.get_all(name).iter());
    for member in lines.by_ref().filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(',')) {
        let Some((name, value)) = member.trim().split_once('=') else { continue };
        if name == key {
            let value = bare(value).strip_prefix(':').and_then(|value| value.strip_suffix(':'));
            // The last one of a name counts.
            found = value.and_then(|value| STANDARD.decode(value).ok());
        }
    }
    found
}

/// The names of a dictionary's members whose values are integers above zero, the largest first.
pub(super) fn preferred(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    let members = headers.get_all(name).iter().filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(','));
    let mut preferred: Vec<(u64, String)> = members
        .filter_map(|member| {
            let (name, value) = member.trim().split_once('=')?;
            let value = bare(value).parse().ok().filter(|value| *value > 0)?;
            Some((value, name.to_owned()))
        })
        .collect();
    preferred.sort_by_key(|(value, _)| std::cmp::Reverse(*value));
    preferred.into_iter().map(|(_, name)| name).collect()
}

/// The one value of a header, without its parameters.
fn item<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut lines = headers.get_all(name).iter();
    let line = lines.next()?.to_str().ok()?;
    lines.next().is_none().then(|| bare(line))
}

fn bare(value: &str) -> &str {
    value.split(';').next().unwrap_or_default().trim_matches(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: HeaderName = HeaderName::from_static("x");

    fn headers(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(NAME, line.parse().expect("a value"));
        }
        headers
    }

    #[test]
    fn booleans() {
        for (text, value) in
            [("?1", Some(true)), ("?0", Some(false)), (" ?1 ; a=b", Some(true)), ("1", None), ("true", None), ("", None)]
        {
            assert_eq!(boolean(&headers(&[text]), &NAME), value, "{text}");
        }
        assert_eq!(boolean(&headers(&["?1", "?1"]), &NAME), None);
        assert_eq!(boolean(&headers(&[]), &NAME), None);
    }

    #[test]
    fn integers() {
        for (text, value) in [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("007", Some(7)),
            ("42;a", Some(42)),
            ("999999999999999", Some(MAX_INTEGER)),
            ("1000000000000000", None),
            ("0000000000000001", None),
            ("-1", None),
            ("+1", None),
            ("1.0", None),
            ("\"1\"", None),
            ("1, 1", None),
            ("", None),
            ("-", None),
        ] {
            assert_eq!(integer(&headers(&[text]), &NAME), value, "{text}");
        }
    }

    #[test]
    fn members_of_dictionaries() {
        let map = headers(&["md5=:AAAA:, sha-256=:YWJj:;p=1", "unixsum=1"]);
        assert_eq!(bytes(&map, &NAME, "sha-256").as_deref(), Some(&b"abc"[..]));
        assert_eq!(bytes(&map, &NAME, "sha-512"), None);
        for odd in ["sha-256=YWJj", "sha-256=:YW*j:", "sha-256", "sha-256=\"YWJj\""] {
            assert_eq!(bytes(&headers(&[odd]), &NAME, "sha-256"), None, "{odd}");
        }
        let map = headers(&["md5=0, sha-512=3, sha-256=10, x=y"]);
        assert_eq!(preferred(&map, &NAME), ["sha-256", "sha-512"]);
    }
}
