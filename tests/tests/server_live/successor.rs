//! A client that is gone, and one that takes its place: with the ticket alone, or as the same user.

use samewire::{Code, Digest, Source, StreamOptions};
use samewire_tests::live::raw::{Heard, Raw};
use samewire_tests::live::{Host, Insistent, blob_count, contents, download, settings, store, token, within};
use serde_json::{Value, json};

fn id(number: u32) -> String {
    format!("st_{number:032x}")
}

/// A session without a token that has half of a stream of 1000 bytes on the server, and its ticket.
async fn begun(host: &Host) -> (Raw, String) {
    let mut raw = Raw::session(host.addr(), None).await;
    raw.open(1, &id(1), Some(1000)).await;
    raw.chunk(1, 0, &[1; 500]).await;
    while raw.expect("credit").await["durable"] != 500 {}
    let ticket = raw.ticket.clone();
    (raw, ticket)
}

async fn take_the_place(host: &Host, ticket: &str) -> (Raw, Value) {
    let mut raw = Raw::connect(host.addr()).await;
    let welcome = raw.hello(json!({"ticket": ticket, "anew": true})).await;
    (raw, welcome)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reloaded_page_without_a_token_has_what_was_its_own() {
    let mut host = Host::start(settings()).await;
    for restarted in [false, true] {
        let (raw, ticket) = begun(&host).await;
        drop(raw);
        if restarted {
            host.restart().await;
        }
        let (mut raw, welcome) = take_the_place(&host, &ticket).await;
        assert_eq!(welcome["continuity"], "restarted");
        // The numbers begin again, of streams as of calls: what they stood for before is forgotten.
        raw.send(&json!({"type": "open", "stream": 1, "ref": id(1), "size": 1000})).await;
        assert_eq!(raw.expect("opened").await["offset"], 500);
        raw.chunk(1, 500, &[2; 500]).await;
        let whole = [[1; 500], [2; 500]].concat();
        raw.send(&json!({"type": "end", "stream": 1, "size": 1000, "digest": Digest::of(&whole)})).await;
        let file = raw.call(1, "files/upload", json!({"stream": id(1), "name": "a"})).await.expect("a file");
        assert_eq!(file["size"], 1000);
        raw.call(2, "files/remove", json!({"id": file["id"]})).await.expect("it is theirs");
        raw.close(1000).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_before_is_sent_away_for_good() {
    let host = Host::start(settings()).await;
    let (mut before, ticket) = begun(&host).await;
    let (mut after, _) = take_the_place(&host, &ticket).await;
    assert_eq!(before.expect("goodbye").await["error"]["code"], "superseded");
    let closed = loop {
        match before.next().await {
            Heard::Close(code, _) => break code,
            Heard::Gone => panic!("no close frame came"),
            _ => {}
        }
    };
    assert!(!samewire_protocol::code::may_come_back(closed), "{closed}");
    // Its going away takes nothing along.
    drop(before);
    after.send(&json!({"type": "open", "stream": 7, "ref": id(1), "size": 1000})).await;
    assert_eq!(after.expect("opened").await["offset"], 500);
    // The session is one: when it is ended, nothing is left.
    after.close(1000).await;
    samewire_tests::live::wait_for_blobs(host.data(), 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_client_of_the_same_user_goes_on_by_the_id() {
    const SIZE: usize = 24 * 1024 * 1024;
    let host = Host::start(settings()).await;
    let (bytes, digest) = contents(1, SIZE);
    let id = {
        let person = Insistent::new(&host.url(), Some(token("maria")));
        let upload = person.client.upload(Source::bytes(bytes.clone()), StreamOptions::named("film"));
        let mut progress = upload.watch_progress();
        within("some progress", progress.wait_for(|now| now.durable > 0)).await.expect("the upload is there");
        upload.pause();
        upload.id()
    };
    let person = Insistent::new(&host.url(), Some(token("maria")));
    let upload = person.client.upload_with_id(id, Source::bytes(bytes.clone()), StreamOptions::named("film"));
    let file = within("the rest", store(&person.client, &upload)).await.expect("a file");
    assert_eq!((file.size, file.digest), (SIZE as u64, digest));
    assert_eq!(within("the file", download(&person.client, file.id)).await.expect("its bytes"), bytes);
    assert_eq!(blob_count(host.data()), 1);

    // Somebody else's id is one that never was: theirs begins at the beginning.
    let other = Insistent::new(&host.url(), Some(token("eve")));
    let (theirs, digest) = contents(2, 1000);
    let upload = other.client.upload_with_id(id, Source::bytes(theirs), StreamOptions::named("mine"));
    assert_eq!(within("it", upload.finished()).await.expect("whole").digest, digest);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_file_under_the_same_id_fails() {
    const SIZE: usize = 24 * 1024 * 1024;
    let host = Host::start(settings()).await;
    let (bytes, _) = contents(1, SIZE);
    let first = Insistent::new(&host.url(), Some(token("maria")));
    let upload = first.client.upload(Source::bytes(bytes), StreamOptions::default());
    let mut progress = upload.watch_progress();
    within("some progress", progress.wait_for(|now| now.durable > 0)).await.expect("the upload is there");
    upload.pause();
    let second = Insistent::new(&host.url(), Some(token("maria")));
    let (other, _) = contents(2, SIZE);
    let wrong = second.client.upload_with_id(upload.id(), Source::bytes(other), StreamOptions::default());
    let failure = within("the end", wrong.finished()).await.expect_err("they are not the same");
    assert_eq!(failure.code, Code::DigestMismatch);
    // The one that began it heard that another went on with it.
    let failure = within("the word", upload.finished()).await.expect_err("it was taken over");
    assert_eq!(failure.code, Code::Superseded);
    assert!(samewire_tests::live::list(&second.client).await.expect("a list").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_was_begun_over_tus_goes_on_over_the_session() {
    const SIZE: usize = 3 * 1024 * 1024;
    let host = Host::start(settings()).await;
    let (bytes, digest) = contents(1, SIZE);
    let http = samewire_tests::live::http::requests();
    let tus = |method: &str, url: &str| {
        let request = http.request(method.parse().expect("a method"), url).bearer_auth(token("maria"));
        request.header("Tus-Resumable", "1.0.0")
    };
    let created = tus("POST", &format!("{}/tus/", host.url())).header("Upload-Length", SIZE).send().await.expect("an answer");
    assert_eq!(created.status(), 201);
    let place = created.headers()["location"].to_str().expect("text");
    let id = place.rsplit('/').next().expect("the id of a stream").to_owned();
    let url = format!("{}/tus/{id}", host.url());
    let sent = tus("PATCH", &url)
        .header("Upload-Offset", 0)
        .header("Content-Type", "application/offset+octet-stream")
        .body(bytes.slice(..SIZE / 3));
    assert_eq!(sent.send().await.expect("an answer").status(), 204);

    let person = Insistent::new(&host.url(), Some(token("maria")));
    let upload =
        person.client.upload_with_id(id.parse().expect("an id"), Source::bytes(bytes.clone()), StreamOptions::named("film"));
    let mut progress = upload.watch_progress();
    let first = within("some progress", progress.wait_for(|now| now.durable > 0)).await.expect("it is there").durable;
    assert!(first >= SIZE as u64 / 3, "{first} bytes were there");
    let file = within("the rest", store(&person.client, &upload)).await.expect("a file");
    assert_eq!((file.size, file.digest), (SIZE as u64, digest));
    assert_eq!(blob_count(host.data()), 1);
}
