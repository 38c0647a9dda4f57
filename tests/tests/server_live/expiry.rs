//! What is kept for a client that is away, for how long, and what ends it sooner.

use std::time::Duration;

use bytes::Bytes;
use samewire::{Code, Digest, Source, Status, StreamOptions};
use samewire_server::Config;
use samewire_tests::live::proxy::Proxy;
use samewire_tests::live::raw::Raw;
use samewire_tests::live::{
    Host, Insistent, blob_count, contents, download, list, settings, store, token, until, upload, wait_for_blobs, within,
};
use serde_json::json;

/// Long enough that nothing expires in a test by itself.
const NEVER: Duration = Duration::from_secs(3600);
const SOON: Duration = Duration::from_millis(150);

fn config(session: Duration, idle: Duration, absolute: Duration) -> Config {
    let mut config = settings();
    config.limits.session_ttl = session;
    config.streams.idle_ttl = idle;
    config.streams.absolute_ttl = absolute;
    config
}

async fn nothing_is_left(host: &Host) {
    until("no stream is under way", || async { host.health().await.streams == 0 }).await;
    wait_for_blobs(host.data(), 0).await;
}

fn id(number: u32) -> String {
    format!("st_{number:032x}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_nobody_comes_back_to_expires() {
    let host = Host::start(config(SOON, SOON, NEVER)).await;
    for credential in [None, Some(token("maria"))] {
        let mut raw = Raw::session(host.addr(), credential.as_deref()).await;
        raw.open(1, &id(1), Some(1000)).await;
        raw.chunk(1, 0, &[1; 500]).await;
        raw.open(3, &id(3), None).await;
        // One is whole, and no call made a file of it.
        raw.open(5, &id(5), Some(3)).await;
        raw.chunk(5, 0, &[5; 3]).await;
        raw.send(&json!({"type": "end", "stream": 5, "size": 3, "digest": Digest::of(&[5; 3])})).await;
        raw.expect("finished").await;
        assert_eq!(blob_count(host.data()), 3);
        drop(raw);
        nothing_is_left(&host).await;
        until("the session has expired", || async { host.health().await.sessions == 0 }).await;
    }
    // A stream to a client, of a file that was removed meanwhile: its bytes go with the stream.
    let person = Insistent::new(&host.url(), Some(token("maria")));
    let (bytes, _) = contents(1, 300_000);
    let file = upload(&person.client, "a file", bytes).await.expect("a file");
    let mut raw = Raw::session(host.addr(), Some(&token("maria"))).await;
    raw.call(1, "files/open", json!({"id": file.id})).await.expect("a stream");
    assert_eq!(raw.call(2, "files/remove", json!({"id": file.id})).await, Ok(json!({"removed": true})));
    assert_eq!((blob_count(host.data()), host.health().await.streams), (1, 1));
    drop(raw);
    nothing_is_left(&host).await;
}

/// Somebody who is connected is not away, however long nothing comes; but no stream is for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_absolute_time_ends_what_is_attached_too() {
    let host = Host::start(config(SOON, SOON, Duration::from_millis(1200))).await;
    let mut raw = Raw::session(host.addr(), Some(&token("maria"))).await;
    raw.open(1, &id(1), Some(1000)).await;
    raw.chunk(1, 0, &[1; 500]).await;
    raw.send(&json!({"type": "call", "id": 1, "method": "files/upload", "payload": {"stream": id(1)}})).await;
    // Several idle times on it is still there.
    tokio::time::sleep(4 * SOON).await;
    assert_eq!(host.health().await.streams, 1);
    // Then it is over: the sender is told, the caller is told, and it is as if it had never been.
    assert_eq!(raw.aborted(1).await, "stream-not-found");
    assert_eq!(raw.answer(1).await.expect_err("it is over")["code"], "stream-not-found");
    nothing_is_left(&host).await;
    assert_eq!(raw.call(2, "system/echo", json!(1)).await, Ok(json!(1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_upload_outlives_a_cut() {
    const SIZE: usize = 3 * 1024 * 1024;
    let mut config = config(NEVER, NEVER, NEVER);
    config.limits.window = 128 * 1024;
    let host = Host::start(config).await;
    let proxy = Proxy::start(host.addr()).await;
    let person = Insistent::new(&proxy.url(), Some(token("maria")));
    let (bytes, digest) = contents(2, SIZE);
    let upload = person.client.upload(Source::bytes(bytes), StreamOptions::named("paused"));
    let mut progress = upload.watch_progress();
    within("some progress", progress.wait_for(|now| now.durable > 0)).await.expect("the upload is there");
    upload.pause();
    let mut status = person.client.watch_status();
    for _ in 0..3 {
        proxy.cut_all();
        within("the cut is seen", status.wait_for(|status| !matches!(status, Status::Live)))
            .await
            .expect("the client is there");
        within("a new connection", status.wait_for(|status| matches!(status, Status::Live)))
            .await
            .expect("the client is there");
    }
    let (before, sent) = (upload.progress().durable, proxy.counts().up);
    assert!(before < SIZE as u64, "it was over before it was paused");
    upload.resume();
    let file = within("the rest", store(&person.client, &upload)).await.expect("a file");
    assert_eq!((file.size, file.digest), (SIZE as u64, digest));
    let rest = proxy.counts().up - sent;
    assert!(
        rest <= SIZE as u64 - before + 512 * 1024,
        "{rest} bytes were sent for the {} that were missing",
        SIZE as u64 - before
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_upload_is_gone_at_once() {
    let mut config = config(NEVER, NEVER, NEVER);
    config.streams.quota = 4 * 1024 * 1024;
    let host = Host::start(config).await;
    let proxy = Proxy::start(host.addr()).await;
    let person = Insistent::new(&proxy.url(), Some(token("maria")));
    for round in 0..12 {
        // All of the quota, each time.
        let (bytes, _) = contents(3, 4 * 1024 * 1024);
        let upload = person.client.upload(Source::bytes(bytes), StreamOptions::named("cancelled"));
        let mut progress = upload.watch_progress();
        if round % 3 > 0 {
            within("some progress", progress.wait_for(|now| now.durable > 0)).await.expect("the upload is there");
        }
        upload.pause();
        if round % 4 == 1 {
            proxy.cut_all();
        }
        upload.cancel();
        if round % 4 == 2 {
            proxy.cut_all();
        }
        let failure = within("the end", upload.finished()).await;
        // All of it may have been there before it was cancelled.
        assert!(failure.is_err_and(|failure| failure.code == Code::Canceled), "round {round}");
        nothing_is_left(&host).await;
    }
    let (bytes, _) = contents(4, 4 * 1024 * 1024);
    within("an upload", upload(&person.client, "fits", bytes)).await.expect("all of the quota is free");
}

/// With code 1000 the client says that it will not come back. What an anonymous session had, nobody else could reach.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_ends_its_session() {
    let host = Host::start(config(NEVER, NEVER, NEVER)).await;
    let (bytes, _) = contents(5, 100_000);
    let nobody = Insistent::new(&host.url(), None);
    within("an upload", upload(&nobody.client, "nobody's", bytes.clone())).await.expect("a file");
    let unfinished = nobody.client.upload(Source::reader(tokio::io::empty(), Some(10)), StreamOptions::default());
    drop(unfinished);
    assert_eq!(list(&nobody.client).await.expect("a list").len(), 1);
    nobody.client.close();
    nothing_is_left(&host).await;
    assert_eq!(host.health().await.sessions, 0);

    // A user has other sessions: files stay, and what is unfinished waits for its idle time.
    let maria = Insistent::new(&host.url(), Some(token("maria")));
    let file = within("an upload", upload(&maria.client, "Maria's", bytes.clone())).await.expect("a file");
    let mut raw = Raw::session(host.addr(), Some(&token("maria"))).await;
    raw.open(1, &id(1), Some(10)).await;
    raw.chunk(1, 0, &[1; 4]).await;
    raw.close(1000).await;
    maria.client.close();
    until("both sessions are over", || async { host.health().await.sessions == 0 }).await;
    assert_eq!((host.health().await.streams, blob_count(host.data())), (1, 2));
    let again = Insistent::new(&host.url(), Some(token("maria")));
    assert_eq!(list(&again.client).await.expect("a list"), std::slice::from_ref(&file));
    let got: Bytes = within("a download", download(&again.client, file.id)).await.expect("the file");
    assert!(got == bytes);
    // Another session of hers goes on with the stream.
    let mut raw = Raw::session(host.addr(), Some(&token("maria"))).await;
    assert_eq!(raw.open(7, &id(1), Some(10)).await["offset"], 4);
    raw.send(&json!({"type": "abort", "stream": 7, "ref": id(1)})).await;
    raw.send(&json!({"type": "ping"})).await;
    raw.expect("pong").await;
    until("no stream is under way", || async { host.health().await.streams == 0 }).await;
    wait_for_blobs(host.data(), 1).await;
}

/// What an earlier process left expires too, and so do an anonymous session's files when its client never came back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_earlier_process_left_expires() {
    let mut host = Host::start(config(NEVER, NEVER, NEVER)).await;
    let (bytes, _) = contents(6, 50_000);
    let nobody = Insistent::new(&host.url(), None);
    within("an upload", upload(&nobody.client, "nobody's", bytes.clone())).await.expect("a file");
    let maria = Insistent::new(&host.url(), Some(token("maria")));
    let file = within("an upload", upload(&maria.client, "Maria's", bytes.clone())).await.expect("a file");
    let mut raw = Raw::session(host.addr(), Some(&token("maria"))).await;
    raw.open(1, &id(1), Some(10)).await;
    raw.chunk(1, 0, &[1; 4]).await;
    raw.open(3, &id(3), None).await;
    assert_eq!(blob_count(host.data()), 4);
    host.kill().await;
    host.restart_with(config(SOON, SOON, SOON)).await;
    until("the streams have expired", || async { host.health().await.streams == 0 }).await;
    wait_for_blobs(host.data(), 1).await;
    let again = Insistent::new(&host.url(), Some(token("maria")));
    assert_eq!(list(&again.client).await.expect("a list"), [file]);
}

/// While a session is kept, it is kept whole; after that a client that comes back is told that it was not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_kept_for_its_time_and_no_longer() {
    let host = Host::start(config(SOON, NEVER, NEVER)).await;
    let mut raw = Raw::session(host.addr(), Some(&token("maria"))).await;
    raw.open(1, &id(1), Some(10)).await;
    raw.chunk(1, 0, &[1; 4]).await;
    let ticket = raw.ticket.clone();
    drop(raw);
    let (raw, welcome) = Raw::resume(host.addr(), &ticket).await;
    assert_eq!(welcome["continuity"], "kept");
    let ticket = raw.ticket.clone();
    drop(raw);
    until("the session has expired", || async { host.health().await.sessions == 0 }).await;
    let (mut raw, welcome) = Raw::resume(host.addr(), &ticket).await;
    assert_eq!(welcome["continuity"], "restarted");
    // A user's stream waited on.
    raw.send(&json!({"type": "open", "stream": 1, "ref": id(1), "name": "a file", "size": 10})).await;
    assert_eq!(raw.expect("opened").await["offset"], 4);
}
