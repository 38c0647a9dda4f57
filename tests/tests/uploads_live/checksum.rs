//! The extensions checksum and checksum-trailer: a body counts as a whole or not at all.

use samewire_tests::live::{blob_sizes, contents, until};

use crate::stage::{Person, server};

/// The sum of `hello world`, as the specification has it.
const HELLO: &str = "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_count_only_with_their_checksum() {
    let server = server().await;
    let maria = Person::new(&server, "maria");
    let upload = maria.create(22).await;
    let patch = |offset: u64, sum: &str| maria.patch(&upload, offset).header("Upload-Checksum", sum);
    let answer = patch(0, HELLO).body(b"hello worle").send().await;
    assert_eq!(
        (answer.status, answer.reason.as_str(), answer.problem().as_str()),
        (460, "Checksum Mismatch", "checksum-mismatch")
    );
    assert_eq!(maria.offset(&upload).await, 0, "all of it is discarded");
    assert_eq!(patch(0, HELLO).body(b"hello world").send().await.offset(), 11);
    for sum in ["md5 XrY7u+Ae7tCTyyK7j1rNww==", "sha1", "sha1 %%%", "crc32 DUoRhQ=="] {
        let answer = patch(11, sum).body(b"hello world").send().await;
        assert_eq!((answer.status, answer.problem().as_str()), (400, "bad-request"), "{sum}");
    }
    let answer = patch(11, "sha256 uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=").body(b"hello world").send().await;
    assert_eq!((answer.status, answer.offset()), (204, 22));
    assert_eq!(maria.files().await[0]["digest"], samewire::Digest::of(b"hello worldhello world").to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_checksum_may_follow_behind_the_bytes() {
    let server = server().await;
    let maria = Person::new(&server, "maria");
    let upload = maria.create(11).await;
    for (trailer, status) in [("", 400), ("Upload-Checksum: sha1 AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n", 460)] {
        let ask = maria.patch(&upload, 0).header("Transfer-Encoding", "chunked").header("Trailer", "Upload-Checksum");
        let mut open = ask.begin().await;
        open.write(format!("b\r\nhello world\r\n0\r\n{trailer}\r\n").as_bytes()).await;
        assert_eq!(open.answer().await.status, status, "{trailer:?}");
        assert_eq!(maria.offset(&upload).await, 0);
    }
    let ask = maria.patch(&upload, 0).header("Transfer-Encoding", "chunked").header("Trailer", "Upload-Checksum");
    let mut open = ask.begin().await;
    open.write(format!("6\r\nhello \r\n5\r\nworld\r\n0\r\nUpload-Checksum: {HELLO}\r\n\r\n").as_bytes()).await;
    let answer = open.answer().await;
    assert_eq!((answer.status, answer.offset()), (204, 11));
    // A checksum adds nothing to what is finished.
    let ask = maria.patch(&upload, 11).header("Transfer-Encoding", "chunked").header("Upload-Checksum", HELLO);
    let mut open = ask.begin().await;
    open.write(b"b\r\nhello world\r\n0\r\n\r\n").await;
    assert_eq!(open.answer().await.status, 413);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checked_body_that_breaks_off_never_came() {
    let server = server().await;
    let maria = Person::new(&server, "maria");
    let (bytes, _) = contents(1, 3_000_000);
    let upload = maria.create(4_000_000).await;
    maria.append(&upload, 0, &bytes[..1_000_000]).await;
    let mut open =
        maria.patch(&upload, 1_000_000).header("Upload-Checksum", HELLO).header("Content-Length", "3000000").begin().await;
    open.write(&bytes[1_000_000..]).await;
    open.cut();
    assert_eq!(maria.offset(&upload).await, 1_000_000);
    // What was there before is what it was.
    assert_eq!(maria.append(&upload, 1_000_000, &bytes[1_000_000..]).await, 3_000_000);
    assert_eq!(maria.append(&upload, 3_000_000, &bytes[..1_000_000]).await, 4_000_000);
    let whole = [&bytes[..], &bytes[..1_000_000]].concat();
    assert_eq!(maria.files().await[0]["digest"], samewire::Digest::of(&whole).to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_in_the_middle_of_a_checked_body_leaves_nothing_of_it() {
    let mut server = server().await;
    let maria = Person::new(&server, "maria");
    let (bytes, digest) = contents(2, 4_000_000);
    let upload = maria.create(4_000_000).await;
    maria.append(&upload, 0, &bytes[..1_000_000]).await;
    let mut open =
        maria.patch(&upload, 1_000_000).header("Upload-Checksum", HELLO).header("Content-Length", "3000000").begin().await;
    open.write(&bytes[1_000_000..3_500_000]).await;
    // Bytes that do not count yet are on the disk when it happens.
    let on_disk = || {
        let blobs = blob_sizes(server.data());
        async move { blobs.first().is_some_and(|size| *size > 1_500_000) }
    };
    until("bytes of the body are on the disk", on_disk).await;
    server.restart().await;
    let maria = Person::new(&server, "maria");
    assert_eq!(maria.offset(&upload).await, 1_000_000);
    assert_eq!(maria.append(&upload, 1_000_000, &bytes[1_000_000..]).await, 4_000_000);
    assert_eq!(maria.files().await[0]["digest"], digest.to_string());
}
