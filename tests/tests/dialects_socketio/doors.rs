//! The way in: who waits there, how much they may bring, and what becomes of them when there is no room.

use std::time::Duration;

use samewire::{Client as Sdk, JoinOptions};
use samewire_tests::live::raw::Heard;
use samewire_tests::live::{Host, http, token, until, within};
use serde_json::json;

use crate::stage::{Bystander, Client, HERE, Poller, address, connections, settings, store, subscribe};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_in_while_the_server_is_full_is_let_go_so_that_it_comes_back() {
    let mut config = settings();
    config.limits.max_sessions = 2;
    let host = Host::start(config).await;
    let mut others = Vec::new();
    for user in ["bob", "cy"] {
        let sdk = Sdk::builder(host.url()).token(token(user)).build().expect("a client");
        let room = within("a room", sdk.join(&format!("file:{}", store(&host, user).await), JoinOptions::new())).await;
        others.push((sdk, room.expect("the owner may watch")));
    }
    let connect = format!("40{HERE},{}", json!({"token": token("ada")}));
    let mut client = Client::open(&host).await;
    client.say(&connect).await;
    let end = loop {
        match client.raw.next().await {
            Heard::Close(code, _) => break code,
            // The close of Engine.IO; a refusal would be final for a client of Socket.IO.
            Heard::Text(packet) => assert_eq!(packet, json!(1)),
            Heard::Odd(packet) => assert_eq!(packet, "1"),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(end, 1013);
    let poller = Poller::open(&host).await;
    assert_eq!(poller.post(connect).await.status, 200);
    assert_eq!(poller.poll().await.text, "1");
    drop(others);
    until("there is room", || async { host.health().await.sessions == 0 }).await;
    Client::enter(&host, "ada").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_only_takes_places_keeps_nobody_out() {
    let mut config = settings();
    config.limits.max_sessions = 8;
    config.limits.hello_timeout = Duration::from_secs(600);
    let host = Host::start(config).await;
    let mut bystander = Bystander::new(&host).await;
    for speaks in [false, true] {
        let mut flood = Vec::new();
        for _ in 0..20 {
            let poller = Poller::open(&host).await;
            if speaks {
                assert_eq!(poller.post("40/elsewhere,").await.status, 200);
            }
            flood.push(poller);
        }
        // Each of those who came late is there; the oldest gave way, and is told nothing that would keep it away.
        assert_eq!(flood[0].post("3").await.status, 400);
        assert_eq!(flood[19].post("3").await.status, 200);
        let (_client, poller) = (Client::enter(&host, "ada").await, Poller::enter(&host, "ada").await);
        for _ in 0..20 {
            Poller::open(&host).await;
        }
        let file = store(&host, "ada").await;
        poller.watch(&file).await;
        assert_eq!(poller.post("1").await.status, 200);
        bystander.is_well(&host).await;
    }
    assert!(connections(&host).await <= Some(8));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_not_come_in_says_little() {
    let host = Host::start(settings()).await;
    let large = vec!["40"; 100_000].join("\u{1e}");
    let poller = Poller::open(&host).await;
    assert_eq!(poller.post(large.clone()).await.status, 413);
    until("it is gone", || async { poller.poll().await.status == 400 }).await;
    // Who is in may say as much as one message may have.
    let poller = Poller::enter(&host, "ada").await;
    assert_eq!(poller.post(large).await.status, 200);
    assert_eq!(poller.post(subscribe("fi_x", "1")).await.status, 200);
    poller.until(|text| text.starts_with("43/file-processing,1[").then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_says_much_and_hears_nothing_has_no_more_time_to_come_in() {
    let mut config = settings();
    config.limits.hello_timeout = Duration::from_secs(1);
    let host = Host::start(config).await;
    let poller = Poller::open(&host).await;
    assert_eq!(poller.post(vec!["40"; 8_000].join("\u{1e}")).await.status, 200);
    until("it is gone", || async { connections(&host).await == Some(0) }).await;
    assert_eq!(poller.post("3").await.status, 400);
    assert_eq!(http::send(http::requests().get(address(&host, None))).await.status, 200);
}
