//! Which bytes a request asks for (RFC 9110, section 14).

use std::ops::Range;

/// What the header `Range` comes to, for content of some size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of it: the header is not of its form, of an unknown unit, or asks for several ranges, which are not worth their trouble.
    All,
    /// These bytes, of which there is at least one.
    Some(Range<u64>),
    /// None that there are.
    Nothing,
}

/// Reads the header's value.
pub(super) fn wanted(value: &str, size: u64) -> Wanted {
    let Some((unit, ranges)) = value.split_once('=') else { return Wanted::All };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Wanted::All;
    }
    let mut found = Wanted::Nothing;
    for range in ranges.split(',').map(str::trim).filter(|range| !range.is_empty()) {
        let Some(range) = bytes(range, size) else { return Wanted::All };
        if range.is_empty() {
            continue;
        }
        if found != Wanted::Nothing {
            return Wanted::All;
        }
        found = Wanted::Some(range);
    }
    found
}

/// One range, empty where the content has none of it; `None` when it is not of its form.
fn bytes(range: &str, size: u64) -> Option<Range<u64>> {
    let (first, last) = range.split_once('-')?;
    let (first, last) = (number(first.trim())?, number(last.trim())?);
    match (first, last) {
        (None, None) => None,
        (None, Some(suffix)) => Some(size.saturating_sub(suffix)..size),
        (Some(first), None) => Some(first.min(size)..size),
        (Some(first), Some(last)) if first > last => None,
        (Some(first), Some(last)) => Some(first.min(size)..last.saturating_add(1).min(size)),
    }
}

/// Digits, or nothing; `None` for something else. What is beyond all sizes is beyond all sizes, however large.
fn number(text: &str) -> Option<Option<u64>> {
    if text.is_empty() {
        return Some(None);
    }
    text.bytes().all(|digit| digit.is_ascii_digit()).then(|| Some(text.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_as_the_specification_has_them() {
        for (value, range) in [
            ("bytes=0-0", 0..1),
            ("bytes=0-", 0..10),
            ("bytes=3-5", 3..6),
            ("Bytes = 3 - 5", 3..6),
            ("bytes=9-9", 9..10),
            ("bytes=5-100", 5..10),
            ("bytes=5-99999999999999999999999999", 5..10),
            ("bytes=-3", 7..10),
            ("bytes=-100", 0..10),
            ("bytes=20-30,1-2", 1..3),
            ("bytes=,1-2,", 1..3),
        ] {
            assert_eq!(wanted(value, 10), Wanted::Some(range), "{value}");
        }
        for value in ["bytes=10-", "bytes=10-20", "bytes=-0", "bytes=99999999999999999999999999-", "bytes=10-11,12-13"] {
            assert_eq!(wanted(value, 10), Wanted::Nothing, "{value}");
        }
        for value in
            ["", "bytes", "lines=0-1", "bytes=a-b", "bytes=5-3", "bytes=-", "bytes=1-2-3", "bytes=0-1,3-4", "bytes=+1-2"]
        {
            assert_eq!(wanted(value, 10), Wanted::All, "{value}");
        }
        assert_eq!(wanted("bytes=0-", 0), Wanted::Nothing);
        assert_eq!(wanted("bytes=-5", 0), Wanted::Nothing);
    }
}
