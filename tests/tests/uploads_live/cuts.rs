//! Connections that are cut, bodies that stall and servers that die: what came stays, and the upload goes on from there.

use samewire_tests::live::{blob_sizes, contents, until};

use crate::stage::{Person, server, server_with};

/// Sends the first half of a body.
async fn begin(maria: &Person, upload: &str, bytes: &[u8]) -> crate::stage::Open {
    let ask = maria.patch(upload, 0).header("Content-Length", &(bytes.len() * 2).to_string());
    let mut open = ask.begin().await;
    open.write(bytes).await;
    open
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_before_a_cut_stays() {
    let server = server().await;
    let maria = Person::new(&server, "maria");
    let (bytes, digest) = contents(1, 2_000_000);
    let upload = maria.create(2_000_000).await;
    begin(&maria, &upload, &bytes[..1_000_000]).await.cut();
    until("all that came is on the disk", || async { blob_sizes(server.data()).first() == Some(&1_000_000) }).await;
    assert_eq!(maria.offset(&upload).await, 1_000_000);
    assert_eq!(maria.append(&upload, 1_000_000, &bytes[1_000_000..]).await, 2_000_000);
    assert_eq!(maria.files().await[0]["digest"], digest.to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_only_looks_alive_is_ended_by_the_next_question() {
    let server = server().await;
    let maria = Person::new(&server, "maria");
    let (bytes, digest) = contents(2, 2_000_000);
    let upload = maria.create(2_000_000).await;
    let mut open = begin(&maria, &upload, &bytes[..1_000_000]).await;
    until("all that came is on the disk", || async { blob_sizes(server.data()).first() == Some(&1_000_000) }).await;
    let offset = maria.offset(&upload).await;
    assert_eq!(offset, 1_000_000);
    // What the older connection still sends is of no account: the offset that was told stays right.
    open.write(&bytes[1_000_000..1_100_000]).await;
    assert_eq!(maria.append(&upload, offset, &bytes[1_000_000..]).await, 2_000_000);
    assert!(open.read().await.is_none_or(|answer| answer.status == 403));
    assert_eq!(maria.files().await[0]["digest"], digest.to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_stalls_is_ended_and_what_came_stays() {
    let server = server_with(&[("UPLOADS_STALL", "200ms")]).await;
    let maria = Person::new(&server, "maria");
    let upload = maria.create(10).await;
    let mut open = maria.patch(&upload, 0).header("Content-Length", "10").begin().await;
    open.write(b"01234").await;
    let answer = open.answer().await;
    assert_eq!((answer.status, answer.problem().as_str()), (408, "heartbeat-timeout"));
    assert_eq!(maria.append(&upload, 5, b"56789").await, 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_survives_kills_of_the_server() {
    let mut server = server().await;
    let (bytes, digest) = contents(3, 3_000_000);
    let upload = Person::new(&server, "maria").create(3_000_000).await;
    let mut offset = 0;
    for kill in 1..=3 {
        let maria = Person::new(&server, "maria");
        let ask = maria.patch(&upload, offset as u64).header("Content-Length", &(3_000_000 - offset).to_string());
        let mut open = ask.begin().await;
        open.write(&bytes[offset..kill * 900_000]).await;
        let some = offset as u64 + 100_000;
        until("some of it is on the disk", || async { blob_sizes(server.data()).first().is_some_and(|size| *size >= some) })
            .await;
        server.restart().await;
        let durable = Person::new(&server, "maria").offset(&upload).await;
        assert!(durable >= some, "{durable} of at least {some}");
        offset = usize::try_from(durable).expect("a size");
    }
    let maria = Person::new(&server, "maria");
    assert_eq!(maria.append(&upload, offset as u64, &bytes[offset..]).await, 3_000_000);
    assert_eq!(maria.files().await[0]["digest"], digest.to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_answers_who_is_sending_and_keeps_what_came() {
    let mut server = server().await;
    let maria = Person::new(&server, "maria");
    let upload = maria.create(10).await;
    let mut open = maria.patch(&upload, 0).header("Content-Length", "10").begin().await;
    open.write(b"01234").await;
    until("all that came is on the disk", || async { blob_sizes(server.data()).first() == Some(&5) }).await;
    server.terminate();
    let answer = open.answer().await;
    assert_eq!((answer.status, answer.problem().as_str()), (503, "restart"));
    assert!(server.ended().await);
    server.restart().await;
    assert_eq!(Person::new(&server, "maria").append(&upload, 5, b"56789").await, 10);
}
