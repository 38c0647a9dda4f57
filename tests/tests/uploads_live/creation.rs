//! The extensions creation, creation-with-upload and creation-defer-length.

use samewire_tests::live::{contents, wait_for_blobs};

use crate::stage::{Person, server, server_with};

/// `value` in base64, without a library: the alphabet is all there is to it.
fn base64(value: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |bits: u32| char::from(ALPHABET[(bits & 63) as usize]);
    let group = |three: &[u8]| {
        let bits = three.iter().chain(&[0, 0]).take(3).fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        let mut text: String = [18, 12, 6, 0].iter().map(|shift| digit(bits >> shift)).collect();
        text.truncate(three.len() + 1);
        format!("{text:=<4}")
    };
    value.chunks(3).map(group).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metadata_names_the_file_and_is_told_again() {
    let server = server().await;
    let maria = Person::new(&server, "maria");
    let metadata =
        format!("filename {},filetype {},is_public", base64("Größe 😀.bin".as_bytes()), base64(b"application/x-ours"));
    let create = maria.tus("POST", "/tus/").header("Upload-Length", "3").header("Upload-Metadata", &metadata);
    let upload = create.send().await.location();
    let answer = maria.tus("HEAD", &upload).send().await;
    assert_eq!(answer.header("upload-metadata"), Some(metadata.as_str()));
    // Bytes that say nothing of what they are; else they would count, and not what is claimed.
    maria.append(&upload, 0, b"\x00\x01\x02").await;
    let files = maria.files().await;
    assert_eq!((&files[0]["name"], &files[0]["media"]), (&"Größe 😀.bin".into(), &"application/x-ours".into()));
    // It goes with the upload, and is told of the finished one as well.
    assert_eq!(maria.tus("HEAD", &upload).send().await.header("upload-metadata"), Some(metadata.as_str()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_new_upload_is_told_and_nothing_is_begun() {
    let server = server().await;
    let maria = Person::new(&server, "maria");
    let post = || maria.tus("POST", "/tus/");
    let named =
        |name: &[u8]| post().header("Upload-Length", "3").header("Upload-Metadata", &format!("filename {}", base64(name)));
    let metadata = |told: &str| post().header("Upload-Length", "3").header("Upload-Metadata", told);
    let ten = (10_u64 << 30).to_string();
    for (what, ask, status, code) in [
        ("no length", post(), 400, "bad-request"),
        ("a length and none", post().header("Upload-Length", "3").header("Upload-Defer-Length", "1"), 400, "bad-request"),
        ("a length that is none", post().header("Upload-Length", "three"), 400, "bad-request"),
        ("a negative length", post().header("Upload-Length", "-1"), 400, "bad-request"),
        ("a signed length", post().header("Upload-Length", "+1"), 400, "bad-request"),
        ("another deferral", post().header("Upload-Defer-Length", "2"), 400, "bad-request"),
        ("more than the server takes", post().header("Upload-Length", &(17_u64 << 30).to_string()), 413, "too-big"),
        ("10 GiB of a quota of one", post().header("Upload-Length", &ten), 413, "quota-exceeded"),
        ("a name with folders", named(b"../../etc/passwd"), 400, "bad-name"),
        ("a name with a NUL", named(b"a\0b"), 400, "bad-name"),
        ("a name of dots", named(b".."), 400, "bad-name"),
        ("a name of 10 kB", named(&[b'x'; 10_000]), 400, "bad-name"),
        ("a name that is not UTF-8", named(b"\xff\xfe"), 400, "bad-name"),
        ("no base64", metadata("filename %%%"), 400, "bad-request"),
        ("a key twice", metadata("a YQ==,a YQ=="), 400, "bad-request"),
        ("10 kB of something else", metadata(&format!("other {}", base64(&[7; 10_000]))), 413, "too-big"),
        ("bytes of another type", post().header("Upload-Length", "3").body(b"abc"), 415, "unsupported-media"),
        (
            "a concatenation of another kind",
            post().header("Upload-Length", "3").header("Upload-Concat", "half"),
            400,
            "bad-request",
        ),
        ("a concatenation of nothing", post().header("Upload-Concat", "final;"), 400, "bad-request"),
        ("another method", maria.tus("GET", "/tus/"), 405, "bad-request"),
    ] {
        let answer = ask.send().await;
        assert_eq!((answer.status, answer.problem().as_str()), (status, code), "{what}");
        assert_eq!(answer.header("location"), None, "{what}");
    }
    assert_eq!(server.health().await.streams, 0);
    wait_for_blobs(server.data(), 0).await;
    maria.has_left(1 << 30).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_neither_the_quota_nor_the_disk_has_room_for_is_refused_for_the_quota() {
    // More than a disk has.
    const SIZE: u64 = 1 << 52;
    let most = (SIZE * 2 - 1).to_string();
    for (quota, status, code) in [("1 GiB", 413, "quota-exceeded"), (most.as_str(), 507, "storage-full")] {
        let server = server_with(&[("LIMITS_MAX_UPLOAD", &most), ("STREAMS_QUOTA", quota)]).await;
        let maria = Person::new(&server, "maria");
        let answer = maria.tus("POST", "/tus/").header("Upload-Length", &SIZE.to_string()).send().await;
        assert_eq!((answer.status, answer.problem().as_str()), (status, code), "at once");
        let later = maria.tus("POST", "/tus/").header("Upload-Defer-Length", "1").send().await.location();
        let answer = maria.patch(&later, 0).header("Upload-Length", &SIZE.to_string()).body(b"abc").send().await;
        assert_eq!((answer.status, answer.problem().as_str()), (status, code), "later");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_of_nothing_is_whole_at_once() {
    let server = server().await;
    let maria = Person::new(&server, "maria");
    let answer = maria.tus("POST", "/tus/").header("Upload-Length", "0").send().await;
    assert_eq!((answer.status, answer.offset()), (201, 0));
    let head = maria.tus("HEAD", &answer.location()).send().await;
    assert_eq!((head.status, head.offset(), head.header("upload-length"), head.file()), (200, 0, Some("0"), answer.file()));
    assert_eq!(maria.files().await[0]["size"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_may_come_with_the_creation() {
    let server = server().await;
    let maria = Person::new(&server, "maria");
    let post = |length: &str| {
        let ask = maria.tus("POST", "/tus").header("Content-Type", "application/offset+octet-stream");
        ask.header("Upload-Length", length)
    };
    // The address is relative to the one that was asked.
    let answer = post("6").body(b"abcdef").send().await;
    assert_eq!((answer.status, answer.offset()), (201, 6));
    assert!(answer.header("location").is_some_and(|location| location.starts_with("tus/st_")), "{answer:?}");
    assert_eq!(maria.files().await[0]["id"], answer.file());

    let answer = post("6").header("Upload-Checksum", "sha1 qZk+NkcGgWq6PiVxeFDCbJzQ2J0=").body(b"abc").send().await;
    assert_eq!((answer.status, answer.offset(), answer.header("samewire-file")), (201, 3, None));
    let upload = format!("/{}", answer.header("location").expect("an address"));
    assert_eq!(maria.append(&upload, 3, b"def").await, 6);

    // Nobody was told the address of what came to nothing.
    for (answer, status) in [
        (post("6").body(b"abcdefg").send().await, 413),
        (post("6").header("Upload-Checksum", "sha1 AAAAAAAAAAAAAAAAAAAAAAAAAAA=").body(b"abc").send().await, 460),
    ] {
        assert_eq!((answer.status, answer.header("location")), (status, None), "{answer:?}");
    }
    let mut open = post("6").header("Content-Length", "6").begin().await;
    open.write(b"abc").await;
    open.cut();
    samewire_tests::live::until("no stream is under way", || async { server.health().await.streams == 0 }).await;
    maria.has_left((1 << 30) - 12).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_length_may_be_said_later() {
    let server = server_with(&[("STREAMS_QUOTA", "8 MiB")]).await;
    let maria = Person::new(&server, "maria");
    let (bytes, digest) = contents(2, 3_000_000);
    let upload = maria.tus("POST", "/tus/").header("Upload-Defer-Length", "1").send().await.location();
    let head = maria.tus("HEAD", &upload).send().await;
    assert_eq!((head.header("upload-defer-length"), head.header("upload-length")), (Some("1"), None));
    // More than was reserved at first: room is found as the bytes come.
    assert_eq!(maria.append(&upload, 0, &bytes[..2_500_000]).await, 2_500_000);
    let patch = |length: &str| maria.patch(&upload, 2_500_000).header("Upload-Length", length);
    for (length, status, code) in [("2499999", 400, "size-mismatch"), ("9000000", 413, "quota-exceeded")] {
        let answer = patch(length).body(b"").send().await;
        assert_eq!((answer.status, answer.problem().as_str()), (status, code), "{length}");
    }
    assert_eq!(patch("3000000").body(b"").send().await.offset(), 2_500_000);
    let head = maria.tus("HEAD", &upload).send().await;
    assert_eq!((head.header("upload-defer-length"), head.header("upload-length")), (None, Some("3000000")));
    let answer = patch("3000001").body(b"").send().await;
    assert_eq!((answer.status, answer.problem().as_str()), (400, "size-mismatch"), "it is said only once");
    let answer = patch("3000000").body(&bytes[2_500_000..]).send().await;
    assert_eq!((answer.status, answer.offset()), (204, 3_000_000));
    assert_eq!(maria.files().await[0]["digest"], digest.to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_length_may_turn_out_to_be_what_has_come() {
    let server = server().await;
    let maria = Person::new(&server, "maria");
    for content in [b"".as_slice(), b"abc"] {
        let upload = maria.tus("POST", "/tus/").header("Upload-Defer-Length", "1").send().await.location();
        let length = content.len() as u64;
        assert_eq!(maria.append(&upload, 0, content).await, length);
        let answer = maria.patch(&upload, length).header("Upload-Length", &length.to_string()).body(b"").send().await;
        assert_eq!((answer.status, answer.offset()), (204, length));
        assert_eq!(maria.files().await[0]["id"], answer.file());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_of_unknown_length_ends_at_the_quota() {
    let server = server_with(&[("STREAMS_QUOTA", "2 MiB")]).await;
    let maria = Person::new(&server, "maria");
    let (bytes, _) = contents(3, 3 << 20);
    let upload = maria.tus("POST", "/tus/").header("Upload-Defer-Length", "1").send().await.location();
    let answer = maria.patch(&upload, 0).body(&bytes).send().await;
    assert_eq!((answer.status, answer.problem().as_str()), (413, "quota-exceeded"));
    samewire_tests::live::until("no stream is under way", || async { server.health().await.streams == 0 }).await;
    maria.has_left(2 << 20).await;
}
