//! What a file is, by its beginning. What its sender claims decides nothing but between types that share one form.
//!
//! The table holds what is processed, what a browser would run, and what people send most. Texts are told by the rules of
//! <https://mimesniff.spec.whatwg.org/>: no byte of a binary file among them, and the tags that open a page.

use crate::streams::HEAD;

/// What is said of content that tells nothing, and claims to be what it must not be.
const UNKNOWN: &str = "application/octet-stream";

/// The longest media type that is taken from a claim.
const LONGEST: usize = 127;

/// The media type of a file with this beginning: by content, and as claimed only where the content tells nothing or the claim fits it.
#[must_use]
pub fn sniff(head: &[u8], claimed: Option<&str>) -> Option<String> {
    let essence = claimed.and_then(essence);
    match content(head) {
        Some(found) => Some(essence.filter(|claimed| refines(claimed, found)).unwrap_or_else(|| found.to_owned())),
        None => claimed.map(|_| essence.filter(|claimed| !active(claimed)).unwrap_or_else(|| UNKNOWN.to_owned())),
    }
}

/// The media type that the content itself tells.
#[must_use]
pub fn content(head: &[u8]) -> Option<&'static str> {
    let head = &head[..head.len().min(HEAD)];
    prefixed(head)
        .or_else(|| iso_media(head))
        .or_else(|| riff(head))
        .or_else(|| ebml(head))
        .or_else(|| ogg(head))
        .or_else(|| transport_stream(head))
        .or_else(|| text(head))
        .or_else(|| frames(head))
}

/// `type/subtype` of a claim, in lower case and without parameters; none where it is not of this form (RFC 9110, section 8.3.1).
fn essence(claimed: &str) -> Option<String> {
    let bare = claimed.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let (kind, subtype) = bare.split_once('/')?;
    let token =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte));
    (bare.len() <= LONGEST && token(kind) && token(subtype)).then_some(bare)
}

/// Whether a claim says more about content of this type, and nothing else.
fn refines(claimed: &str, found: &str) -> bool {
    match found {
        // These hold sound, pictures or both, and say so further on than anybody looks.
        "video/mp4" => claimed == "audio/mp4",
        "video/webm" => claimed == "audio/webm",
        "video/x-matroska" => claimed == "audio/x-matroska",
        "application/ogg" => matches!(claimed, "video/ogg" | "audio/ogg"),
        "text/plain" => textual(claimed),
        "application/zip" => claimed.starts_with("application/") && !active(claimed),
        _ => false,
    }
}

/// Texts that a browser only shows.
fn textual(claimed: &str) -> bool {
    let named = [
        "application/vnd.apple.mpegurl",
        "application/x-mpegurl",
        "application/toml",
        "application/yaml",
        "application/x-ndjson",
    ];
    (claimed.starts_with("text/") || claimed.ends_with("json") || named.contains(&claimed)) && !active(claimed)
}

/// What a browser would run, or let a page be changed by.
fn active(claimed: &str) -> bool {
    claimed.ends_with("xml") || ["html", "javascript", "ecmascript", "css"].iter().any(|part| claimed.contains(part))
}

const PREFIXES: [(&[u8], &str); 27] = [
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"\0\0\x01\0", "image/x-icon"),
    (b"\xff\x0a", "image/jxl"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "image/jxl"),
    (b"\0\0\x01\xba", "video/mpeg"),
    (b"FLV\x01", "video/x-flv"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c", "video/x-ms-asf"),
    (b"fLaC", "audio/flac"),
    (b"ID3", "audio/mpeg"),
    (b"MThd\0\0\0\x06", "audio/midi"),
    (b"%PDF-", "application/pdf"),
    (b"%!PS", "application/postscript"),
    (b"{\\rtf", "application/rtf"),
    (b"PK\x03\x04", "application/zip"),
    (b"PK\x05\x06", "application/zip"),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"\x28\xb5\x2f\xfd", "application/zstd"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"\0asm\x01\0\0\0", "application/wasm"),
    (b"\x7fELF", "application/x-elf"),
    (b"wOF2", "font/woff2"),
];

fn prefixed(head: &[u8]) -> Option<&'static str> {
    PREFIXES.iter().find(|(prefix, _)| head.starts_with(prefix)).map(|(_, media)| *media)
}

/// MP4, QuickTime and the pictures that are kept like them (ISO/IEC 14496-12): a box's length, then its name.
fn iso_media(head: &[u8]) -> Option<&'static str> {
    let name = head.get(4..8)?;
    // QuickTime of old times begins without saying what it is.
    if matches!(name, b"moov" | b"mdat" | b"wide") {
        return Some("video/quicktime");
    }
    if name != b"ftyp" {
        return None;
    }
    Some(match head.get(8..12)? {
        b"qt  " => "video/quicktime",
        b"M4A " | b"M4B " | b"M4P " | b"F4A " => "audio/mp4",
        b"avif" | b"avis" => "image/avif",
        b"heic" | b"heix" | b"hevc" | b"hevx" | b"heim" | b"heis" => "image/heic",
        b"mif1" | b"msf1" => "image/heif",
        [b'3', b'g', ..] => "video/3gpp",
        _ => "video/mp4",
    })
}

