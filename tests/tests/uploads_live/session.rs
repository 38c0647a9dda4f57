//! An upload by HTTP and the sessions of its owner: each of them may name it in a call, and either side may go on where the other
//! stopped.

use samewire_tests::live::raw::Raw;
use samewire_tests::live::{Child, contents, token};
use serde_json::json;

use crate::stage::{Person, server};

async fn session(server: &Child, name: &str) -> Raw {
    Raw::session(server.addr(), Some(&token(name))).await
}

fn id(upload: &str) -> &str {
    upload.rsplit('/').next().expect("an id")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_may_name_an_upload_that_is_under_way() {
    let server = server().await;
    let maria = Person::new(&server, "maria");
    let (bytes, digest) = contents(1, 1_000_000);
    let upload = maria.create(1_000_000).await;
    let mut session = session(&server, "maria").await;
    session
        .send(&json!({"type": "call", "id": 1, "method": "files/upload", "payload": {"stream": id(&upload), "name": "mine"}}))
        .await;
    maria.append(&upload, 0, &bytes[..400_000]).await;
    // The call is under way: one after it is answered before it.
    assert_eq!(session.call(2, "system/echo", json!(2)).await, Ok(json!(2)));
    let last = maria.patch(&upload, 400_000).body(&bytes[400_000..]).send().await;
    let file = session.answer(1).await.expect("the file");
    assert_eq!((&file["id"], &file["digest"]), (&last.file().into(), &digest.to_string().into()));
    assert_eq!(maria.files().await.len(), 1, "it is one file, whoever made it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_may_name_an_upload_that_is_a_file_already() {
    let mut server = server().await;
    let maria = Person::new(&server, "maria");
    let upload = maria.create(3).await;
    let file = maria.patch(&upload, 0).body(b"abc").send().await.file();
    let params = json!({"streamId": id(&upload)});
    for _ in 0..2 {
        let mut first = session(&server, "maria").await;
        assert_eq!(first.call(1, "files/upload", params.clone()).await.expect("the file")["id"], file);
        let mut second = session(&server, "maria").await;
        assert_eq!(second.call(1, "files/upload", params.clone()).await.expect("the file")["id"], file);
        let mut other = session(&server, "mallory").await;
        let refused = other.call(1, "files/upload", params.clone()).await.expect_err("not theirs");
        assert_eq!(refused["code"], "stream-not-found");
        // And when nothing but the disk knows of it.
        server.restart().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_of_a_session_goes_on_by_tus() {
    let server = server().await;
    let maria = Person::new(&server, "maria");
    let (bytes, digest) = contents(2, 200_000);
    let mut session = session(&server, "maria").await;
    let stream = "st_00000000000000000000000000000007";
    session.open(1, stream, Some(200_000)).await;
    session.chunk(1, 0, &bytes[..50_000]).await;
    let upload = format!("/tus/{stream}");
    samewire_tests::live::until("the bytes are there", || async { maria.offset(&upload).await == 50_000 }).await;
    // To ask takes nothing from a session that is at work.
    session.chunk(1, 50_000, &bytes[50_000..100_000]).await;
    samewire_tests::live::until("more bytes are there", || async { maria.offset(&upload).await == 100_000 }).await;
    // To send does.
    assert_eq!(maria.append(&upload, 100_000, &bytes[100_000..]).await, 200_000);
    assert_eq!(session.aborted(1).await, "superseded");
    assert_eq!(maria.files().await[0]["digest"], digest.to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_by_tus_goes_on_in_a_session() {
    let server = server().await;
    let maria = Person::new(&server, "maria");
    let upload = maria.create(6).await;
    maria.append(&upload, 0, b"abc").await;
    let mut session = session(&server, "maria").await;
    let opened = session.open(1, id(&upload), Some(6)).await;
    assert_eq!(opened["offset"], 3);
    session.chunk(1, 3, b"def").await;
    let digest = samewire::Digest::of(b"abcdef").to_string();
    session.send(&json!({"type": "end", "stream": 1, "size": 6, "digest": digest})).await;
    session.expect("finished").await;
    let file = session.call(1, "files/upload", json!({"stream": id(&upload), "name": "both"})).await.expect("a file");
    let head = maria.tus("HEAD", &upload).send().await;
    assert_eq!((head.offset(), json!(head.file())), (6, file["id"].clone()));
}
