//! Connections cut at random bytes: each event once, in order, and the same state for everybody.

use samewire_tests::live::proxy::{Counts, Cut, Fate, Proxy};
use samewire_tests::live::{Insistent, within};
use samewire_tests::rng::Rng;
use serde_json::json;

use crate::place::{Heard, host, join, numbers, open};

/// So many cuts, each after a random number of bytes below `longest`; what comes after them is left alone.
pub(crate) fn cuts(proxy: &Proxy, seed: u64, wanted: u64, longest: u64) {
    let mut rng = Rng::new(seed);
    proxy.fates(move |counts: Counts| {
        if counts.cuts >= wanted {
            return Fate::Pass;
        }
        let how = rng.pick(&[Cut::End, Cut::Reset, Cut::Reset, Cut::HalfUp, Cut::HalfDown]);
        Fate::Cut { after: rng.below(longest) + 1, how }
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_events_through_a_hundred_cuts() {
    const EVENTS: u64 = 1_000;
    const CUTS: u64 = 100;
    let host = host(open()).await;
    let proxy = Proxy::start(host.addr()).await;
    let people: Vec<_> = (0..4).map(|_| Insistent::new(&proxy.url(), None)).collect();
    let mut rooms = Vec::new();
    for person in &people {
        rooms.push(join(&person.client, "cuts").await.expect("a room"));
    }
    cuts(&proxy, 1, CUTS, 6_000);
    proxy.cut_all();
    let writer = rooms[0].clone();
    let writing = tokio::spawn(async move {
        for n in 1..=EVENTS {
            let published = within("a publication", writer.publish("count", &n)).await.expect("published");
            assert_eq!(published.offset, n, "each is made once");
        }
    });
    let mut cut_off = 0;
    for room in &rooms {
        let mut heard = Heard::default();
        heard.until(room, "all of them", |heard| heard.messages.len() as u64 >= EVENTS).await;
        assert_eq!(heard.offsets(), (1..=EVENTS).collect::<Vec<_>>());
        assert_eq!(numbers(&heard.messages), heard.offsets());
        assert!(heard.lost.is_empty(), "{:?}", heard.lost);
        cut_off += heard.recovered;
    }
    writing.await.expect("all of it was written");
    assert!(proxy.counts().cuts >= CUTS && cut_off > 0, "{:?}, recovered {cut_off} times", proxy.counts());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_has_the_same_state_after_patches_through_cuts() {
    const PATCHES: u64 = 60;
    let host = host(open()).await;
    let proxy = Proxy::start(host.addr()).await;
    let people: Vec<_> = (0..3).map(|_| Insistent::new(&proxy.url(), None)).collect();
    let mut rooms = Vec::new();
    for person in &people {
        rooms.push(join(&person.client, "state").await.expect("a room"));
    }
    cuts(&proxy, 2, 60, 8_000);
    proxy.cut_all();
    let patching = rooms.iter().enumerate().map(|(person, room)| {
        let room = room.clone();
        tokio::spawn(async move {
            let mut rng = Rng::new(person as u64);
            for n in 0..PATCHES {
                let (key, value) =
                    (format!("k{}", rng.below(8)), if rng.chance(25) { json!(null) } else { json!({"by": person, "n": n}) });
                within("a patch", room.patch(&json!({"all": {key: value}}))).await.expect("patched");
            }
        })
    });
    for patching in patching.collect::<Vec<_>>() {
        patching.await.expect("all patches are in");
    }
    let last = within("the last word", rooms[0].publish("end", &())).await.expect("published");
    assert_eq!(last.offset, 3 * PATCHES + 1);
    let mut states = Vec::new();
    for room in &rooms {
        let mut heard = Heard::default();
        heard.up_to(room, "end").await;
        assert_eq!((heard.offsets().len() as u64, heard.lost.len()), (last.offset, 0));
        states.push(room.state());
    }
    assert!(states[0].is_some() && states.iter().all(|state| *state == states[0]), "{states:?}");
    let joined = join(&crate::place::client(&host.url(), None), "state").await.expect("a room");
    assert_eq!(joined.state(), states[0], "and so has whoever comes later");
}

/// What is cast is not kept: some of it is lost with the connection, but none comes twice or late.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn casts_come_at_most_once_and_in_order() {
    let host = host(open()).await;
    let proxy = Proxy::start(host.addr()).await;
    let people: Vec<_> = (0..2).map(|_| Insistent::new(&proxy.url(), None)).collect();
    let caster = join(&people[0].client, "casts").await.expect("a room");
    let hearer = join(&people[1].client, "casts").await.expect("a room");
    cuts(&proxy, 3, 30, 6_000);
    proxy.cut_all();
    for n in 1..=2_000_u64 {
        caster.cast("count", &n).expect("small enough");
        if n % 10 == 0 {
            // Something to wait for, so that there is time for cuts.
            within("a publication", caster.publish("mark", &n)).await.expect("published");
        }
    }
    within("the last word", caster.publish("end", &0)).await.expect("published");
    let mut heard = Heard::default();
    heard.up_to(&hearer, "end").await;
    assert_eq!(heard.offsets(), (1..=201).collect::<Vec<_>>());
    heard.messages.retain(|message| message.offset.is_none());
    let casts = numbers(&heard.messages);
    assert!(casts.is_sorted_by(|one, next| one < next), "{casts:?}");
    assert!(!casts.is_empty());
    assert!(heard.messages.iter().all(|message| !message.own && message.from == caster.member()), "only the others hear them");
}
