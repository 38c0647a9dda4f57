//! Single scenes of a stream's life.

use samewire_protocol::live::methods::{RenegotiateParams, StartParams};
use samewire_protocol::live::{EndReason, LiveEvent, LiveState};
use samewire_protocol::{Code, Failure};

use super::stage::{HOLD, LINGER, PAUSE, Stage, name};

pub(super) fn code<T: std::fmt::Debug>(result: Result<T, Failure>) -> Code {
    result.expect_err("it must not succeed").code
}

pub(super) fn live() -> Stage {
    let mut stage = Stage::new();
    stage.join(0, "maria", "broadcaster");
    stage.start(0, false).expect("started");
    stage
}

#[test]
fn a_viewer_that_comes_back_in_time_keeps_its_place() {
    let mut stage = live();
    stage.join(1, "eve", "viewer");
    let peer = stage.watch(1, false).expect("let in").peer.expect("a viewer");
    stage.cut(1);
    stage.pass(LINGER - 1);
    assert_eq!(stage.counts(), (1, 1), "it lingers");
    stage.pass(1);
    assert_eq!(stage.counts(), (0, 1));
    stage.pass(HOLD - LINGER - 1);
    stage.join(1, "eve", "viewer");
    assert_eq!(stage.counts(), (1, 1));
    assert_eq!(stage.watch(1, false).expect("still let in").peer, Some(peer));
    assert_eq!(stage.told(0), ["viewer_joined"]);

    stage.cut(1);
    stage.pass(HOLD);
    assert_eq!(stage.told(0), ["viewer_left"]);
    stage.join(1, "eve", "viewer");
    let next = stage.watch(1, false).expect("let in anew").peer.expect("a viewer");
    assert!(next.viewer != peer.viewer && next.negotiation > peer.negotiation);
}

/// Somebody who waited without a member comes back as one who may only listen.
#[test]
fn who_comes_back_with_less_than_before_is_never_counted() {
    let mut stage = Stage::new();
    stage.join(0, "maria", "broadcaster");
    stage.join(1, "eve", "viewer");
    stage.watch(1, true).expect("it waits");
    stage.cut(1);
    stage.pass(LINGER);
    stage.start(0, false).expect("started");
    stage.join(1, "eve", "audience");
    assert_eq!(stage.counts(), (0, 0));
    assert_eq!(stage.told(0), ["viewer_joined", "viewer_left"]);
}

#[test]
fn a_broadcaster_is_held_and_then_given_up() {
    let mut stage = live();
    stage.join(1, "eve", "viewer");
    let peer = stage.watch(1, false).expect("let in").peer;
    stage.names();
    stage.cut(0);
    stage.pass(PAUSE - 1);
    stage.join(0, "maria", "broadcaster");
    assert!(stage.names().is_empty(), "so short a cut is nobody's business");

    stage.cut(0);
    stage.pass(LINGER + 5_000);
    assert_eq!(stage.names(), ["stream_paused"]);
    // What it missed without a member it asks for when it is back.
    stage.leave(1);
    stage.told(0);
    stage.join(0, "maria", "broadcaster");
    assert_eq!(
        (stage.names().as_slice(), stage.told(0).as_slice()),
        (["viewer_count_changed", "stream_resumed"].as_slice(), ["peers_changed"].as_slice())
    );
    assert!(stage.start(0, false).expect("it goes on").resumed);
    assert_ne!(stage.watch(1, false).expect("let in").peer, peer);

    stage.cut(0);
    stage.pass(HOLD);
    assert!(matches!(stage.events.pop(), Some(LiveEvent::Ended(ended)) if ended.reason == EndReason::BroadcasterGone));
    assert_eq!(stage.counts(), (0, 1));
    assert_eq!(code(stage.watch(1, false)), Code::LiveNotFound);
}

/// A page that is loaded anew goes on with its session's place, but has none of its peer connections.
#[test]
fn a_broadcaster_in_another_life_connects_its_viewers_anew() {
    let mut stage = live();
    stage.join(1, "eve", "viewer");
    let peer = stage.watch(1, false).expect("let in").peer.expect("a viewer");
    stage.go(0, true);
    stage.join(0, "maria", "broadcaster");
    stage.pass(PAUSE);
    assert_eq!(stage.core.state(), LiveState::Paused, "being in the room is not broadcasting");
    let started = stage.start(0, false).expect("started");
    assert!(started.resumed && started.peers[0].viewer == peer.viewer && started.peers[0].negotiation > peer.negotiation);
    assert_eq!(stage.told(1), ["peer"]);
    assert_eq!(stage.core.state(), LiveState::Live);
}

