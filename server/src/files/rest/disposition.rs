//! How content is shown and under which name it is saved (RFC 6266), and which name an upload gives itself.

use axum::http::{HeaderMap, HeaderValue, header};
use samewire_protocol::name::is_unsafe_to_show;

/// What a browser may show in a page of this server's origin. No script runs in any of these.
const SHOWN: &[&str] = &[
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "image/avif",
    "image/bmp",
    "image/x-icon",
    "image/vnd.microsoft.icon",
];

/// The type of what is not called what it is, because a page could make something run of it.
const BYTES: &str = "application/octet-stream";

/// How content of a type is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shown<'a> {
    /// The type that is told.
    pub(super) media: &'a str,
    /// Whether a browser may show it.
    pub(super) inline: bool,
}

/// How content of this type is sent.
pub(super) fn shown(media: Option<&str>) -> Shown<'_> {
    let media = media.unwrap_or(BYTES);
    let essence = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let inline = SHOWN.contains(&&*essence) || essence.starts_with("video/") || essence.starts_with("audio/");
    // A script or a style sheet is used by a page whatever its disposition says, and others are shown by some viewer.
    let active = ["html", "xml", "svg", "script", "css", "wasm", "pdf", "shockwave"];
    if active.iter().any(|part| essence.contains(part)) {
        return Shown { media: BYTES, inline: false };
    }
    Shown { media, inline }
}

/// The header `Content-Disposition`, with the name in a form for everybody and, where that is not all of it, in UTF-8.
pub(super) fn disposition(name: &str, inline: bool) -> HeaderValue {
    let kind = if inline { "inline" } else { "attachment" };
    let name: String = name.chars().filter(|c| !is_unsafe_to_show(*c) && !matches!(c, '/' | '\\')).collect();
    let plain = |c: char| if (c.is_ascii_graphic() || c == ' ') && !matches!(c, '"' | '%') { c } else { '_' };
    let fallback: String = name.chars().map(plain).collect();
    let mut value = format!("{kind}; filename=\"{fallback}\"");
    if fallback != name {
        value.push_str("; filename*=UTF-8''");
        value.push_str(&escaped(&name));
    }
    HeaderValue::try_from(value).unwrap_or_else(|_| HeaderValue::from_static("attachment"))
}

/// Percent-encodes all but what is plain in addresses (RFC 3986, section 2.3) and in the values of headers (RFC 8187).
pub(in crate::files) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

/// The name that a request gives what it carries, in `Content-Disposition`: without the folders that some clients leave before it.
pub(super) fn given_name(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_DISPOSITION)?;
    let value = std::str::from_utf8(value.as_bytes()).ok()?;
    let (mut plain, mut extended) = (None, None);
    let mut rest = value.split_once(';')?.1;
    while let Some((name, after)) = rest.split_once('=') {
        let (text, after) = parameter(after.trim_start());
        match name.trim().to_ascii_lowercase().as_str() {
            "filename" => plain = plain.or(Some(text)),
            "filename*" => extended = extended.or_else(|| decoded(&text)),
            _ => {}
        }
        rest = after.trim_start().strip_prefix(';').unwrap_or_default();
    }
    let name = extended.or(plain)?;
    Some(name.rsplit(['/', '\\']).next().unwrap_or_default().to_owned())
}

/// A parameter's value, in quotes or without, and what follows it.
fn parameter(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, after) = text.split_at(text.find(';').unwrap_or(text.len()));
        return (value.trim_end().to_owned(), after);
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, quoted.get(at + 1..).unwrap_or_default()),
            '\\' => value.extend(chars.next().map(|(_, c)| c)),
            c => value.push(c),
        }
    }
    (value, "")
}

/// A value of RFC 8187, in UTF-8.
fn decoded(text: &str) -> Option<String> {
    let (charset, rest) = text.split_once('\'')?;
    let (_, value) = rest.split_once('\'')?;
    if !charset.eq_ignore_ascii_case("utf-8") {
        return None;
    }
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next()?, rest.next()?];
        bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_runs_nothing_is_shown() {
        for media in ["image/png", "IMAGE/JPEG", "video/mp4", "video/webm; codecs=vp9", "audio/ogg"] {
            assert_eq!(shown(Some(media)), Shown { media, inline: true });
        }
        for media in ["application/zip", "text/plain", "application/json"] {
            assert_eq!(shown(Some(media)), Shown { media, inline: false });
        }
        for media in [
            "text/html",
            "Text/HTML; charset=utf-8",
            "image/svg+xml",
            "application/xhtml+xml",
            "text/xml",
            "text/javascript",
            "application/ecmascript",
            "text/css",
            "application/pdf",
            "application/wasm",
            "video/svg+xml",
        ] {
            assert_eq!(shown(Some(media)), Shown { media: BYTES, inline: false }, "{media}");
        }
        assert_eq!(shown(None), Shown { media: BYTES, inline: false });
    }

    #[test]
    fn names_that_want_to_break_out_of_the_header() {
        for (name, told) in [
            ("clip.mp4", "filename=\"clip.mp4\""),
            ("a \"b\".txt", "filename=\"a _b_.txt\"; filename*=UTF-8''a%20%22b%22.txt"),
            ("a\r\nSet-Cookie: x=1", "filename=\"aSet-Cookie: x=1\""),
            ("../../etc/passwd", "filename=\"....etcpasswd\""),
            ("100%41.txt", "filename=\"100_41.txt\"; filename*=UTF-8''100%2541.txt"),
            ("Größe 😀.mp4", "filename=\"Gr__e _.mp4\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%20%F0%9F%98%80.mp4"),
            ("exe\u{202e}gpj.", "filename=\"exegpj.\""),
            ("a; filename=b", "filename=\"a; filename=b\""),
        ] {
            assert_eq!(disposition(name, true), format!("inline; {told}"), "{name:?}");
            assert_eq!(disposition(name, false), format!("attachment; {told}"), "{name:?}");
        }
        let long = "ü".repeat(127);
        assert!(disposition(&long, false).to_str().expect("ASCII").ends_with(&"%C3%BC".repeat(127)));
    }

    #[test]
    fn names_that_uploads_give_themselves() {
        let given = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("content-disposition", HeaderValue::from_bytes(value.as_bytes()).expect("a value"));
            given_name(&headers)
        };
        for (value, name) in [
            ("attachment; filename=clip.mp4", "clip.mp4"),
            ("inline; filename=\"file name.jpg\"; filename*=UTF-8''file%20n%C3%A4me.jpg", "file näme.jpg"),
            ("inline;FileName = \"a;b=\\\"c\\\".txt\" ; size=3", "a;b=\"c\".txt"),
            ("attachment; filename=\"C:\\\\fakepath\\\\x.png\"", "x.png"),
            ("attachment; filename=\"../../x.png\"", "x.png"),
            ("attachment; filename*=UTF-8''%ff; filename=plain", "plain"),
            ("attachment; filename*=iso-8859-1''caf%E9; filename=plain", "plain"),
            ("attachment; filename=\"Größe.png\"", "Größe.png"),
            ("attachment; filename=\"open", "open"),
            ("attachment; filename=", ""),
        ] {
            assert_eq!(given(value).as_deref(), Some(name), "{value}");
        }
        for value in ["", "attachment", "attachment; name=x", "attachment;;;", "attachment; filename*=UTF-8''%f"] {
            assert_eq!(given(value), None, "{value}");
        }
    }
}
