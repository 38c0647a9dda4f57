use super::*;

#[test]
fn a_file_is_what_it_begins_as() {
    let sample = |parts: &[&[u8]]| parts.concat();
    for (head, media) in [
        (sample(&[b"\xff\xd8\xff\xe0\0\x10JFIF"]), "image/jpeg"),
        (sample(&[b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"]), "image/png"),
        (sample(&[b"GIF89a\x01\0"]), "image/gif"),
        (sample(&[b"RIFF\x10\0\0\0WEBPVP8 "]), "image/webp"),
        (sample(&[b"RIFF\x10\0\0\0WAVEfmt "]), "audio/wav"),
        (sample(&[b"RIFF\x10\0\0\0AVI LIST"]), "video/x-msvideo"),
        (sample(&[b"\0\0\0\x18ftypisom\0\0\x02\0"]), "video/mp4"),
        (sample(&[b"\0\0\0\x14ftypqt  "]), "video/quicktime"),
        (sample(&[b"\0\0\0\x14ftypM4A "]), "audio/mp4"),
        (sample(&[b"\0\0\0\x14ftypavif"]), "image/avif"),
        (sample(&[b"\0\0\0\x14ftyp3gp5"]), "video/3gpp"),
        (sample(&[b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm"]), "video/webm"),
        (sample(&[b"\x1a\x45\xdf\xa3\xa3\x42\x82\x88matroska"]), "video/x-matroska"),
        (sample(&[b"OggS\0\x02", &[0; 20], b"\x01\x13OpusHead"]), "audio/ogg"),
        (sample(&[b"OggS\0\x02", &[0; 20], b"\x01\x2a\x80theora"]), "video/ogg"),
        ([vec![0x47], vec![0; 187]].concat().repeat(4), "video/mp2t"),
        (sample(&[b"\xff\xfb\x90\x64"]), "audio/mpeg"),
        (sample(&[b"\xff\xf1\x50\x80"]), "audio/aac"),
        (sample(&[b"%PDF-1.7\n%\xe2\xe3"]), "application/pdf"),
    ] {
        assert_eq!(content(&head), Some(media));
        // A claim that does not fit changes nothing, however it is cut.
        assert_eq!(sniff(&head, Some("text/html")).as_deref(), Some(media));
        for end in 0..head.len() {
            let _ = content(&head[..end]);
        }
    }
    assert_eq!(content(&[]), None);
    assert_eq!(content(&[0; 64]), None);
}

#[test]
fn text_is_text_whatever_it_claims_to_be() {
    for (text, media) in [
        ("hello, world", "text/plain"),
        ("#EXTM3U\n#EXT-X-TARGETDURATION:1\nfile:///etc/passwd\n", "text/plain"),
        ("ffconcat version 1.0\nfile '/etc/passwd'\n", "text/plain"),
        ("GIF, the format", "text/plain"),
        ("BM is how a bitmap begins", "text/plain"),
        ("  <!doctype html><title>x</title>", "text/html"),
        ("<script>alert(1)</script>", "text/html"),
        ("<!-- x --><svg onload=alert(1)>", "image/svg+xml"),
        ("<?xml version=\"1.0\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\"/>", "image/svg+xml"),
        ("\u{feff}<svg/>", "image/svg+xml"),
        ("<?xml version=\"1.0\"?><a/>", "application/xml"),
        ("<abbr>", "text/plain"),
        ("früh am Morgen", "text/plain"),
    ] {
        assert_eq!(content(text.as_bytes()), Some(media), "{text}");
        for claimed in ["video/mp4", "image/png", "application/octet-stream"] {
            assert_eq!(sniff(text.as_bytes(), Some(claimed)).as_deref(), Some(media), "{text} as {claimed}");
        }
    }
    let cut = "é".repeat(HEAD);
    assert_eq!(content(&cut.as_bytes()[..HEAD - 1]), Some("text/plain"));
    assert_eq!(content(b"caf\xe9 <script>"), None, "an older encoding, and no tag at the beginning");
    assert_eq!(content(b"<script>caf\xe9</script>"), Some("text/html"));
}

#[test]
fn a_claim_counts_where_the_content_leaves_it_open() {
    let webm = b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm";
    assert_eq!(sniff(webm, Some("audio/webm;codecs=opus")).as_deref(), Some("audio/webm"));
    assert_eq!(sniff(webm, Some("audio/mp4")).as_deref(), Some("video/webm"));
    assert_eq!(sniff(b"a,b\n1,2\n", Some("text/csv; charset=utf-8")).as_deref(), Some("text/csv"));
    assert_eq!(sniff(b"{}", Some("application/json")).as_deref(), Some("application/json"));
    assert_eq!(sniff(b"PK\x03\x04", Some("application/epub+zip")).as_deref(), Some("application/epub+zip"));
    let unknown = [0_u8, 1, 2, 3];
    assert_eq!(sniff(&unknown, Some("Application/X-Own")).as_deref(), Some("application/x-own"));
    for active in ["text/html", "text/javascript", "image/svg+xml", "application/xhtml+xml", "text/css"] {
        assert_eq!(sniff(&unknown, Some(active)).as_deref(), Some(UNKNOWN), "{active}");
        assert_eq!(sniff(b"hello", Some(active)).as_deref(), Some("text/plain"), "{active}");
    }
    for broken in ["nonsense", "a/b\r\nx-evil: 1", "/", &format!("a/{}", "b".repeat(200))] {
        assert_eq!(sniff(&unknown, Some(broken)).as_deref(), Some(UNKNOWN), "{broken}");
    }
    assert_eq!(sniff(&unknown, None), None);
}
