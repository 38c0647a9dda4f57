//! More than there is room for.

use samewire_tests::live::{Host, until};
use serde_json::json;

use crate::stage::{Bystander, Client, answer, connections, event, progress, read, settings, store, subscribe};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_in_so_many_rooms() {
    let mut config = settings();
    config.limits.max_rooms = 4;
    let host = Host::start(config).await;
    let mut client = Client::enter(&host, "ada").await;
    let mut files = Vec::new();
    for _ in 0..5 {
        files.push(store(&host, "ada").await);
    }
    for file in &files[..4] {
        client.watch(file).await;
    }
    client.say(&subscribe(&files[4], "1")).await;
    let refused = client.answer(1).await;
    assert_eq!((&refused["code"], &refused["fileId"]), (&json!("too-many-rooms"), &json!(files[4])));
    client.say(&event("unsubscribe:file", &json!({"fileId": files[0]}), "2")).await;
    assert_eq!(client.answer(2).await["ok"], true);
    client.watch(&files[4]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_subscriptions_are_answered_in_order() {
    let host = Host::start(settings()).await;
    let mut bystander = Bystander::new(&host).await;
    let file = store(&host, "ada").await;
    let mut client = Client::enter(&host, "ada").await;
    let mut sent = Vec::new();
    for n in 0..3_000_u32 {
        sent.push(subscribe(&format!("fi_{n:032x}"), &n.to_string()));
    }
    for text in &sent {
        client.say(text).await;
    }
    bystander.is_well(&host).await;
    for n in 0..3_000 {
        let refused = client.until("an answer", |text| Some(answer(text, n).unwrap_or_else(|| panic!("{n}: {text}")))).await;
        assert_eq!(refused["code"], "room-not-found");
    }
    client.watch(&file).await;
    bystander.is_well(&host).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn coming_and_going_thousands_of_times_ends_as_it_was_said_last() {
    let host = Host::start(settings()).await;
    let mut bystander = Bystander::new(&host).await;
    let (kept, left) = (store(&host, "ada").await, store(&host, "ada").await);
    let mut client = Client::enter(&host, "ada").await;
    let leave = |file: &str, ack: &str| event("unsubscribe:file", &json!({"fileId": file}), ack);
    for _ in 0..2_000 {
        client.say(&subscribe(&kept, "")).await;
        client.say(&leave(&left, "")).await;
        client.say(&leave(&kept, "")).await;
        client.say(&subscribe(&left, "")).await;
    }
    client.say(&leave(&left, "1")).await;
    client.say(&subscribe(&kept, "2")).await;
    assert_eq!(client.answer(1).await["ok"], true);
    let last = client.answer(2).await;
    assert_eq!(last["ok"], true, "{last}");
    bystander.is_well(&host).await;
    progress(&host, &left, 1).await;
    progress(&host, &kept, 2).await;
    assert_eq!(client.progress().await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_events_that_nobody_knows_holds_up_its_sender_only() {
    let host = Host::start(settings()).await;
    let mut bystander = Bystander::new(&host).await;
    let mut client = Client::enter(&host, "mallory").await;
    let noise = event("noise", &json!("x".repeat(1_000)), "");
    for _ in 0..5_000 {
        client.say(&noise).await;
    }
    client.say(&event("noise", &json!(1), "9")).await;
    assert_eq!(client.answer(9).await["code"], "method-not-found");
    bystander.is_well(&host).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_user_has_so_many_sessions() {
    let mut config = settings();
    config.limits.max_sessions_per_user = 2;
    let host = Host::start(config).await;
    let (first, _second) = (Client::enter(&host, "ada").await, Client::enter(&host, "ada").await);
    let mut third = Client::open(&host).await;
    let auth = json!({"token": samewire_tests::live::token("ada")});
    let refused = third.connect(&auth).await;
    assert!(refused.starts_with("44/file-processing,") && refused.contains("too-many-sessions"), "{refused}");
    drop(first);
    until("there is room", || async { connections(&host).await == Some(2) }).await;
    let answer = third.connect(&auth).await;
    assert!(answer.starts_with("40/file-processing,{"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_come_in_order_while_thousands_are_told() {
    let host = Host::start(settings()).await;
    let file = store(&host, "ada").await;
    let mut clients = Vec::new();
    for _ in 0..8 {
        let mut client = Client::enter(&host, "ada").await;
        client.watch(&file).await;
        clients.push(client);
    }
    let readers: Vec<_> = clients
        .into_iter()
        .map(|mut client| {
            tokio::spawn(async move {
                for n in 0..3_000 {
                    let (name, says) = client.hear().await.and_then(|text| read(&text)).expect("an event");
                    assert_eq!((name.as_str(), says["progress"].as_u64()), ("processing:progress", Some(n)));
                }
            })
        })
        .collect();
    for n in 0..3_000 {
        progress(&host, &file, n).await;
    }
    for reader in readers {
        samewire_tests::live::within("every event", reader).await.expect("in order");
    }
}
