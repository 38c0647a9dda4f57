//! Links that are lost, and clients that come back.

use samewire_tests::live::raw::Raw;
use samewire_tests::live::until;
use serde_json::{Value, json};

use super::stage::{ROOM, Watched, join, join_with, member};

async fn say(raw: &mut Raw, id: u64, room: &str) {
    raw.call(id, "rooms/publish", json!({"room": room, "name": "say", "payload": id})).await.expect("published");
}

async fn come_back(host: &samewire_tests::live::Host, raw: &Raw, join: Value) -> (Raw, Value) {
    let (mut raw, welcome) = Raw::resume(host.addr(), &raw.ticket).await;
    assert_eq!(welcome["continuity"], "kept");
    let joined = join_with(&mut raw, join).await.expect("may join");
    (raw, joined)
}

#[tokio::test]
async fn who_comes_back_goes_on_as_the_same_member_without_a_gap() {
    let watched = Watched::new().await;
    let host = &watched.host;
    let mut sven = member(host, "sven", "speaker", ROOM).await;
    let mut lina = super::stage::session(host, "lina", "listener").await;
    let before = join(&mut lina, ROOM).await.expect("may join");
    for id in 1..=3 {
        say(&mut sven, id, ROOM).await;
    }
    for n in 1..=2 {
        assert_eq!(lina.expect("event").await["offset"], n);
    }
    for id in 4..=60 {
        say(&mut sven, id, ROOM).await;
    }
    let from = json!({"room": ROOM, "epoch": before["epoch"], "offset": 2});
    let (mut lina, joined) = come_back(host, &lina, from).await;
    assert_eq!((&joined["recovered"], &joined["offset"], &joined["member"]), (&json!(true), &json!(2), &before["member"]));
    assert!(joined.get("state").is_none(), "{joined}");
    say(&mut sven, 61, ROOM).await;
    for n in 3..=61 {
        assert_eq!(lina.expect("event").await["offset"], n);
    }
}

#[tokio::test]
async fn what_cannot_be_recovered_is_said() {
    let watched = Watched::new().await;
    let host = &watched.host;
    let mut sven = member(host, "sven", "speaker", ROOM).await;
    let mut lina = super::stage::session(host, "lina", "listener").await;
    let before = join(&mut lina, ROOM).await.expect("may join");
    for id in 1..=150 {
        say(&mut sven, id, ROOM).await;
    }
    sven.call(151, "rooms/publish", json!({"room": ROOM, "name": "set", "state": {"n": 151}})).await.expect("published");
    let from = json!({"room": ROOM, "epoch": before["epoch"], "offset": 0});
    let (lina, joined) = come_back(host, &lina, from).await;
    assert_eq!((&joined["recovered"], &joined["offset"], &joined["missed"]), (&json!(false), &json!(151), &json!(151)));
    assert_eq!(joined["state"], json!({"n": 151}));
    let other = json!({"room": ROOM, "epoch": "0000000000000000", "offset": 3});
    let (lina, joined) = come_back(host, &lina, other).await;
    assert!(joined["recovered"] == false && joined.get("missed").is_none(), "{joined}");
    let ahead = json!({"room": ROOM, "epoch": before["epoch"], "offset": 9_000});
    let (_, joined) = come_back(host, &lina, ahead).await;
    assert_eq!((&joined["recovered"], &joined["offset"]), (&json!(false), &json!(151)));
}

#[tokio::test]
async fn a_stranger_does_not_read_the_history_by_a_claim() {
    let watched = Watched::new().await;
    let mut sven = member(&watched.host, "sven", "speaker", ROOM).await;
    say(&mut sven, 1, ROOM).await;
    let epoch = join(&mut sven, ROOM).await.expect("once more")["epoch"].clone();
    let mut lina = super::stage::session(&watched.host, "lina", "listener").await;
    let joined = join_with(&mut lina, json!({"room": ROOM, "epoch": epoch, "offset": 0})).await.expect("may join");
    assert_eq!((&joined["recovered"], &joined["offset"]), (&json!(false), &json!(1)));
}

