//! Addresses that need no token.

use std::net::SocketAddr;

use samewire_server::Config;
use samewire_server::config::{ApiKey, Secret};
use samewire_tests::draft::Client;
use samewire_tests::http1::{Request, Response};
use samewire_tests::live::{Host, settings};
use serde_json::json;

use super::stage::{bytes, call, maria, server, stored};

async fn get(addr: SocketAddr, path: &str) -> Response {
    Request::new(addr, "GET", path).header("range", "bytes=1-2").send().await
}

#[tokio::test]
async fn an_address_is_read_without_a_token_until_it_expires() {
    let server = server().await;
    let maria = maria(&server);
    let file = stored(&maria, "clip.mp4", "video/mp4", &bytes(100)).await;
    let link = call(&maria, "files/link", json!({"id": file["id"]})).await.json();
    let url = link["url"].as_str().expect("an address");
    let answer = get(server.addr(), url).await;
    assert_eq!((answer.status(), &answer.body[..]), (206, &bytes(100)[1..3]));

    let short = call(&maria, "files/link", json!({"id": file["id"], "ttl": 1})).await.json();
    let url = short["url"].as_str().expect("an address").to_owned();
    samewire_tests::live::until("the address expires", || async { get(server.addr(), &url).await.status() == 403 }).await;

    for ttl in [json!(0), json!(604_800_001)] {
        assert_eq!(
            call(&maria, "files/link", json!({"id": file["id"], "ttl": ttl})).await.problem(),
            (400, "bad-params".into())
        );
    }
    let part = call(&maria, "files/link", json!({"id": file["id"], "part": "poster"})).await;
    assert_eq!(part.problem(), (404, "file-not-found".into()));
}

#[tokio::test]
async fn all_that_is_wrong_with_an_address_is_told_in_the_same_words() {
    let server = server().await;
    let (maria, otto) = (maria(&server), Client::new(server.addr(), "otto"));
    let (mine, other) = (stored(&maria, "a", "video/mp4", b"abc").await, stored(&maria, "b", "video/mp4", b"abcd").await);
    let url = call(&maria, "files/link", json!({"id": mine["id"]})).await.json()["url"].as_str().expect("one").to_owned();
    let id = |file: &serde_json::Value| file["id"].as_str().expect("an id").to_owned();
    let never = "fi_00000000000000000000000000000000";
    let refused = get(server.addr(), &url.replace(&id(&mine), never)).await;
    assert_eq!(refused.problem(), (403, "forbidden".into()));
    let expires = url.split(['=', '&']).nth(1).expect("a time").to_owned();
    let later = (expires.parse::<u64>().expect("a number") + 1).to_string();
    for wrong in [
        url.replace(&id(&mine), &id(&other)),
        url.replace(&expires, &later),
        url.replace("/content", "/parts/poster"),
        url.replace("signature=", "signature=1"),
        format!("{url}0"),
        format!("/api/files/{}/content?signature=", id(&mine)),
        "/api/files/x/content?signature=a.b&expires=99999999999999".to_owned(),
    ] {
        let answer = get(server.addr(), &wrong).await;
        assert_eq!((answer.status(), answer.json()), (refused.status(), refused.json()), "{wrong}");
    }
    assert_eq!(call(&otto, "files/link", json!({"id": mine["id"]})).await.problem(), (404, "file-not-found".into()));
    assert_eq!(maria.request("DELETE", &format!("/api/files/{}", id(&mine))).send().await.status(), 204);
    assert_eq!(get(server.addr(), &url).await.problem(), (403, "forbidden".into()), "of a file that was removed");
}

#[tokio::test]
async fn addresses_survive_a_restart_and_not_a_revocation() {
    let key = "an API key of the tests, of no use elsewhere";
    let api_keys = vec![ApiKey { name: "the tests".into(), key: Some(Secret::new(key)), key_file: None }];
    let mut server = Host::start(Config { api_keys, ..settings() }).await;
    let maria = Client::new(server.addr(), "maria");
    let file = stored(&maria, "a", "video/mp4", b"abc").await;
    let link = call(&maria, "files/link", json!({"id": file["id"]})).await.json();
    let url = link["url"].as_str().expect("an address").to_owned();
    server.restart().await;
    assert_eq!(get(server.addr(), &url).await.status(), 206);
    let revoke = Request::new(server.addr(), "POST", "/api/revocations").header("authorization", &format!("Bearer {key}"));
    let revoked = revoke.body(json!({"user": "maria"}).to_string().as_bytes()).send().await;
    assert_eq!(revoked.status(), 200, "{revoked:?}");
    assert_eq!(get(server.addr(), &url).await.problem(), (403, "forbidden".into()));
}
