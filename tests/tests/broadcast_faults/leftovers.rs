//! What is left when all are gone: nothing.

use std::time::Duration;

use samewire_tests::live::http;
use samewire_tests::live::{Child, Host, until};
use serde_json::json;

use crate::stage::{API_KEY, Hand, config, granted, offer};

/// The figure of this name, summed over its labels.
async fn figure(url: &str, name: &str) -> u64 {
    let answer = http::send(http::requests().get(format!("{url}/metrics")).bearer_auth(API_KEY)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let lines = answer.text.lines().filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{'])));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_all_are_gone_the_server_remembers_nothing() {
    let mut config = config();
    config.limits.session_ttl = Duration::from_millis(300);
    config.streams.idle_ttl = Duration::from_millis(300);
    config.live.hold = Duration::from_millis(200);
    config.live.pause_after = Duration::from_millis(50);
    let host = Host::start(config).await;
    for round in 0..5 {
        let mut there = Vec::new();
        for stream in 0..4 {
            let stream = format!("stream-{stream}");
            there.push(Hand::broadcaster(&host, &format!("host-{stream}"), &stream).await);
            for viewer in 0..3 {
                there.push(Hand::viewer(&host, &format!("fan-{viewer}"), &stream).await);
            }
            let mut waiting = Hand::inside(&host, "waits", &format!("never-{stream}"), "viewer").await;
            waiting.call("live/watch", json!({"stream": format!("never-{stream}"), "wait": true})).await.expect("it waits");
            there.push(waiting);
        }
        assert_eq!(figure(&host.url(), "samewire_live_viewers").await, 12, "round {round}");
        // Some say goodbye, and some are gone.
        for (number, hand) in there.into_iter().enumerate() {
            let Hand { mut raw, .. } = hand;
            if number % 2 == 0 {
                raw.close(1000).await;
            }
        }
        until("no session is left", || async { host.health().await.sessions == 0 }).await;
        until("no viewer is left", || async { figure(&host.url(), "samewire_live_viewers").await == 0 }).await;
        until("no stream is left", || async { figure(&host.url(), "samewire_live_streams").await == 0 }).await;
    }
    let there = || host.rooms().metrics().map(|(_, metrics)| metrics.members.get()).sum::<u64>();
    until("no member is left", || async { there() == 0 }).await;
}

/// The process is no larger after ten thousand viewers and a hundred megabytes of refused descriptions than after the first of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_does_not_grow_with_those_who_were_there() {
    let child = Child::start(&[("LIMITS_HEARTBEAT_INTERVAL", "600s"), ("LIVE_MAX_STREAMS", "100")]).await;
    let mut host = attach(&child, "host", "broadcaster").await;
    host.call("live/start", json!({"stream": "stage"})).await.expect("started");
    let large = format!("v=0{}", "x".repeat(500_000));
    let mut sizes = Vec::new();
    for _ in 0..6 {
        let mut fan = attach(&child, "fan", "viewer").await;
        for turn in 0..400 {
            if turn % 80 == 0 {
                fan.raw.close(1000).await;
                fan = attach(&child, "fan", "viewer").await;
            }
            let watched = fan.call("live/watch", json!({"stream": "stage"})).await.expect("let in");
            let mut message = offer();
            if turn % 20 == 0 {
                message["sdp"] = large.as_str().into();
            }
            let params = json!({"stream": "stage", "negotiation": watched["negotiation"], "message": message});
            let passed = fan.call("live/signal", params).await;
            assert_eq!(passed.is_ok(), turn % 20 != 0, "{passed:?}");
            fan.call("live/leave", json!({"stream": "stage"})).await.expect("out");
        }
        // What was told is read, so that it is not what is kept.
        host.call("live/peers", json!({"stream": "stage"})).await.expect("a list");
        sizes.push(resident(child.pid()));
    }
    let grown = sizes[5].saturating_sub(sizes[1]);
    assert!(grown < 8 << 20, "resident after each round: {sizes:?}");
}

async fn attach(child: &Child, user: &str, role: &str) -> Hand {
    let token = granted(user, &[("stage", role)]);
    let mut hand = Hand::of(samewire_tests::live::raw::Raw::session(child.addr(), Some(&token)).await);
    hand.join("stage").await.expect("may join");
    hand
}

/// What the process has in memory now, in bytes.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process's status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its size");
    line.trim().trim_end_matches("kB").trim().parse::<u64>().expect("a number") * 1024
}
