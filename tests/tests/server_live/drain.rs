//! A server that is asked to stop: its clients hear so, and go on with the next one.

use samewire::{Digest, Source, StreamOptions};
use samewire_tests::live::proxy::{Fate, Proxy};
use samewire_tests::live::raw::{Heard, Raw};
use samewire_tests::live::{Child, Insistent, contents, download, list, store, token, within};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_client_hears_that_the_server_stops() {
    let mut child = Child::start(&[]).await;
    let mut clients = Vec::new();
    for _ in 0..50 {
        let mut raw = Raw::session(child.addr(), None).await;
        raw.open(1, "st_00000000000000000000000000000001", Some(1000)).await;
        clients.push(raw);
    }
    // Connected, and not in a session yet.
    let mut early = Raw::connect(child.addr()).await;
    // Waits for something that never comes.
    clients[0].send(&json!({"type": "call", "id": 1, "method": "files/upload", "payload": {"stream": "st_00000000000000000000000000000001"}})).await;
    child.terminate();
    for raw in &mut clients {
        let goodbye = raw.expect("goodbye").await;
        assert_eq!((&goodbye["error"]["code"], &goodbye["error"]["retryable"]), (&json!("restart"), &json!(true)));
        assert!(goodbye["reconnect"]["spread"].is_number(), "{goodbye}");
        assert_eq!(raw.next().await, Heard::Close(1012, "restart".to_owned()));
    }
    early.send(&json!({"type": "hello"})).await;
    loop {
        match early.next().await {
            Heard::Text(frame) => assert_eq!(frame["error"]["code"], "restart"),
            Heard::Close(..) | Heard::Gone => break,
            other => panic!("{other:?}"),
        }
    }
    drop(clients);
    assert!(child.ended().await, "a stop that was asked for is a success");
}

/// Somebody who does not listen, or whose call over HTTP never ends, does not keep the server from stopping.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_keeps_a_server_from_stopping() {
    let mut child = Child::start(&[]).await;
    let mut deaf = Raw::session(child.addr(), None).await;
    deaf.open(1, "st_00000000000000000000000000000001", Some(1000)).await;
    // A call over HTTP that waits for a stream which never ends.
    let (url, ticket) = (child.url(), deaf.ticket.clone());
    let endless = tokio::spawn(async move {
        let request = samewire_tests::live::http::requests().post(format!("{url}/rpc/files/upload"));
        let body = json!({"stream": "st_00000000000000000000000000000001"}).to_string();
        request.header("samewire-session", ticket).body(body).send().await.map(|answer| answer.status().as_u16())
    });
    let torn = tokio::net::TcpStream::connect(child.addr()).await.expect("a connection");
    // Many requests later it is under way.
    for id in 1..50 {
        deaf.call(id, "system/echo", json!(id)).await.expect("an answer");
        child.health().await;
    }
    assert!(!endless.is_finished());
    child.terminate();
    assert!(child.ended().await);
    drop((deaf, torn));
    let _ = within("the request's end", endless).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transfers_go_on_with_the_next_server() {
    const SIZE: usize = 6 * 1024 * 1024;
    const STOPS: u64 = 4;
    let mut child = Child::start(&[("LIMITS_WINDOW", "256 KiB")]).await;
    let proxy = Proxy::start(child.addr()).await;
    let person = Insistent::new(&proxy.url(), Some(token("maria")));
    let (bytes, digest) = contents(1, SIZE);
    let upload = person.client.upload(Source::bytes(bytes.clone()), StreamOptions::named("a file"));
    for part in ["upload", "download"] {
        let before = proxy.counts();
        proxy.fates(|_| Fate::Pass);
        let stopping = async {
            for stop in 1..=STOPS {
                let reached = move |counts: &samewire_tests::live::proxy::Counts| {
                    (counts.up + counts.down) - (before.up + before.down) >= stop * SIZE as u64 / (STOPS + 2)
                };
                proxy.until("a part of it is through", reached).await;
                child.terminate();
                proxy.retarget(None);
                assert!(child.ended().await);
                child.restart().await;
                proxy.retarget(Some(child.addr()));
            }
        };
        if part == "upload" {
            let (file, ()) =
                within("an upload through stops", async { tokio::join!(store(&person.client, &upload), stopping) }).await;
            let file = file.expect("a file");
            assert_eq!((file.size, file.digest), (SIZE as u64, digest));
        } else {
            let file = list(&person.client).await.expect("a list").remove(0);
            let (got, ()) =
                within("a download through stops", async { tokio::join!(download(&person.client, file.id), stopping) }).await;
            assert_eq!(Digest::of(&got.expect("the file")), digest);
        }
    }
}
