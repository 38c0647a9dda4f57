//! The extensions termination and expiration, and uploads whose last request came to grief.

use samewire_tests::live::{blob_sizes, contents, until, wait_for_blobs};

use crate::stage::{Person, server, server_with};

const QUOTA: u64 = 1_000_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_is_given_up_frees_its_room_at_once() {
    let server = server_with(&[("STREAMS_QUOTA", "1000000")]).await;
    let maria = Person::new(&server, "maria");
    let upload = maria.create(QUOTA).await;
    maria.append(&upload, 0, &[7; 300_000]).await;
    let mut writer = maria.patch(&upload, 300_000).header("Content-Length", "700000").begin().await;
    writer.write(&[7; 300_000]).await;
    let answer = maria.tus("DELETE", &upload).send().await;
    assert_eq!((answer.status, answer.header("tus-resumable")), (204, Some("1.0.0")));
    maria.has_left(QUOTA).await;
    let answer = writer.answer().await;
    assert!(matches!(answer.status, 404 | 410), "{answer:?}");
    for answer in [
        maria.tus("HEAD", &upload).send().await,
        maria.tus("DELETE", &upload).send().await,
        maria.patch(&upload, 300_000).body(b"x").send().await,
    ] {
        assert_eq!(answer.status, 404, "{answer:?}");
    }
    wait_for_blobs(server.data(), 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_finished_upload_that_is_deleted_takes_its_file_along() {
    let server = server_with(&[("STREAMS_QUOTA", "1000000")]).await;
    let maria = Person::new(&server, "maria");
    let upload = maria.create(QUOTA).await;
    maria.append(&upload, 0, &[7; QUOTA as usize]).await;
    assert_eq!(maria.files().await.len(), 1);
    assert_eq!(maria.tus("DELETE", &upload).send().await.status, 204);
    assert!(maria.files().await.is_empty());
    assert_eq!(maria.tus("HEAD", &upload).send().await.status, 410);
    assert_eq!(maria.tus("DELETE", &upload).send().await.status, 404);
    maria.has_left(QUOTA).await;
    wait_for_blobs(server.data(), 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_nobody_goes_on_with_expires() {
    let settings = [("STREAMS_IDLE_TTL", "300ms"), ("LIMITS_SESSION_TTL", "100ms"), ("STREAMS_QUOTA", "1000000")];
    let server = server_with(&settings).await;
    let maria = Person::new(&server, "maria");
    let upload = maria.create(QUOTA).await;
    maria.append(&upload, 0, &[7; 1000]).await;
    until("the upload has expired", || async { server.health().await.streams == 0 }).await;
    let answer = maria.patch(&upload, 1000).body(b"x").send().await;
    // As one that never was.
    assert_eq!((answer.status, answer.problem().as_str()), (404, "stream-not-found"));
    wait_for_blobs(server.data(), 0).await;
    maria.has_left(QUOTA).await;
}

/// A client that asks how far the upload is and hears "all of it" is done: so it has to be a file then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_whose_last_answer_was_lost_is_made_a_file_by_the_next_question() {
    let server = server().await;
    let maria = Person::new(&server, "maria");
    let (bytes, digest) = contents(1, 500_000);
    let upload = maria.create(500_000).await;
    // All bytes come, and then the connection breaks before the body's end was said.
    let mut open = maria.patch(&upload, 0).header("Transfer-Encoding", "chunked").begin().await;
    open.write(format!("{:x}\r\n", bytes.len()).as_bytes()).await;
    open.write(&bytes).await;
    until("all bytes are on the disk", || async { blob_sizes(server.data()).first() == Some(&500_000) }).await;
    open.cut();
    let answer = maria.tus("HEAD", &upload).send().await;
    assert_eq!((answer.status, answer.offset()), (200, 500_000));
    let files = maria.files().await;
    assert_eq!((&files[0]["id"], &files[0]["digest"]), (&answer.file().into(), &digest.to_string().into()));
}
