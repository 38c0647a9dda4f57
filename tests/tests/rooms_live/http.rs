//! What other servers say in rooms, over HTTP with an API key.

use samewire_tests::live::Host;
use samewire_tests::live::http::{Answer, requests, send};
use samewire_tests::live::raw::Heard;
use serde_json::{Value, json};

use super::stage::{API_KEY, ROOM, Watched, member, token};

fn url(host: &Host, path: &str) -> String {
    format!("{}{path}", host.url())
}

async fn post(host: &Host, path: &str, body: &Value) -> Answer {
    let key = format!("Bearer {API_KEY}");
    let request = requests().post(url(host, path)).header("authorization", key).header("content-type", "application/json");
    send(request.body(body.to_string())).await
}

async fn get(host: &Host, path: &str) -> Answer {
    send(requests().get(url(host, path)).header("authorization", format!("Bearer {API_KEY}"))).await
}

#[tokio::test]
async fn a_server_publishes_one_event_and_many() {
    let watched = Watched::new().await;
    let host = &watched.host;
    let mut lina = member(host, "lina", "listener", ROOM).await;
    let event = json!({"name": "news", "payload": [1], "patch": {"a": 1}, "key": "k"});
    let answer = post(host, "/api/rooms/stage:1/publish", &event).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!((&answer.json()["offset"], &answer.json()["duplicate"]), (&json!(1), &json!(false)));
    let heard = lina.expect("event").await;
    assert_eq!((&heard["payload"], &heard["patch"], heard.get("from")), (&json!([1]), &json!({"a": 1}), None));
    assert_eq!(post(host, "/api/rooms/stage%3A1/publish", &event).await.json()["duplicate"], true);

    let items = json!({"items": [
        {"room": ROOM, "name": "one"},
        {"room": "nothing:1", "name": "two"},
        {"room": "bad", "name": "three"},
        {"room": ROOM, "name": "four", "payload": "x".repeat(3_000)},
        {"room": ROOM, "name": "five", "patch": {}, "state": {}},
        {"room": "stage:2", "name": "six"},
        {"room": ROOM, "name": "seven", "expected": 2},
    ]});
    let results = post(host, "/api/publish", &items).await.json()["results"].clone();
    let told = |at: usize| results[at]["offset"].as_u64().map_or(results[at]["error"]["code"].clone(), |offset| json!(offset));
    assert_eq!(
        (0..7).map(told).collect::<Vec<_>>(),
        [json!(2), json!("room-not-found"), json!("bad-params"), json!("too-big"), json!("bad-params"), json!(1), json!(3)]
    );
    for name in ["one", "seven"] {
        assert_eq!(lina.expect("event").await["name"], name);
    }
    let overview = get(host, "/api/rooms/stage:1").await;
    let json = overview.json();
    assert_eq!((&json["users"], &json["members"], &json["offset"]), (&json!(3), &json!(3), &json!(3)), "{overview:?}");
}

#[tokio::test]
async fn bytes_are_the_attachment() {
    let watched = Watched::new().await;
    let host = &watched.host;
    let mut lina = member(host, "lina", "listener", ROOM).await;
    let request = |path: &str| {
        let key = format!("Bearer {API_KEY}");
        requests().post(url(host, path)).header("authorization", key).header("content-type", "image/png").body(vec![0, 255])
    };
    assert_eq!(send(request("/api/rooms/stage:1/publish?name=picture")).await.status, 200);
    loop {
        match lina.next().await {
            Heard::Binary(frame) => break assert!(frame.ends_with(&[0, 255])),
            Heard::Text(_) => {}
            other => panic!("{other:?}"),
        }
    }
    for (path, code) in [("/api/rooms/stage:1/publish", "bad-params"), ("/api/rooms/stage:1/publish?name=a%20b", "bad-name")] {
        let answer = send(request(path)).await;
        assert_eq!((answer.status, answer.problem().as_str()), (400, code));
    }
}

#[tokio::test]
async fn what_is_wrong_has_a_code() {
    let mut watched = Watched::new().await;
    let host = &watched.host;
    let event = json!({"name": "news"});
    for (path, body, status, code) in [
        ("/api/rooms/nothing:1/publish", &event, 404, "room-not-found"),
        ("/api/rooms/bad/publish", &event, 400, "bad-name"),
        ("/api/rooms/stage:%FF/publish", &event, 400, "bad-name"),
        ("/api/rooms/stage:1/publish", &json!({"name": "a b"}), 400, "bad-params"),
        ("/api/rooms/stage:1/publish", &json!([]), 400, "bad-params"),
        ("/api/rooms/stage:1/publish", &json!({"name": "n", "expected": 7}), 409, "conflict"),
        ("/api/rooms/stage:1/publish", &json!({"name": "n", "state": "x".repeat(1_500)}), 413, "too-big"),
        ("/api/publish", &json!({"items": vec![json!({}); 1_001]}), 413, "too-big"),
        ("/api/publish", &json!({}), 400, "bad-params"),
    ] {
        let answer = post(host, path, body).await;
        assert_eq!((answer.status, answer.problem().as_str()), (status, code), "{path} {body}");
    }
    for (path, status, code) in [
        ("/api/rooms/stage:9", 404, "room-not-found"),
        ("/api/rooms/nothing:1", 404, "room-not-found"),
        ("/api/rooms/x", 400, "bad-name"),
    ] {
        let answer = get(host, path).await;
        assert_eq!((answer.status, answer.problem().as_str()), (status, code), "{path}");
    }
    watched.hears_nothing_else("wrong requests").await;
}

#[tokio::test]
async fn without_a_key_nothing_is_said_or_told() {
    let mut watched = Watched::new().await;
    let host = &watched.host;
    for key in [None, Some("a wrong key".to_owned()), Some(token("sven", "*", "speaker"))] {
        for path in ["/api/rooms/stage:1/publish", "/api/publish", "/api/rooms/stage:1"] {
            let request = requests();
            let request = if path.ends_with(":1") { request.get(url(host, path)) } else { request.post(url(host, path)) };
            let request =
                request.header("content-type", "application/json").body(json!({"name": "news", "items": []}).to_string());
            let request = match &key {
                Some(key) => request.header("authorization", format!("Bearer {key}")),
                None => request,
            };
            let answer = send(request).await;
            assert_eq!(answer.status, 401, "{path}: {answer:?}");
            assert!(!answer.problem().is_empty());
        }
    }
    watched.hears_nothing_else("requests without a key").await;
}