fn riff(head: &[u8]) -> Option<&'static str> {
    if !head.starts_with(b"RIFF") {
        return None;
    }
    match head.get(8..12)? {
        b"WEBP" => Some("image/webp"),
        b"WAVE" => Some("audio/wav"),
        b"AVI " => Some("video/x-msvideo"),
        _ => None,
    }
}

/// Matroska and WebM (RFC 9559): the header's `DocType` is among the first elements.
fn ebml(head: &[u8]) -> Option<&'static str> {
    if !head.starts_with(b"\x1a\x45\xdf\xa3") {
        return None;
    }
    let header = &head[..head.len().min(128)];
    if holds(header, b"webm") {
        Some("video/webm")
    } else if holds(header, b"matroska") {
        Some("video/x-matroska")
    } else {
        None
    }
}

/// Ogg (RFC 3533): the first packet of each stream names its codec, and stands at the beginning.
fn ogg(head: &[u8]) -> Option<&'static str> {
    if !head.starts_with(b"OggS") {
        return None;
    }
    let sound: [&[u8]; 4] = [b"OpusHead", b"\x01vorbis", b"\x7fFLAC", b"Speex   "];
    if holds(head, b"\x80theora") {
        Some("video/ogg")
    } else if sound.iter().any(|codec| holds(head, codec)) {
        Some("audio/ogg")
    } else {
        Some("application/ogg")
    }
}

/// MPEG transport streams: a packet each 188 bytes, or 192 with a time before it.
fn transport_stream(head: &[u8]) -> Option<&'static str> {
    let packets = |first: usize, size: usize| (0..4).all(|packet| head.get(first + packet * size) == Some(&0x47));
    (packets(0, 188) || packets(4, 192)).then_some("video/mp2t")
}

/// Sound that begins with a frame. Two bytes say little, so these come last, and what follows must fit.
fn frames(head: &[u8]) -> Option<&'static str> {
    let &[0xff, second, third, ..] = head else { return None };
    match second {
        0xf0 | 0xf1 | 0xf8 | 0xf9 if third & 0x3c != 0x3c => Some("audio/aac"),
        // Layer III, with a bit rate and a sampling rate that there are.
        0xe3 | 0xf3 | 0xfb | 0xe2 | 0xf2 | 0xfa if third & 0xf0 != 0xf0 && third & 0xf0 != 0 && third & 0x0c != 0x0c => {
            Some("audio/mpeg")
        }
        _ => None,
    }
}

/// What opens a page, in capitals, before a space or `>`.
const PAGES: [&str; 17] = [
    "<!DOCTYPE HTML",
    "<HTML",
    "<HEAD",
    "<SCRIPT",
    "<IFRAME",
    "<H1",
    "<DIV",
    "<FONT",
    "<TABLE",
    "<A",
    "<STYLE",
    "<TITLE",
    "<B",
    "<BODY",
    "<BR",
    "<P",
    "<!--",
];

fn text(head: &[u8]) -> Option<&'static str> {
    if matches!(head, [0xfe, 0xff, ..] | [0xff, 0xfe, ..]) {
        return Some("text/plain");
    }
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let binary = |byte: &u8| matches!(byte, 0..=8 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f);
    if head.is_empty() || head.iter().any(binary) {
        return None;
    }
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // A letter that is cut in two where the beginning ends.
        Err(error) if error.error_len().is_none() => std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default(),
        // Some older encoding; only the tags matter.
        Err(_) => return tagged(&String::from_utf8_lossy(head)),
    };
    Some(tagged(text).unwrap_or("text/plain"))
}

/// What a text with tags is.
fn tagged(text: &str) -> Option<&'static str> {
    let text = text.trim_start();
    if !text.starts_with('<') {
        return None;
    }
    let upper = text.to_ascii_uppercase();
    let opened = |tag: &str| {
        let rest = upper.strip_prefix(tag);
        rest.is_some_and(|rest| tag == "<!--" || rest.starts_with(|next: char| next == '>' || next.is_whitespace()))
    };
    if upper.contains("<SVG") && !upper.contains("<HTML") && !upper.contains("<BODY") {
        return Some("image/svg+xml");
    }
    if PAGES.iter().any(|tag| opened(tag)) || upper.contains("<HTML") || upper.contains("<SCRIPT") {
        return Some("text/html");
    }
    upper.starts_with("<?XML").then_some("application/xml")
}

fn holds(head: &[u8], wanted: &[u8]) -> bool {
    head.windows(wanted.len()).any(|window| window == wanted)
}

#[cfg(test)]
mod tests;
