//! Streams over HTTP: who sees and ends what, and requests that nobody should make.

use samewire_tests::live::http;
use serde_json::{Value, json};

use crate::stage::{API_KEY, CALM, Hand, STAGE, Stage, granted};

fn names(list: &Value) -> Vec<&str> {
    list["streams"]
        .as_array()
        .map(|streams| streams.iter().filter_map(|stream| stream["stream_id"].as_str()).collect())
        .unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_sees_the_streams_that_they_may_see() {
    let mut stage = Stage::new().await;
    let (all, one, none) = (granted("nina", &[("*", "audience")]), granted("nina", &[(CALM, "viewer")]), granted("nina", &[]));
    for (bearer, expected) in [(API_KEY, vec![CALM, STAGE]), (&all, vec![CALM, STAGE]), (&one, vec![CALM]), (&none, vec![])] {
        let answer = stage.ask(bearer, "GET", "/api/live").await;
        assert_eq!((answer.status, names(&answer.json())), (200, expected.clone()));
        for stream in [CALM, STAGE] {
            let answer = stage.ask(bearer, "GET", &format!("/api/live/{stream}")).await;
            if expected.contains(&stream) {
                let record = answer.json();
                assert_eq!((&record["stream_id"], &record["state"]), (&json!(stream), &json!("live")));
                assert_eq!(record["viewer_count"], if stream == STAGE { 2 } else { 1 });
            } else {
                assert_eq!((answer.status, answer.problem().as_str()), (404, "live-not-found"));
                let nowhere = stage.ask(bearer, "GET", "/api/live/never").await;
                assert_eq!(answer.text.replace(stream, "never"), nowhere.text, "it is as one that is not there");
            }
        }
    }
    stage.nobody_notices("those who look").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_comes_in_pages() {
    let stage = Stage::new().await;
    let first = stage.ask(API_KEY, "GET", "/api/live?limit=1").await.json();
    assert_eq!((names(&first), &first["more"]), (vec![CALM], &json!(true)));
    assert_eq!(first["next"], CALM);
    let second = stage.ask(API_KEY, "GET", &format!("/api/live?limit=1&after={CALM}")).await.json();
    assert_eq!((names(&second), &second["more"]), (vec![STAGE], &json!(false)));
    for query in ["limit=-1", "limit=many", "after=a%20b", "after=", "after=*AAAA"] {
        let answer = stage.ask(API_KEY, "GET", &format!("/api/live?{query}")).await;
        assert_eq!((answer.status, answer.problem().as_str()), (400, "bad-params"), "{query}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_ended_by_who_may() {
    let mut stage = Stage::new().await;
    let path = format!("/api/live/{STAGE}/end");
    for (bearer, expected) in [
        (granted("nina", &[]), (403, "forbidden")),
        (granted("nina", &[(CALM, "broadcaster")]), (403, "forbidden")),
        (granted("nina", &[(STAGE, "viewer")]), (403, "forbidden")),
        (granted("stage-viewer-0", &[(STAGE, "audience")]), (403, "forbidden")),
        ("no.token.atall".to_owned(), (401, "token-invalid")),
    ] {
        let answer = stage.ask(&bearer, "POST", &path).await;
        assert_eq!((answer.status, answer.problem().as_str()), expected);
    }
    let page = http::requests().post(format!("{}{path}", stage.host.url())).header("origin", "https://evil.example");
    let answer = http::send(page.bearer_auth(granted("nina", &[(STAGE, "broadcaster")]))).await;
    assert_eq!((answer.status, answer.problem().as_str()), (403, "origin-refused"));
    stage.nobody_notices("those who may not end it").await;

    assert_eq!(stage.ask(API_KEY, "POST", &path).await.status, 204);
    let ended = stage.show.viewers[0].event().await;
    assert_eq!((&ended["name"], &ended["payload"]["reason"]), (&json!("stream_ended"), &json!("ended-by-operator")));
    let record = stage.ask(API_KEY, "GET", &format!("/api/live/{STAGE}")).await.json();
    assert_eq!((&record["state"], &record["end_reason"]), (&json!("ended"), &json!("ended-by-operator")));
    assert_eq!(names(&stage.ask(API_KEY, "GET", "/api/live").await.json()), [CALM]);
    stage.calm_is_calm("an end").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sessions_credential_is_as_good_as_its_token() {
    let mut stage = Stage::new().await;
    let asker = Hand::inside(&stage.host, "nina", CALM, "audience").await;
    let ask = |path: &str| {
        let request = http::requests().get(format!("{}{path}", stage.host.url()));
        http::send(request.header("samewire-session", &asker.raw.ticket))
    };
    assert_eq!(ask(&format!("/api/live/{CALM}")).await.status, 200);
    assert_eq!(ask(&format!("/api/live/{STAGE}")).await.problem(), "live-not-found");
    let nobody = http::send(http::requests().get(format!("{}/api/live", stage.host.url()))).await;
    assert_eq!((nobody.status, nobody.problem().as_str()), (401, "unauthenticated"));
    stage.nobody_notices("a credential").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odd_addresses_are_nowhere() {
    let mut stage = Stage::new().await;
    for odd in ["%20", "%ff", "*", "..%5c", "a%00b", &"x".repeat(4_000)] {
        let answer = stage.ask(API_KEY, "GET", &format!("/api/live/{odd}")).await;
        assert_eq!((answer.status, answer.problem().as_str()), (404, "live-not-found"), "{odd}");
        let answer = stage.ask(API_KEY, "POST", &format!("/api/live/{odd}/end")).await;
        assert_eq!((answer.status, answer.problem().as_str()), (404, "live-not-found"), "{odd}");
    }
    // Any name may be that of a stream, and nobody has started these.
    for name in ["..%2f..%2fetc", "a%2Fb", "st_00000000000000000000000000000000"] {
        let answer = stage.ask(API_KEY, "GET", &format!("/api/live/{name}")).await;
        assert_eq!((answer.status, &answer.json()["state"]), (200, &json!("offline")), "{name}");
        let answer = stage.ask(API_KEY, "POST", &format!("/api/live/{name}/end")).await;
        assert_eq!((answer.status, answer.problem().as_str()), (404, "live-not-found"), "{name}");
    }
    for (method, path) in [("POST", "/api/live"), ("DELETE", "/api/live/stage"), ("GET", "/api/live/stage/end")] {
        let answer = stage.ask(API_KEY, method, path).await;
        assert_eq!((answer.status, answer.problem().as_str()), (405, "bad-request"), "{method} {path}");
    }
    stage.nobody_notices("odd addresses").await;
}
