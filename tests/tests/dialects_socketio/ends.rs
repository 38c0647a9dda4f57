//! How connections end: clients that go, readers that stop, tokens that are taken back, servers that stop.

use std::time::Duration;

use samewire_tests::live::raw::opcode;
use samewire_tests::live::{Host, http, until, within};
use serde_json::{Value, json};

use crate::stage::{API_KEY, Bystander, Client, Poller, address, connections, progress, read, sessions_are, settings, store};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_goes_leaves_nothing_behind() {
    let host = Host::start(settings()).await;
    let file = store(&host, "ada").await;
    for how in ["closes", "says so", "drops"] {
        let mut client = Client::enter(&host, "ada").await;
        client.watch(&file).await;
        match how {
            "closes" => client.raw.close(1000).await,
            "says so" => client.say("1").await,
            _ => {}
        }
        drop(client);
        sessions_are(&host, 0).await;
    }
    let poller = Poller::enter(&host, "ada").await;
    assert_eq!(poller.post("1").await.status, 200);
    sessions_are(&host, 0).await;
    until("the connections are over", || async { connections(&host).await == Some(0) }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_answer_a_ping_is_given_up_over_either_transport() {
    let mut config = settings();
    (config.limits.heartbeat_interval, config.limits.heartbeat_timeout) = (Duration::from_millis(500), Duration::from_secs(3));
    let host = Host::start(config).await;
    let mut client = Client::enter(&host, "ada").await;
    let _poller = Poller::enter(&host, "ada").await;
    while !matches!(
        client.raw.next().await,
        samewire_tests::live::raw::Heard::Close(..) | samewire_tests::live::raw::Heard::Gone
    ) {}
    sessions_are(&host, 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reads_nothing_is_cut_off_and_nobody_waits_for_it() {
    let mut config = settings();
    (config.limits.heartbeat_interval, config.limits.heartbeat_timeout) = (Duration::from_secs(1), Duration::from_secs(4));
    let host = Host::start(config).await;
    let file = store(&host, "ada").await;
    let (mut stalled, mut reader) = (Client::enter(&host, "ada").await, Client::enter(&host, "ada").await);
    stalled.watch(&file).await;
    reader.watch(&file).await;
    let filling = "x".repeat(32 * 1024);
    let room = format!("file:{file}").parse().expect("a room");
    for n in 0..1_000 {
        let payload =
            serde_json::value::to_raw_value(&json!({"fileId": file, "progress": n, "filling": filling})).expect("JSON");
        let name = "processing:progress".parse().expect("a name");
        let message = samewire_server::rooms::core::Message {
            payload: Some(payload),
            ..samewire_server::rooms::core::Message::new(name)
        };
        host.rooms().publish(&room, message).await.expect("published");
        assert_eq!(reader.progress().await, n);
    }
    let reading = tokio::spawn(async move { while reader.hear().await.is_some() {} });
    // It reads nothing and says nothing, and its connection is open.
    until("it is cut off", || async { connections(&host).await == Some(1) }).await;
    assert!(!reading.is_finished(), "the other is connected");
    drop(stalled);
}

/// Everything that somebody who polls hears before it hears that it is over.
async fn rest(poller: &Poller) -> Vec<String> {
    let mut heard = Vec::new();
    while heard.last().is_none_or(|last| last != "1") {
        let told = poller.poll().await;
        assert_eq!(told.status, 200, "{told:?} after {heard:?}");
        heard.extend(told.text.split('\u{1e}').map(str::to_owned));
    }
    heard
}

async fn revoke(host: &Host, user: &str) {
    let request = http::requests().post(format!("{}/api/revocations", host.url())).bearer_auth(API_KEY);
    let answer = http::send(request.body(json!({"user": user}).to_string())).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_taken_back_ends_its_connections_and_says_so() {
    let host = Host::start(settings()).await;
    let mut bystander = Bystander::new(&host).await;
    let mut client = Client::enter(&host, "ada").await;
    let poller = Poller::enter(&host, "ada").await;
    let (polled, ()) = tokio::join!(rest(&poller), revoke(&host, "ada"));
    let is_revoked = |text: &str| read(text).filter(|(name, says)| name == "exception" && says["code"] == "token-revoked");
    client.until("the reason", is_revoked).await;
    client.ends().await;
    let [exception, error, close] = &polled[..] else { panic!("{polled:?}") };
    assert!(is_revoked(exception).is_some(), "{exception}");
    assert_eq!((read(error).map(|(name, _)| name).as_deref(), close.as_str()), (Some("error"), "1"));
    until("it does not go on", || async { poller.poll().await.status == 400 }).await;
    // Coming back by itself, it is told why it may not.
    let mut again = Client::open(&host).await;
    let refused = again.connect(&json!({"token": samewire_tests::live::token("ada")})).await;
    let refused: Value = serde_json::from_str(refused.strip_prefix("44/file-processing,").expect("a refusal")).expect("JSON");
    assert_eq!(refused["data"]["code"], "token-revoked");
    bystander.is_well(&host).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_lets_its_clients_go_so_that_they_come_back() {
    let mut host = Host::start(settings()).await;
    let file = store(&host, "ada").await;
    let mut client = Client::enter(&host, "ada").await;
    client.watch(&file).await;
    let (mut outside, poller) = (Client::open(&host).await, Poller::enter(&host, "ada").await);
    poller.watch(&file).await;
    for n in 0..30 {
        progress(&host, &file, n).await;
    }
    let address = address(&host, None);
    let (polled, ()) = tokio::join!(rest(&poller), host.stop());
    // All that was said before is heard, and not the word to leave the namespace, after which a client does not come back.
    assert!(polled.iter().all(|text| !text.starts_with("41")), "{polled:?}");
    let numbers = polled.iter().filter_map(|text| read(text)).filter_map(|(_, says)| says["progress"].as_u64());
    assert!(numbers.eq(0..30), "{polled:?}");
    for n in 0..30 {
        assert_eq!(client.progress().await, n);
    }
    assert_eq!((client.hear().await, outside.hear().await), (None, None));
    let gone = within("no answer", http::requests().get(address).send()).await;
    assert!(gone.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_removed_is_said_to_be() {
    let host = Host::start(settings()).await;
    let file = store(&host, "ada").await;
    let mut client = Client::enter(&host, "ada").await;
    client.watch(&file).await;
    progress(&host, &file, 1).await;
    let removed =
        http::requests().delete(format!("{}/api/files/{file}", host.url())).bearer_auth(samewire_tests::live::token("ada"));
    assert!(http::send(removed).await.status < 300);
    assert_eq!(client.progress().await, 1);
    let (name, says) = client.hear().await.and_then(|text| read(&text)).expect("an event");
    assert_eq!((name.as_str(), &says["code"], &says["fileId"]), ("exception", &json!("file-not-found"), &json!(file)));
    client.raw.frame(opcode::PING, true, b"").await;
}
