//! Readers whose connection takes too little: each kind of room deals with them as its policy says, and nobody else notices.

use std::collections::BTreeMap;

use samewire::rooms::{CastOptions, Room};
use samewire_server::rooms::KindPolicy;
use samewire_server::rooms::policy::Slow;
use samewire_tests::live::proxy::Proxy;
use samewire_tests::live::{Host, within};
use serde_json::{Value, json};

use crate::place::{Heard, client, host, join, open};

/// More than the sockets' buffers and the room's feed hold together, and less than waits for an app that is busy.
const EVENTS: u64 = 440;
const SIZE: usize = 32 * 1024;

/// A room with one who writes, one who keeps up, and one whose connection does not.
struct Scene {
    _host: Host,
    proxy: Proxy,
    writer: Room,
    quick: Room,
    slow: Room,
}

impl Scene {
    async fn new(policy: KindPolicy) -> Self {
        let host = host(policy).await;
        let proxy = Proxy::start(host.addr()).await;
        let writer = join(&client(&host.url(), None), "slow").await.expect("a room");
        let quick = join(&client(&host.url(), None), "slow").await.expect("a room");
        let slow = join(&client(&proxy.url(), None), "slow").await.expect("a room");
        proxy.stall(true);
        Self { _host: host, proxy, writer, quick, slow }
    }

    /// Publishes many large events, which the quick one hears all of; then lets the slow one go on.
    async fn publish(&self) -> u64 {
        let pad = "x".repeat(SIZE);
        let mut quick = Heard::default();
        for n in 1..=EVENTS {
            within("a publication", self.writer.publish("count", &json!({"n": n, "pad": pad}))).await.expect("published");
            quick.until(&self.quick, "what is published", |heard| heard.messages.len() == 1).await;
            assert_eq!(quick.messages.pop().and_then(|message| message.offset), Some(n));
            assert_eq!(quick.lost.len(), 0);
        }
        self.proxy.stall(false);
        within("the last word", self.writer.publish("end", &())).await.expect("published").offset
    }

    /// What the slow one hears: each event up to the last one, or that so many are lost.
    async fn slow_hears(&self, last: u64) -> Heard {
        let mut heard = Heard::default();
        heard.until(&self.slow, "all that it is given", |heard| lost(heard) + heard.messages.len() as u64 >= last).await;
        let offsets = heard.offsets();
        assert!(offsets.is_sorted_by(|one, next| one < next), "{offsets:?}");
        assert_eq!(lost(&heard) + offsets.len() as u64, last, "{:?}", heard.lost);
        heard
    }
}

fn lost(heard: &Heard) -> u64 {
    heard.lost.iter().map(|missed| missed.expect("a number")).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_slow_gets_everything_from_the_history() {
    let scene = Scene::new(open()).await;
    let last = scene.publish().await;
    let heard = scene.slow_hears(last).await;
    assert_eq!((heard.offsets(), heard.lost.len()), ((1..=last).collect(), 0));
    assert!(heard.recovered > 0, "the feed does not hold so much");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_slow_gets_the_state_where_the_history_is_too_short() {
    let scene = Scene::new(KindPolicy { history: 10, ..open() }).await;
    scene.writer.patch(&json!({"half": 1})).await.expect("patched");
    let mut quick = Heard::default();
    quick.up_to(&scene.quick, "state").await;
    let pad = "x".repeat(SIZE);
    for n in 1..=EVENTS {
        within("a patch", scene.writer.patch(&json!({"n": n, "pad": pad}))).await.expect("patched");
    }
    scene.proxy.stall(false);
    let last = scene.writer.publish("end", &()).await.expect("published").offset;
    let heard = scene.slow_hears(last).await;
    assert!(!heard.lost.is_empty());
    let state = scene.slow.state().expect("a state");
    assert_eq!((&state["half"], &state["n"]), (&json!(1), &json!(EVENTS)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_slow_loses_the_oldest() {
    for state in [false, true] {
        let scene = Scene::new(KindPolicy { slow: Slow::DropOldest, state, ..open() }).await;
        let last = scene.publish().await;
        let heard = scene.slow_hears(last).await;
        assert!(lost(&heard) > 0 && heard.offsets().first() == Some(&1), "the sockets hold the first of them");
    }
}

/// What is cast with a key is worth something only as long as it is the newest of its key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_slow_gets_the_newest_of_each_key() {
    const CASTS: u64 = 1_000;
    for (slow, newest) in [(Slow::Latest, 5), (Slow::Sample, 1)] {
        let scene = Scene::new(KindPolicy { slow, ..open() }).await;
        let pad = "x".repeat(SIZE);
        for n in 1..=CASTS {
            let key = Some(format!("k{}", n % 5));
            let options = CastOptions { key, ..CastOptions::default() };
            scene.writer.cast_with("at", &json!({"n": n, "pad": pad}), options).expect("small enough");
            if n % 10 == 0 {
                // Not faster than the room takes it in.
                within("a page", scene.writer.presence_page(None, Some(1))).await.expect("a page");
            }
        }
        scene.proxy.stall(false);
        // Behind everything else on its connection.
        let mut heard = Heard::default();
        let number = |message: &samewire::rooms::Message| {
            message.payload::<Value>().ok().and_then(|said| said["n"].as_u64()).unwrap_or(0)
        };
        heard.until(&scene.slow, "the newest", |heard| heard.messages.iter().any(|message| number(message) == CASTS)).await;
        within("the last word", scene.writer.publish("end", &())).await.expect("published");
        heard
            .until(&scene.slow, "the end", |heard| heard.messages.last().is_some_and(|message| message.name.as_str() == "end"))
            .await;
        heard.messages.pop();
        let numbers: Vec<_> = heard.messages.iter().map(number).collect();
        assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
        assert!((numbers.len() as u64) < CASTS, "some are left out");
        let mut of_key = BTreeMap::new();
        for message in &heard.messages {
            of_key.insert(message.key.clone(), number(message));
        }
        let told = of_key.values().filter(|n| **n > CASTS - 5).count();
        assert!(told >= newest, "{slow:?}: {of_key:?}");
    }
}
