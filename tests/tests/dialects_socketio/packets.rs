//! What is no packet, or one that no library sends: it ends its own connection at most.

use samewire_tests::live::raw::opcode;
use samewire_tests::live::{Host, token};
use serde_json::{Value, json};

use crate::stage::{Bystander, Client, HERE, event, progress, read, sessions_are, settings, store, subscribe};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_packet_ends_its_own_connection_only() {
    let host = Host::start(settings()).await;
    let mut bystander = Bystander::new(&host).await;
    let deep = format!("42{HERE},[\"subscribe:file\",{}", "[".repeat(100_000));
    let odd = [
        "",
        "0",
        "1nonsense",
        "2probe",
        "3probe",
        "5",
        "6",
        "7",
        "9",
        "é",
        "4",
        "49",
        "4é",
        "4{}",
        "44/file-processing,{}",
        "b!!!",
        "42/file-processing,",
        "42/file-processing,{}",
        "42/file-processing,[]",
        "42/file-processing,[1]",
        "42/file-processing,[\"a\"",
        "42/elsewhere,[\"a\"]",
        "42[\"a\"]",
        "41/elsewhere,",
        "45/file-processing,[\"a\"]",
        "45999999999999999999999-/file-processing,[\"a\"]",
        "4517-/file-processing,[\"a\"]",
        "46-",
        &deep,
    ];
    for text in odd {
        let mut client = Client::enter(&host, "mallory").await;
        client.say(text).await;
        client.ends().await;
    }
    for (kind, bytes) in [(opcode::BINARY, &b"nobody waits for this"[..]), (opcode::TEXT, b"4\xff\xfe"), (0x0b, b"")] {
        let mut client = Client::enter(&host, "mallory").await;
        client.raw.frame(kind, true, bytes).await;
        client.ends().await;
    }
    bystander.is_well(&host).await;
    sessions_are(&host, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attachments_that_never_come_are_waited_for_by_their_own_connection_only() {
    let host = Host::start(settings()).await;
    let mut bystander = Bystander::new(&host).await;
    let announced = format!("451-{HERE},[\"subscribe:file\",{{\"_placeholder\":true,\"num\":0}}]");
    let mut client = Client::enter(&host, "mallory").await;
    client.say(&announced).await;
    bystander.is_well(&host).await;
    client.say(&subscribe("fi_x", "1")).await;
    client.ends().await;

    // What does come is taken for what it is: not the id of a file.
    let mut client = Client::enter(&host, "mallory").await;
    client.say(&announced.replace("51-/file-processing,", "51-/file-processing,5")).await;
    client.raw.frame(opcode::BINARY, true, b"bytes").await;
    assert_eq!(client.answer(5).await["code"], "bad-params");
    bystander.is_well(&host).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_the_id_of_a_file_is_answered() {
    let host = Host::start(settings()).await;
    let file = store(&host, "ada").await;
    let mut client = Client::enter(&host, "ada").await;
    let wrong = [
        json!(null),
        json!(7),
        json!([]),
        json!("text"),
        json!({}),
        json!({"fileId": null}),
        json!({"fileId": 7}),
        json!({"fileId": [file]}),
        json!({"fileId": {"$ne": null}}),
        json!({"fileId": ""}),
        json!({"fileId": "../../etc/passwd"}),
        json!({"fileId": format!("{file}/x")}),
        json!({"fileId": file.to_uppercase()}),
        json!({"fileId": "f".repeat(100_000)}),
        json!({"file_id": file}),
    ];
    for says in &wrong {
        for name in ["subscribe:file", "unsubscribe:file"] {
            client.say(&event(name, says, "3")).await;
            let answer = client.answer(3).await;
            assert_eq!((&answer["ok"], &answer["code"]), (&json!(false), &json!("bad-params")), "{name} {says}");
        }
    }
    client.say(&event("subscribe:file", &wrong[0], "")).await;
    for name in ["exception", "error"] {
        let told = client.hear().await.and_then(|text| read(&text)).expect("an event");
        assert_eq!((told.0.as_str(), &told.1["status"], &told.1["code"]), (name, &json!("error"), &json!("bad-params")));
    }
    client.say(&event("delete:file", &json!({"fileId": file}), "")).await;
    client.say(&event("delete:file", &json!({"fileId": file}), "4")).await;
    assert_eq!(client.answer(4).await["code"], "method-not-found");
    client.watch(&file).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_in_says_nothing_and_who_is_in_comes_in_once() {
    let host = Host::start(settings()).await;
    let file = store(&host, "ada").await;
    let mut client = Client::open(&host).await;
    client.say(&subscribe(&file, "")).await;
    client.ends().await;
    sessions_are(&host, 0).await;

    let mut client = Client::enter(&host, "ada").await;
    client.say(&format!("40{HERE},{}", json!({"token": token("eve")}))).await;
    client.watch(&file).await;
    sessions_are(&host, 1).await;

    // It leaves, and comes back on the same connection: what it had subscribed to is gone.
    client.say(&format!("41{HERE},")).await;
    sessions_are(&host, 0).await;
    let answer = client.connect(&json!({"token": token("ada")})).await;
    assert!(answer.starts_with("40/file-processing,{"), "{answer}");
    progress(&host, &file, 1).await;
    client.watch(&file).await;
    progress(&host, &file, 2).await;
    assert_eq!(client.progress().await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_come_in_is_told_why_not() {
    let mut config = settings();
    config.auth.anonymous = false;
    let host = Host::start(config.clone()).await;
    let mut client = Client::open(&host).await;
    for (auth, code) in [
        (json!({}), "unauthenticated"),
        (json!(null), "unauthenticated"),
        (json!([1, 2]), "bad-params"),
        (json!({"token": {}}), "bad-params"),
        (json!({"token": ""}), "token-invalid"),
        (json!({"token": "x".repeat(20_000)}), "too-big"),
    ] {
        let answer = client.connect(&auth).await;
        let refused: Value =
            serde_json::from_str(answer.strip_prefix("44/file-processing,").expect("a refusal")).expect("JSON");
        assert_eq!(refused["data"]["code"], code, "{refused}");
        assert!(refused["message"].as_str().is_some_and(|message| message.len() > 10), "{refused}");
    }
    for (namespace, shown) in [("", "44{"), ("/admin,", "44/admin,{"), ("/", "44{")] {
        client.say(&format!("40{namespace}")).await;
        let answer = client.hear().await.expect("an answer");
        assert!(answer.starts_with(shown) && answer.contains("Invalid namespace"), "{answer}");
    }
    // The same connection may still come in, also with the word that some clients put before a token.
    let answer = client.connect(&json!({"token": format!("Bearer {}", token("ada"))})).await;
    assert!(answer.starts_with("40/file-processing,{"), "{answer}");

    config.dialects.socketio.anonymous = true;
    let host = Host::start(config).await;
    let mut client = Client::open(&host).await;
    client.say(&format!("40{HERE},")).await;
    let answer = client.hear().await.expect("an answer");
    assert!(answer.starts_with("40/file-processing,{"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_is_too_large_ends_its_own_connection() {
    let mut config = settings();
    config.limits.max_text = 16 * 1024;
    let host = Host::start(config).await;
    let mut bystander = Bystander::new(&host).await;
    let mut client = Client::enter(&host, "mallory").await;
    client.say(&event("subscribe:file", &json!({"fileId": "x".repeat(15 * 1024)}), "1")).await;
    assert_eq!(client.answer(1).await["code"], "bad-params");
    client.say(&event("subscribe:file", &json!({"fileId": "x".repeat(16 * 1024)}), "1")).await;
    client.ends().await;
    bystander.is_well(&host).await;
}
