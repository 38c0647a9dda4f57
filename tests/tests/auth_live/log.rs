//! What the log never says, however much it is asked to say.

use samewire_server::auth::NewToken;
use samewire_tests::live::http::{self, requests};
use samewire_tests::live::raw::Raw;
use samewire_tests::live::{Child, SECRET};
use serde_json::{Value, json};

use crate::stage::{API_KEY, HOUR, brief, renew, sign};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_token_no_ticket_and_no_key_is_in_any_line_of_the_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("samewire.toml");
    std::fs::write(&path, format!("[[api_keys]]\nname = 'tests'\nkey = '{API_KEY}'\n")).expect("written");
    let path = path.to_str().expect("a plain path");
    let mut server = Child::start(&[("LOG", "trace"), ("AUTH_LEEWAY", "0s"), ("CONFIG", path)]).await;
    let (addr, url) = (server.addr(), server.url());

    let mut secrets = vec![SECRET.to_owned(), API_KEY.to_owned()];
    let good = sign(&NewToken::new("maria", HOUR).id("t-1"));
    let (newer, other, ends, bad) = (brief("maria", 3600), brief("mallory", 3600), brief("maria", 2), format!("{good}x"));
    secrets.extend([&good, &newer, &other, &ends, &bad].map(Clone::clone));

    let mut raw = Raw::session(addr, Some(&good)).await;
    secrets.push(raw.ticket.clone());
    raw.call(1, "system/echo", json!(1)).await.expect("an answer");
    renew(&mut raw, &newer).await.expect("taken");
    for wrong in [&other, &bad] {
        renew(&mut raw, wrong).await.expect_err("refused");
    }
    for (token, ticket) in
        [(Some(&good), None), (Some(&bad), None), (None, Some(&raw.ticket)), (Some(&newer), Some(&raw.ticket))]
    {
        http::call(&url, "system/echo", &json!(1), token.map(String::as_str), ticket.map(String::as_str)).await;
    }
    let back = Raw::resume(addr, &raw.ticket).await.0;
    secrets.push(back.ticket.clone());
    for hello in [json!({"token": bad}), json!({"token": good, "ticket": format!("{}0", back.ticket)})] {
        let mut raw = Raw::connect(addr).await;
        raw.send(&json!({"type": "hello", "token": hello["token"], "ticket": hello["ticket"]})).await;
        raw.next().await;
    }
    let mut short = Raw::session(addr, Some(&ends)).await;
    secrets.push(short.ticket.clone());
    assert_eq!(short.parting().await.0, "token-expired");
    for key in [API_KEY, "a key that is wrong, and no less a secret"] {
        let body = json!({"token": "t-1"}).to_string();
        http::send(requests().post(format!("{url}/api/revocations")).bearer_auth(key).body(body)).await;
        secrets.push(key.to_owned());
    }
    assert_eq!(http::call(&url, "system/echo", &Value::Null, Some(&good), None).await.problem(), "token-revoked");
    server.terminate();
    assert!(server.ended().await);

    let log = server.told();
    assert!(log.contains("TRACE") || log.contains("DEBUG"), "the log says too little to be of use here:\n{log}");
    for (at, line) in log.lines().enumerate() {
        for secret in &secrets {
            // Neither the whole of it nor the part that makes it one.
            let end = secret.rsplit('.').next().unwrap_or(secret);
            assert!(!line.contains(secret.as_str()) && !line.contains(end), "line {at} tells {secret}: {line}");
        }
    }
}
