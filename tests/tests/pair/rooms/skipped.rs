//! A reader that is too slow for its room is dealt with as the kind says, and the others do not notice.

use std::time::Duration;

use samewire_server::rooms::KindPolicy;
use samewire_server::rooms::policy::Slow;
use samewire_tests::pair::Pair;
use serde_json::{Value, json};

use super::ROOM;

/// Ada and Bob in a room of this kind; Bob's socket takes 20 kB a second.
fn slow(seed: u64, policy: KindPolicy) -> Pair {
    let mut pair = Pair::with_rooms(seed);
    pair.server.kind("chat", policy);
    pair.add_client(Some("bob"));
    pair.join(0, ROOM);
    pair.join(1, ROOM);
    pair.net.rate = Some(20_000);
    pair
}

/// 2 MB of events, in which `n` rises, while nobody reads as fast.
fn flood(pair: &mut Pair) {
    for n in 0..2_000 {
        pair.announce(ROOM, &format!("topic-{}", n % 3), json!({"n": n, "filler": "x".repeat(1_000)}));
    }
}

fn newest(payload: &Value) -> u64 {
    payload["n"].as_u64().unwrap_or(0)
}

#[test]
fn the_oldest_events_are_left_out_and_counted() {
    let mut pair = slow(1, KindPolicy { slow: Slow::DropOldest, ..KindPolicy::default() });
    flood(&mut pair);
    pair.catch_up(1, ROOM);
    let view = pair.view(1, ROOM);
    assert!(!view.skipped.is_empty());
    let skipped: u64 = view.skipped.iter().map(|(_, count)| count).sum();
    assert_eq!(skipped + view.offsets().len() as u64, 2_000);
    assert_eq!(view.joined.len(), 1 + usize::from(view.joined.len() > 1));
}

#[test]
fn of_each_topic_the_newest_is_told() {
    let mut pair = slow(2, KindPolicy { slow: Slow::Latest, ..KindPolicy::default() });
    flood(&mut pair);
    pair.catch_up(1, ROOM);
    let view = pair.view(1, ROOM);
    assert!(view.offsets().len() < 500, "{}", view.offsets().len());
    for topic in 0..3 {
        let name = format!("topic-{topic}");
        let last = view.events.iter().rev().find(|event| event.name == name).unwrap();
        assert_eq!(newest(&last.payload), (1_997..2_000).find(|n| n % 3 == topic).unwrap());
    }
}

#[test]
fn a_sample_ends_with_the_newest() {
    let mut pair = slow(3, KindPolicy { slow: Slow::Sample, ..KindPolicy::default() });
    flood(&mut pair);
    pair.catch_up(1, ROOM);
    let view = pair.view(1, ROOM);
    assert!(view.offsets().len() < 500);
    assert_eq!(view.events.last().map(|event| newest(&event.payload)), Some(1_999));
}

#[test]
fn one_that_is_to_recover_does_or_says_what_it_lost() {
    // Twice as many are kept as the feed holds: nothing is lost.
    let mut pair = slow(4, KindPolicy { history: 2_000, history_bytes: 64 << 20, ..KindPolicy::default() });
    flood(&mut pair);
    pair.catch_up(1, ROOM);
    let view = pair.view(1, ROOM);
    assert_eq!(view.offsets(), (1..=2_000).collect::<Vec<_>>());
    assert!(view.joined.len() > 1 && view.joined.iter().skip(1).all(|joined| joined.recovered));

    let mut pair = slow(5, KindPolicy { history: 10, ..KindPolicy::default() });
    flood(&mut pair);
    pair.catch_up(1, ROOM);
    let view = pair.view(1, ROOM);
    let missed: u64 = view.joined.iter().filter_map(|joined| joined.missed).sum();
    assert_eq!(missed + view.offsets().len() as u64, 2_000);
}

#[test]
fn a_state_that_is_skipped_to_is_right() {
    for (seed, slowness) in [(6, Slow::DropOldest), (7, Slow::Latest), (8, Slow::Sample), (9, Slow::Recover)] {
        let mut pair =
            slow(seed, KindPolicy { state: true, rate: 10_000, burst: 10_000, slow: slowness, ..KindPolicy::default() });
        for n in 0..2_000 {
            let patch = json!({"n": n, "filler": "x".repeat(900)}).to_string();
            pair.publish_with(0, ROOM, "set", json!({"patch": serde_json::from_str::<Value>(&patch).unwrap()}), None);
        }
        pair.run_for(Duration::from_secs(500));
        pair.catch_up(1, ROOM);
        assert_eq!(pair.view(1, ROOM).state.as_ref().map(|state| state["n"].clone()), Some(json!(1_999)), "{slowness:?}");
    }
}