#[tokio::test]
async fn who_stays_away_is_gone_and_comes_back_as_another() {
    let watched = Watched::new().await;
    let (host, room) = (&watched.host, "brief:1");
    let mut lina = super::stage::session(host, "lina", "listener").await;
    let before = join(&mut lina, room).await.expect("may join");
    let ticket = lina.ticket.clone();
    drop(lina);
    let name = room.parse().expect("a room's name");
    until("nobody is there", || async { host.rooms().counts(&name).members == 0 }).await;
    let (mut lina, _) = Raw::resume(host.addr(), &ticket).await;
    let joined = join_with(&mut lina, json!({"room": room, "epoch": before["epoch"], "offset": 0})).await.expect("may join");
    assert!(joined["member"] != before["member"] || joined["epoch"] != before["epoch"], "{joined}");
}

#[tokio::test]
async fn signals_that_a_cut_took_come_again() {
    let watched = Watched::new().await;
    let host = &watched.host;
    let mut sven = member(host, "sven", "speaker", ROOM).await;
    let mut lina = super::stage::session(host, "lina", "listener").await;
    let before = join(&mut lina, ROOM).await.expect("may join");
    let to = json!({"member": before["member"]});
    for id in 1..=3 {
        let params = json!({"room": ROOM, "name": "psst", "to": to, "payload": id});
        assert_eq!(sven.call(id, "rooms/send", params).await.expect("sent"), json!({"delivered": 1, "held": 0}));
    }
    for seq in 1..=3 {
        let signal = lina.expect("signal").await;
        assert_eq!((&signal["seq"], &signal["user"]), (&json!(seq), &json!("sven")));
    }
    let ticket = lina.ticket.clone();
    drop(lina);
    let mut id = 10;
    loop {
        let sent =
            sven.call(id, "rooms/send", json!({"room": ROOM, "name": "psst", "to": to, "payload": id})).await.expect("sent");
        if sent["held"] == 1 {
            break;
        }
        id += 1;
    }
    let (mut lina, _) = Raw::resume(host.addr(), &ticket).await;
    join_with(&mut lina, json!({"room": ROOM, "signals": 2})).await.expect("may join");
    let mut seq = 3;
    loop {
        let signal = lina.expect("signal").await;
        assert_eq!(signal["seq"], seq);
        if signal["payload"] == id {
            break;
        }
        seq += 1;
    }
}

#[tokio::test]
async fn nothing_is_cast_on_a_link_that_has_not_joined() {
    let mut watched = Watched::new().await;
    let lina = member(&watched.host, "lina", "listener", ROOM).await;
    let (mut lina, _) = Raw::resume(watched.host.addr(), &lina.ticket).await;
    let error = super::stage::refused_cast(&mut lina, json!({"room": ROOM, "name": "wave"})).await;
    assert_eq!(error["error"]["code"], "not-joined");
    // What is asked for and kept may go on: the membership is still there.
    assert_eq!(lina.call(1, "rooms/state", json!({"room": ROOM})).await.expect("a member")["offset"], 0);
    watched.hears_nothing_else("a cast that came too late").await;
}

#[tokio::test]
async fn another_link_of_the_session_takes_the_rooms_over() {
    let mut watched = Watched::new().await;
    let mut lina = member(&watched.host, "lina", "listener", ROOM).await;
    let (mut second, _) = Raw::resume(watched.host.addr(), &lina.ticket).await;
    join(&mut second, ROOM).await.expect("may join");
    watched.hears_nothing_else("another link").await;
    assert_eq!(second.expect("event").await["name"], "still-here");
    assert_eq!(lina.parting().await.0, "superseded");
    assert!(lina.skipped.iter().all(|frame| frame["type"] != "event"), "{:?}", lina.skipped);
}