/// A page that stops and starts again while its link is away is the same session in the same life.
#[test]
fn who_has_none_of_its_peer_connections_says_so_and_is_connected_anew() {
    let mut stage = live();
    stage.join(1, "eve", "viewer");
    stage.join(2, "ida", "viewer");
    let peers = [1, 2].map(|who| stage.watch(who, false).expect("let in").peer.expect("a viewer"));
    let anew = StartParams { anew: true, ..StartParams::new(name()) };
    let started = stage.start_as(0, &anew).expect("it goes on");
    assert!(started.resumed);
    for (peer, before) in started.peers.iter().zip(peers) {
        assert!(peer.viewer == before.viewer && peer.negotiation > before.negotiation);
    }
    assert_eq!((stage.told(1), stage.told(2)), (vec!["peer"], vec!["peer"]));
    assert_eq!(code(stage.start_as(0, &anew)), Code::RateLimited);
    assert_eq!(stage.start(0, false).expect("it goes on").peers, started.peers, "who says nothing has them still");

    stage.told(0);
    let next = stage.watch_as(1, false, true).expect("still let in").peer.expect("a viewer");
    assert!(next.viewer == peers[0].viewer && next.negotiation > started.peers[0].negotiation);
    assert_eq!((stage.told(0), stage.told(1), stage.told(2)), (vec!["peer"], vec![], vec![]));
    assert_eq!(code(stage.watch_as(1, false, true)), Code::RateLimited);
    assert_eq!(stage.watch(1, false).expect("still let in").peer, Some(next));
    assert_eq!(stage.core.peers_for(stage.key(0)).expect("its viewers")[1], started.peers[1], "and nobody else's");
}

#[test]
fn who_was_replaced_while_away_is_told_so_and_takes_nothing_back_unasked() {
    let mut stage = live();
    stage.join(1, "maria", "broadcaster");
    stage.join(2, "olga", "broadcaster");
    assert_eq!(code(stage.start(2, false)), Code::LiveTaken);
    stage.cut(0);
    stage.pass(LINGER);
    assert!(stage.start(1, false).expect("her own other session").resumed);
    // It comes back and asks at once, as it did when its link was lost.
    stage.join(0, "maria", "broadcaster");
    assert_eq!(stage.told(0), ["superseded"]);
    assert!(stage.start(2, true).expect("taken over").resumed);
    assert_eq!(stage.told(1), ["superseded"]);
    assert_eq!(code(stage.start(1, false)), Code::LiveTaken);
}

/// It used to be forgotten with the first refusal of anybody, or with the next takeover.
#[test]
fn one_who_was_replaced_unawares_is_refused_once_whatever_others_do() {
    let mut stage = live();
    for (who, user) in [(1, "maria"), (2, "olga"), (3, "maria")] {
        stage.join(who, user, "broadcaster");
    }
    stage.cut(0);
    stage.pass(LINGER - 1);
    stage.start(1, false).expect("her own other session");
    stage.cut(1);
    stage.pass(1);
    stage.start(3, false).expect("and another");
    assert_eq!(code(stage.start(2, false)), Code::LiveTaken);
    for who in [0, 1] {
        stage.join(who, "maria", "broadcaster");
        assert_eq!(stage.told(who), ["superseded"]);
        assert_eq!(code(stage.start(who, false)), Code::LiveTaken, "it may have asked before it heard");
    }
    assert_eq!(stage.told(3), [""; 0], "nobody takes it from this one");
    assert!(stage.start(0, false).expect("now it knows").resumed);
}

/// What the room held for a member is gone when the member is.
#[test]
fn what_was_held_for_one_who_lingered_in_vain_is_told_again() {
    let mut stage = live();
    stage.join(1, "eve", "viewer");
    stage.cut(0);
    stage.watch(1, false).expect("let in");
    stage.pass(LINGER);
    stage.join(0, "maria", "broadcaster");
    assert_eq!(stage.told(0), ["peers_changed"]);

    let mut stage = Stage::new();
    stage.join(0, "maria", "broadcaster");
    for who in 1..=4 {
        stage.join(who, "eve", "viewer");
        stage.watch(who, true).expect("waits");
    }
    [1, 4].into_iter().for_each(|who| stage.cut(who));
    stage.start(0, false).expect("started");
    stage.pass(LINGER);
    [1, 4].into_iter().for_each(|who| stage.join(who, "eve", "viewer"));
    assert_eq!((stage.told(1), stage.told(4)), (vec!["watching"], vec!["refused"]));
}

