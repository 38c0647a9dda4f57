//! What no frontend says.

use std::time::{Duration, Instant};

use samewire_tests::live::raw::{Heard, frame, opcode};
use samewire_tests::live::until;
use serde_json::{Value, json};

use crate::old::{Old, config, stage};
use crate::stage::Stage;

/// More than a frame may have.
const LARGE: usize = 400 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_message_is_answered_and_the_connection_goes_on() {
    let stage = stage().await;
    let view = stage.view().await;
    let mut olga = Old::open(&stage, "olga", view).await;
    let mut vera = Old::open(&stage, "vera", view).await;
    olga.settled().await;
    let deep = |open: &str, close: &str| {
        format!(r#"{{"type":"portal-view-update","payload":{{"settings":{}1{}}}}}"#, open.repeat(20_000), close.repeat(20_000))
    };
    for text in [
        "",
        " ",
        "{",
        "null",
        "true",
        "[]",
        "\"ping\"",
        "{}",
        "\u{feff}{\"type\":\"ping\"}",
        r#"{"type":null}"#,
        r#"{"type":["ping"]}"#,
        r#"{"type":{"toString":"ping"}}"#,
        r#"{"type":"ping"}{"type":"ping"}"#,
        r#"{"type":"item-update"}"#,
        r#"{"type":"item-update","payload":{"id":1e400}}"#,
        r#"{"type":"item-update","payload":{"id":2.5,"health":1}}"#,
        r#"{"type":"item-update","payload":{"id":"__proto__","health":1}}"#,
        r#"{"type":"portal-view-update","payload":"currentItem"}"#,
        r#"{"type":"portal-view-update","payload":{"currentItem":"2"}}"#,
        r#"{"type":"portal-view-update","payload":{"items":{"__proto__":{"health":1}}}}"#,
        r#"{"type":"portal-view-update","payload":{"items":[]}}"#,
        &deep("[", "]"),
        &deep(r#"{"a":"#, "}"),
        &format!(r#"{{"type":"portal-view-update","payload":{{"name":"{}"}}}}"#, "x".repeat(10_000)),
    ] {
        olga.text(text).await;
        assert_eq!(olga.error().await, "bad-params", "{}", &text[..text.len().min(100)]);
    }
    olga.say("portal-view-update", json!({"settings": {"x": "x".repeat(20_000)}})).await;
    assert_eq!(olga.error().await, "too-big");
    for kind in ["connected", "pong", "error", "presence", "Ping", "constructor", "__proto__", ""] {
        olga.say(kind, json!({})).await;
        assert_eq!(olga.error().await, "unknown-type", "{kind}");
    }
    olga.settled().await;
    assert!(vera.hears(&mut olga).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_one_is_and_where_is_not_said_in_a_message() {
    let stage = stage().await;
    let (view, other) = (stage.view().await, stage.view().await);
    let mut olga = Old::open(&stage, "olga", view).await;
    let mut elsewhere = Old::open(&stage, "viktor", other).await;
    let mut vera = Old::open(&stage, "vera", view).await;
    let forged = json!({
        "type": "portal-view-update", "payload": {"currentItem": 2}, "portalViewId": other.to_string(), "role": "controller",
        "user": "olga", "from": 1, "room": format!("portal:{other}"), "token": "x", "version": 99, "patch": {"name": "mine"},
        "state": {}, "name": "state",
    });
    vera.raw.send(&forged).await;
    assert_eq!(vera.error().await, "forbidden");
    let mut edgar = Old::open(&stage, "edgar", view).await;
    edgar.raw.send(&forged).await;
    edgar
        .say("portal-view-update", json!({"id": other, "library": 9, "version": 99, "updated": 1, "__proto__": {"a": 1}}))
        .await;
    let told = vera.hears(&mut edgar).await;
    let expected = json!({"currentItem": 2});
    assert_eq!((&told[0]["payload"], &told[0]["user"], &told[0]["version"]), (&expected, &json!("edgar"), &json!(2)));
    assert!(told[1].get("version").is_none(), "it is no change of the view: {told:?}");
    let stored = stage.ok("olga", "GET", &format!("/api/portal-views/{view}"), Value::Null).await;
    assert_eq!((&stored["version"], &stored["name"], &stored["id"]), (&json!(2), &json!("Session 3"), &json!(view)));
    // The other view was not touched.
    let mut controller = Old::open(&stage, "edgar", other).await;
    assert!(elsewhere.hears(&mut controller).await.is_empty());
    assert_eq!(olga.settled().await.iter().filter(|told| told["type"] == "error").count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_that_is_too_large_ends_its_own_connection() {
    let stage = stage().await;
    let view = stage.view().await;
    let mut vera = Old::open(&stage, "vera", view).await;
    for last in [true, false] {
        let mut olga = Old::open(&stage, "olga", view).await;
        let half = vec![b'x'; LARGE / 2];
        if last {
            olga.raw.frame(opcode::TEXT, true, &vec![b'x'; LARGE]).await;
        } else {
            olga.raw.frame(opcode::TEXT, false, &half).await;
            olga.raw.frame(opcode::CONTINUATION, true, &half).await;
        }
        assert_eq!(olga.end().await.0, 1009);
    }
    for (first, payload, close) in [(0x81, &b"\xff\xfe"[..], 1007), (0x83, b"x", 1002), (0xc1, b"x", 1002), (0x80, b"x", 1002)]
    {
        let mut olga = Old::open(&stage, "olga", view).await;
        olga.raw.write(&frame(first, payload)).await;
        assert_eq!(olga.end().await.0, close, "{first:x}");
    }
    let mut olga = Old::open(&stage, "olga", view).await;
    assert!(vera.hears(&mut olga).await.is_empty());
}

/// Who says more than it may is told so, loses nothing but that, and nobody else waits for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_is_limited() {
    const FLOOD: usize = 3_000;
    let stage = stage().await;
    let view = stage.view().await;
    let mut olga = Old::open(&stage, "olga", view).await;
    let mut edgar = Old::open(&stage, "edgar", view).await;
    let mut vera = Old::open(&stage, "vera", view).await;
    let mut flood = Vec::new();
    for _ in 0..FLOOD {
        flood.extend(frame(0x81, br#"{"type":"typing"}"#));
        flood.extend(frame(0x81, br#"{"type":"nonsense"}"#));
    }
    let flooding = async {
        olga.raw.write(&flood).await;
        let mut codes = std::collections::BTreeMap::new();
        while codes.get("unknown-type") != Some(&FLOOD) || !codes.contains_key("rate-limited") {
            *codes.entry(olga.error().await).or_insert(0) += 1;
        }
    };
    let others = async {
        for item in [1, 2, 3] {
            edgar.say("portal-view-update", json!({"currentItem": item})).await;
            assert!(edgar.settled().await.iter().all(|told| told["type"] != "error"));
            while vera.next().await["payload"]["currentItem"] != item {}
        }
    };
    tokio::join!(flooding, others);
    olga.settled().await;
    let heard = vera.heard.iter().filter(|told| told["type"] == "typing").count();
    assert!(heard < FLOOD, "{heard}");
}

/// What is asked for costs no more than it can be of use.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whole_views_are_told_at_a_pace() {
    const PACE: Duration = Duration::from_millis(250);
    let stage = stage().await;
    let view = stage.view().await;
    let mut olga = Old::open(&stage, "olga", view).await;
    let mut vera = Old::open(&stage, "vera", view).await;
    let flood = |said: &str| frame(0x81, said.as_bytes()).repeat(100);
    let begun = Instant::now();
    olga.raw.write(&flood(r#"{"type":"portal-view-update","payload":{"currentItem":99}}"#)).await;
    vera.raw.write(&flood(r#"{"type":"request-sync"}"#)).await;
    for _ in 0..100 {
        assert_eq!(olga.error().await, "bad-params");
    }
    olga.settled().await;
    vera.settled().await;
    let most = begun.elapsed().div_duration_f64(PACE) as usize + 2;
    let count = |old: &Old, kind: &str| old.heard.iter().filter(|told| told["type"] == kind).count();
    let (views, syncs) = (count(&olga, "portal-view-update") - 1, count(&vera, "sync-response"));
    assert!((1..=most).contains(&views) && syncs <= most, "{views} views and {syncs} syncs, at most {most}");
    // The last of them is answered as well.
    vera.say("request-sync", json!({})).await;
    vera.expect("sync-response").await;
}

/// The network took a client away without a word.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_silent_is_let_go() {
    let mut config = config();
    let stage = {
        config.limits.max_sessions_per_user = 8;
        Stage::patient(config, Duration::from_millis(300)).await
    };
    let view = stage.view().await;
    let room = format!("portal:{view}").parse().expect("a name");
    let mut silent = Old::begin(&stage, "vera", view).await;
    until("it is there", || async { stage.host.rooms().counts(&room).members == 1 }).await;
    // It answers no ping.
    until("it is gone", || async { stage.host.health().await.sessions == 0 }).await;
    assert_eq!(stage.host.rooms().counts(&room).members, 0);
    silent.expect("connected").await;
    loop {
        match silent.raw.next().await {
            Heard::Gone | Heard::Close(..) => break,
            _ => {}
        }
    }
}
