//! The grammar of names that people choose: of files and streams. A name is shown and stored, never made into a path.

use crate::limits::MAX_NAME;

/// Why a name was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Nothing is left.
    #[error("the name is empty; give it at least one character")]
    Empty,
    /// Too many bytes.
    #[error("the name is longer than {MAX_NAME} bytes; shorten it")]
    TooLong,
    /// `/` or `\`.
    #[error("the name holds a slash; give the file's own name, without folders")]
    Slash,
    /// `.` or `..`.
    #[error("the name consists of dots only; give it another one")]
    Dots,
    /// A control character, or one that reorders the text around it.
    #[error("the name holds a control character; remove it")]
    Control,
}

/// Checks the name of a file or stream: 1 to 255 bytes of UTF-8, no slash of either kind, no control or bidirectional
/// formatting characters, not dots alone.
pub fn check_name(name: &str) -> Result<(), NameError> {
    if name.trim().is_empty() {
        return Err(NameError::Empty);
    }
    if name.len() > MAX_NAME {
        return Err(NameError::TooLong);
    }
    if name.contains(['/', '\\']) {
        return Err(NameError::Slash);
    }
    if name.chars().all(|c| c == '.') {
        return Err(NameError::Dots);
    }
    if name.chars().any(is_unsafe_to_show) {
        return Err(NameError::Control);
    }
    Ok(())
}

/// Whether a character is a control character, or one that reorders the text around it (Unicode's bidirectional formatting).
#[must_use]
pub fn is_unsafe_to_show(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether the text is a method's name: parts of letters, digits, `-`, `_` and `.`, none of them dots alone, with `/` between them.
#[must_use]
pub fn is_method(text: &str) -> bool {
    let part = |part: &str| {
        part.bytes().any(|b| b != b'.') && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    };
    text.len() <= crate::limits::MAX_METHOD && text.split('/').all(part)
}

/// Whether the text can be a media type: printable ASCII with one slash (RFC 9110, section 8.3.1, read loosely).
#[must_use]
pub fn is_media(text: &str) -> bool {
    text.len() <= crate::limits::MAX_MEDIA
        && text.contains('/')
        && text.bytes().all(|b| (0x20..0x7f).contains(&b) && b != b'"' && b != b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_people_pass_and_traps_do_not() {
        for name in ["a", "holiday.mov", "Größe 😀.txt", ".profile", "a..b"] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        for (name, why) in [
            ("", NameError::Empty),
            ("  ", NameError::Empty),
            ("../etc/passwd", NameError::Slash),
            ("a\\b", NameError::Slash),
            ("..", NameError::Dots),
            ("a\0b", NameError::Control),
            ("a\nb", NameError::Control),
            ("exe\u{202e}gpj.", NameError::Control),
        ] {
            assert_eq!(check_name(name), Err(why), "{name:?}");
        }
        assert_eq!(check_name(&"x".repeat(256)), Err(NameError::TooLong));
    }

    #[test]
    fn method_names() {
        assert!(is_method("files/upload") && is_method("echo") && is_method("a/b.2/c_d"));
        assert!(!is_method("") && !is_method("/a") && !is_method("a//b") && !is_method("a b"));
        assert!(!is_method("..") && !is_method("../dev/token") && !is_method("a/./b"));
    }
}
