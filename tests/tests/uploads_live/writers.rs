//! Two who write to one upload: the newer goes on, the older is ended, and no byte of it is mixed in.

use samewire_tests::live::{blob_sizes, contents, until};

use crate::stage::{Person, server};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_older_of_two_writers_is_ended() {
    let server = server().await;
    let maria = Person::new(&server, "maria");
    let (bytes, digest) = contents(1, 2_000_000);
    let upload = maria.create(2_000_000).await;
    let mut older = maria.patch(&upload, 0).header("Content-Length", "2000000").begin().await;
    older.write(&bytes[..500_000]).await;
    until("what came is there", || async { blob_sizes(server.data()).first() == Some(&500_000) }).await;
    let mut newer = maria.patch(&upload, 500_000).header("Content-Length", "1500000").begin().await;
    newer.write(&bytes[500_000..1_000_000]).await;
    let answer = older.answer().await;
    // A status after which clients do not come back by themselves: else the two would end each other for ever.
    assert_eq!((answer.status, answer.problem().as_str()), (403, "superseded"));
    newer.write(&bytes[1_000_000..]).await;
    let answer = newer.answer().await;
    assert_eq!((answer.status, answer.offset()), (204, 2_000_000));
    assert_eq!(maria.files().await[0]["digest"], digest.to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_cannot_be_right_ends_nobody() {
    let server = server().await;
    let maria = Person::new(&server, "maria");
    let (bytes, digest) = contents(2, 1_000_000);
    let upload = maria.create(1_000_000).await;
    let mut writer = maria.patch(&upload, 0).header("Content-Length", "1000000").begin().await;
    writer.write(&bytes[..500_000]).await;
    until("what came is there", || async { blob_sizes(server.data()).first() == Some(&500_000) }).await;
    assert_eq!(maria.patch(&upload, 0).body(&bytes[..10]).send().await.status, 409);
    let mallory = Person::new(&server, "mallory");
    for method in ["HEAD", "DELETE"] {
        assert_eq!(mallory.tus(method, &upload).send().await.status, 404);
    }
    assert_eq!(mallory.patch(&upload, 500_000).body(b"x").send().await.status, 404);
    writer.write(&bytes[500_000..]).await;
    let answer = writer.answer().await;
    assert_eq!((answer.status, answer.offset()), (204, 1_000_000));
    assert_eq!(maria.files().await[0]["digest"], digest.to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checked_body_of_the_older_is_discarded() {
    let server = server().await;
    let maria = Person::new(&server, "maria");
    let (bytes, digest) = contents(3, 1_000_000);
    let upload = maria.create(1_000_000).await;
    maria.append(&upload, 0, &bytes[..100_000]).await;
    let older = maria.patch(&upload, 100_000).header("Upload-Checksum", "sha1 AAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    let mut older = older.header("Content-Length", "900000").begin().await;
    older.write(&[0; 400_000]).await;
    until("some of it is on the disk", || async { blob_sizes(server.data()).first().is_some_and(|size| *size > 200_000) })
        .await;
    assert_eq!(maria.append(&upload, 100_000, &bytes[100_000..]).await, 1_000_000);
    assert_eq!(older.answer().await.problem(), "superseded");
    assert_eq!(maria.files().await[0]["digest"], digest.to_string());
}