#[test]
fn a_refusal_that_finds_no_room_is_told_later() {
    let mut stage = Stage::with(1);
    stage.join(0, "maria", "broadcaster");
    for who in [1, 2] {
        stage.join(who, "eve", "viewer");
        stage.watch(who, true).expect("waits");
    }
    stage.jammed = vec![2];
    stage.start(0, false).expect("started");
    stage.pass(HOLD + LINGER);
    stage.jammed.clear();
    stage.pass(1_000);
    assert_eq!(stage.told(2), ["refused"]);
    stage.pass(HOLD);
    stage.join(2, "eve", "viewer");
    assert_eq!(stage.told(2), [""; 0], "once is enough");
}

/// Its stream is over before it heard that it was let in: it waits for the next one.
#[test]
fn who_was_let_in_without_knowing_goes_on_waiting() {
    let mut stage = Stage::new();
    stage.join(0, "maria", "broadcaster");
    stage.join(1, "eve", "viewer");
    stage.watch(1, true).expect("waits");
    stage.jammed = vec![1];
    stage.start(0, false).expect("started");
    let key = stage.key(0);
    stage.core.stop(stage.now, key).expect("over");
    stage.jammed.clear();
    assert_eq!(stage.start(0, false).expect("started").peers.len(), 1);
    assert_eq!(stage.told(1), ["watching"]);
}

#[test]
fn who_waits_is_let_in_as_far_as_there_is_room() {
    let mut stage = Stage::new();
    for who in 1..=4 {
        stage.join(who, "eve", "viewer");
        assert_eq!(code(stage.watch(who, false)), Code::LiveNotFound);
        assert_eq!(stage.watch(who, true).expect("waits").peer, None);
    }
    stage.watch(1, true).expect("waits still");
    stage.cut(2);
    stage.pass(LINGER);
    stage.join(0, "maria", "broadcaster");
    assert_eq!(stage.start(0, false).expect("started").peers.len(), 3);
    assert_eq!(stage.counts(), (2, 2), "one of the three is cut off");
    assert_eq!((stage.told(1), stage.told(3), stage.told(4)), (vec!["watching"], vec!["watching"], vec!["refused"]));
    stage.join(2, "eve", "viewer");
    assert_eq!((stage.told(2), stage.counts()), (vec!["watching"], (3, 3)));
    stage.join(5, "ida", "viewer");
    let refused = stage.watch(5, true).expect_err("full");
    assert!(refused.code == Code::LiveFull && refused.retryable);
}

#[test]
fn a_grant_that_ends_ends_what_it_granted() {
    let mut stage = live();
    stage.join(1, "eve", "viewer");
    stage.join(2, "ida", "viewer");
    stage.watch(1, false).expect("let in");
    stage.watch(2, false).expect("let in");
    stage.change_role(1, "audience");
    assert_eq!((stage.told(1), stage.counts()), (vec!["refused"], (1, 2)));
    assert_eq!(code(stage.watch(1, false)), Code::Forbidden);
    stage.put_out(2, Failure::new(Code::Forbidden, "out"));
    assert_eq!(stage.counts(), (0, 2));
    stage.change_role(0, "viewer");
    assert!(matches!(stage.events.pop(), Some(LiveEvent::Ended(ended)) if ended.reason == EndReason::GrantEnded));
}

/// Each new title used to be told as the broadcaster's return.
#[test]
fn a_change_of_what_is_said_of_it_is_told_once_a_second() {
    let mut stage = live();
    stage.names();
    let say = |stage: &mut Stage, title: &str| {
        let params = StartParams { title: Some(title.into()), ..StartParams::new(name()) };
        assert!(stage.start_as(0, &params).expect("it goes on").resumed);
    };
    (0..500).for_each(|number| say(&mut stage, &format!("number {number}")));
    assert_eq!((stage.names().as_slice(), &stage.state["title"]), (["stream_changed"].as_slice(), &"number 0".into()));
    stage.pass(1_000);
    assert_eq!((stage.names().as_slice(), &stage.state["title"]), (["stream_changed"].as_slice(), &"number 499".into()));
    say(&mut stage, "number 499");
    stage.pass(10_000);
    assert!(stage.names().is_empty(), "nothing is new");

    (0..2).for_each(|number| say(&mut stage, &format!("last {number}")));
    let key = stage.key(0);
    stage.core.stop(stage.now, key).expect("stopped");
    stage.settle();
    assert_eq!(
        (stage.names().as_slice(), &stage.state["title"]),
        (["stream_changed", "stream_ended"].as_slice(), &"last 1".into())
    );
}

#[test]
fn a_stream_begins_and_is_taken_over_so_often_and_no_more() {
    let mut stage = live();
    stage.join(1, "maria", "broadcaster");
    stage.join(2, "eve", "viewer");
    stage.watch(2, false).expect("let in");
    let mut rivals = (0..500).map(|turn| stage.start(1 - turn % 2, false)).collect::<Vec<_>>();
    let refused = rivals.pop().expect("many").expect_err("too often");
    assert!(refused.code == Code::RateLimited && refused.retryable);
    assert!(stage.told(2).len() < 10, "each of them takes a new peer connection");
    assert!(!stage.names().contains(&"stream_resumed"), "nobody was away");

    let broadcaster = (0..2).find(|who| stage.core.peers_for(stage.key(*who)).is_ok()).expect("one of them");
    stage.cut(broadcaster);
    stage.pass(PAUSE);
    stage.join(broadcaster, "maria", "broadcaster");
    assert!(stage.start(broadcaster, false).expect("its own").resumed, "who comes back is not meant");

    let mut begun = 0;
    for _ in 0..100 {
        begun += usize::from(stage.start(broadcaster, false).is_ok());
        let key = stage.key(broadcaster);
        let _ = stage.core.stop(stage.now, key);
        stage.settle();
    }
    assert!(begun < 5, "{begun} times");
    stage.pass(2_000);
    stage.start(broadcaster, false).expect("after a while");
}

#[test]
fn a_crowd_is_counted_twice_a_second() {
    let mut stage = Stage::with(1_000);
    stage.join(0, "maria", "broadcaster");
    stage.start(0, false).expect("started");
    for who in 1..=200 {
        stage.join(who, "eve", "viewer");
        stage.watch(who, false).expect("let in");
    }
    let told = stage.names();
    assert!(told.len() <= 55, "{}", told.len());
    stage.pass(500);
    assert_eq!(stage.names(), ["viewer_count_changed"]);
    assert_eq!((&stage.state["viewer_count"], &stage.state["peak_viewers"]), (&200.into(), &200.into()));
    stage.pass(10_000);
    assert!(stage.names().is_empty(), "and not again");
}

#[test]
fn a_very_large_crowd_is_counted_less_often() {
    let mut stage = live();
    for who in 1..10_000 {
        stage.join(who, "eve", "viewer");
    }
    stage.watch(1, false).expect("let in");
    stage.pass(10_000);
    stage.names();
    stage.watch(2, false).expect("let in");
    stage.watch(3, false).expect("let in");
    stage.pass(1_999);
    assert_eq!(stage.names(), ["viewer_count_changed"]);
    assert_eq!(stage.state["viewer_count"], 2);
    stage.pass(1);
    assert_eq!(stage.names(), ["viewer_count_changed"]);
    assert_eq!(stage.state["viewer_count"], 3);
}

#[test]
fn a_peer_connection_is_begun_anew_once_a_second() {
    let mut stage = live();
    stage.join(1, "eve", "viewer");
    let peer = stage.watch(1, false).expect("let in").peer.expect("a viewer");
    stage.told(0);
    let renew = |stage: &mut Stage, negotiation| {
        let params = RenegotiateParams { stream: name(), viewer: None, negotiation };
        let key = stage.key(1);
        let renewed = stage.core.renegotiate(stage.now, key, &params);
        stage.settle();
        renewed
    };
    let next = renew(&mut stage, peer.negotiation).expect("begun anew");
    assert!(next > peer.negotiation);
    assert_eq!((stage.told(0), stage.told(1)), (vec!["peer"], vec!["peer"]));
    assert_eq!(renew(&mut stage, peer.negotiation), Ok(next), "both asked at once");
    assert!(stage.said.is_empty());
    assert_eq!(code(renew(&mut stage, next)), Code::RateLimited);
    stage.pass(1_000);
    assert!(renew(&mut stage, next).expect("begun anew") > next);
    assert_eq!(code(stage.say(1, None, peer.negotiation)), Code::StaleNegotiation);
}

/// One that says too much is stopped before the other end has no room left for everybody else.
#[test]
fn a_flood_of_messages_is_dammed() {
    let mut stage = live();
    stage.join(1, "eve", "viewer");
    let peer = stage.watch(1, false).expect("let in").peer.expect("a viewer");
    let passed = (0..200).filter(|_| stage.say(1, None, peer.negotiation).is_ok()).count();
    assert_eq!(passed, 40);
    assert_eq!(code(stage.say(1, None, peer.negotiation)), Code::RateLimited);
    assert!(stage.say(0, Some(peer.viewer), peer.negotiation).is_ok(), "the other direction is not held up");
}
