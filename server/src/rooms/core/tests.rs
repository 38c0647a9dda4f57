mod model;
mod properties;
mod roles;
mod slow;

use std::collections::VecDeque;
use std::time::Duration;

use samewire_protocol::rooms::methods::{HistoryParams, To};
use serde_json::json;

use self::model::{Peer, anonymous, core, member, message, raw};
use super::*;
use crate::rooms::policy::{PresenceMode, Roles};

#[test]
fn a_member_hears_what_is_published_and_casts_of_others() {
    let mut room = core(KindPolicy::default());
    let (mut ada, mut bob) = (Peer::join(&mut room, 0, "ada"), Peer::join(&mut room, 0, "bob"));
    ada.pull(&mut room, 0);
    bob.pull(&mut room, 0);
    let first = room.publish(1, ada.author(), message("say", json!("hi")).into()).expect("published");
    assert_eq!((first.offset, first.duplicate), (1, false));
    room.cast(2, ada.author(), message("typing", json!(true)), Some("ada".into())).expect("cast");
    assert_eq!(room.wakes(), Wakes::All);
    bob.pull(&mut room, 2);
    let heard = bob.client.heard.clone();
    assert_eq!(
        heard[0],
        json!({"type": "event", "room": "test:1", "offset": 1, "from": 1, "user": "ada", "name": "say", "at": 1, "payload": "hi"})
    );
    assert_eq!(
        heard[1],
        json!({"type": "event", "room": "test:1", "from": 1, "user": "ada", "name": "typing", "at": 2, "payload": true, "key": "ada"})
    );
    ada.pull(&mut room, 2);
    assert_eq!(ada.client.heard.len(), 1, "a cast does not come back to its author");
    assert_eq!(ada.reader.as_ref().map(|reader| reader.is_up_to(room.version())), Some(true));
}

#[test]
fn state_is_patched_replaced_and_given_to_who_comes_late() {
    let mut room = core(KindPolicy { state: true, ..KindPolicy::default() });
    let mut ada = Peer::join(&mut room, 0, "ada");
    ada.pull(&mut room, 0);
    assert_eq!(ada.client.state, Some(json!(null)));
    for (change, state) in [
        (Change::State(raw(json!({"a": 1, "b": {"c": 2}}))), json!({"a": 1, "b": {"c": 2}})),
        (Change::Patch(raw(json!({"a": null, "b": {"d": 3}}))), json!({"b": {"c": 2, "d": 3}})),
    ] {
        let publication = Publication { change: Some(change), ..Message::new("set".parse().unwrap()).into() };
        room.publish(0, ada.author(), publication).expect("published");
        ada.pull(&mut room, 0);
        assert_eq!(ada.client.state, Some(state));
    }
    let mut bob = Peer::join(&mut room, 0, "bob");
    bob.pull(&mut room, 0);
    assert_eq!((bob.client.state, bob.client.offset), (Some(json!({"b": {"c": 2, "d": 3}})), 2));
    assert_eq!(room.state(ada.member).expect("a state").state.get(), r#"{"b":{"c":2,"d":3}}"#);
}

#[test]
fn a_state_that_is_too_big_changes_nothing() {
    let mut room = core(KindPolicy { state: true, max_state: 2_000, ..KindPolicy::default() });
    let ada = Peer::join(&mut room, 0, "ada");
    let patch = |key: &str| Publication {
        change: Some(Change::Patch(raw(json!({ key: "x".repeat(1_500) })))),
        ..Message::new("set".parse().unwrap()).into()
    };
    room.publish(0, ada.author(), patch("a")).expect("published");
    assert_eq!(room.publish(0, ada.author(), patch("b")).expect_err("too big").code, Code::TooBig);
    assert_eq!(room.newest(), 1);
    assert!(room.state_json().is_some_and(|json| json.get().len() < 2_000));
    room.publish(0, ada.author(), patch("a")).expect("the same again fits");
}

#[test]
fn a_key_makes_an_event_once() {
    let mut room = core(KindPolicy::default());
    let (ada, bob) = (Peer::join(&mut room, 0, "ada"), Peer::join(&mut room, 0, "bob"));
    let keyed = || Publication { key: Some("k".into()), ..Message::new("say".parse().unwrap()).into() };
    let mut publish = |now, author| {
        let published = room.publish(now, author, keyed()).expect("published");
        (published.offset, published.duplicate)
    };
    assert_eq!(publish(0, ada.author()), (1, false));
    assert_eq!(publish(9, ada.author()), (1, true));
    assert_eq!(publish(9, bob.author()), (2, false));
    assert_eq!(publish(9, Author::Server("api")), (3, false));
    assert_eq!(publish(9, Author::Server("api")), (3, true));
    assert_eq!(publish(300_000, ada.author()), (4, false));
}

#[test]
fn an_event_is_made_only_if_nothing_came_between() {
    let mut room = core(KindPolicy::default());
    let ada = Peer::join(&mut room, 0, "ada");
    let expecting = |offset| Publication { expected: Some(offset), ..Message::new("say".parse().unwrap()).into() };
    room.publish(0, ada.author(), expecting(0)).expect("published");
    let refused = room.publish(0, ada.author(), expecting(0)).expect_err("somebody was faster");
    assert_eq!(refused.code, Code::Conflict);
    assert_eq!(refused.data.as_ref().map(|data| data.get()), Some(r#"{"offset":1}"#));
}

#[test]
fn who_comes_back_gets_what_it_missed_and_nothing_twice() {
    let mut room = core(KindPolicy { history: 3, ..KindPolicy::default() });
    let mut ada = Peer::join(&mut room, 0, "ada");
    ada.pull(&mut room, 0);
    let server = Author::Server("test");
    room.publish(0, server, message("n", json!(1)).into()).expect("published");
    ada.pull(&mut room, 0);
    ada.cut(&mut room, 1);
    for n in 2..=4 {
        room.publish(1, server, message("n", json!(n)).into()).expect("published");
    }
    ada.come_back(&mut room, 2);
    ada.pull(&mut room, 2);
    assert_eq!((ada.client.recovered, ada.client.offset, ada.client.heard.len()), (Some(true), 4, 4));

    ada.cut(&mut room, 3);
    for n in 5..=8 {
        room.publish(3, server, message("n", json!(n)).into()).expect("published");
    }
    ada.come_back(&mut room, 4);
    ada.pull(&mut room, 4);
    assert_eq!((ada.client.recovered, ada.client.offset, ada.client.missed), (Some(false), 8, Some(4)));
    assert_eq!(ada.client.heard.len(), 4);
}

#[test]
fn another_epoch_is_another_room() {
    let mut room = core(KindPolicy { state: true, ..KindPolicy::default() });
    room.publish(0, Author::Server("test"), message("n", json!(1)).into()).expect("published");
    let joiner = Joiner { from: Some((Epoch::from_random(99), 1)), ..member("ada") };
    let mut ada = Peer::of(room.join(0, joiner).expect("joined"));
    ada.client.offset = 1;
    ada.pull(&mut room, 0);
    assert_eq!((ada.client.recovered, ada.client.missed, ada.client.state), (Some(false), None, Some(json!(null))));
}

#[test]
fn a_member_without_a_link_counts_for_a_while() {
    let mut room = core(KindPolicy { linger: Duration::from_secs(10), ..KindPolicy::default() });
    let (mut ada, mut bob) = (Peer::join(&mut room, 0, "ada"), Peer::join(&mut room, 0, "bob"));
    ada.cut(&mut room, 1_000);
    room.tick(10_999);
    assert_eq!(room.counts(), Counts { users: 2, members: 2 });
    ada.come_back(&mut room, 10_999);
    room.tick(11_000);
    assert_eq!(room.counts().members, 2, "it is back");
    ada.cut(&mut room, 20_000);
    assert_eq!(room.due(), Some(30_000));
    room.tick(30_000);
    assert_eq!(room.counts().members, 1);
    assert!(room.rejoin(30_000, ada.member, member("ada")).is_none());
    bob.pull(&mut room, 30_000);
    assert_eq!(bob.client.ids(), ["bob"]);
}

#[test]
fn a_user_comes_with_its_first_member_and_goes_with_its_last() {
    let mut room = core(KindPolicy::default());
    let mut bob = Peer::join(&mut room, 0, "bob");
    bob.pull(&mut room, 0);
    let (one, two) = (Peer::join(&mut room, 1_000, "ada"), Peer::join(&mut room, 2_000, "ada"));
    bob.pull(&mut room, 2_000);
    assert_eq!(bob.client.ids(), ["ada", "bob"]);
    assert_eq!(room.counts(), Counts { users: 2, members: 3 });
    room.leave(3_000, one.member);
    bob.pull(&mut room, 3_000);
    assert_eq!(bob.client.ids(), ["ada", "bob"]);
    room.leave(4_000, two.member);
    bob.pull(&mut room, 4_000);
    assert_eq!(bob.client.ids(), ["bob"]);
    let told: Vec<_> =
        bob.client.presence_frames.iter().map(|frame| (frame["users"].clone(), frame["members"].clone())).collect();
    assert_eq!(told, [(2, 2), (2, 3), (2, 2), (1, 1)].map(|(users, members)| (json!(users), json!(members))));
}

#[test]
fn an_anonymous_member_is_named_after_its_number() {
    let mut room = core(KindPolicy::default());
    let joiner = Joiner { identity: anonymous(7), ..member("x") };
    let mut peer = Peer::of(room.join(0, joiner).expect("joined"));
    peer.pull(&mut room, 0);
    assert_eq!(peer.client.ids(), ["anon:1"]);
    room.publish(0, peer.author(), message("say", json!(1)).into()).expect("published");
    peer.pull(&mut room, 0);
    assert_eq!(peer.client.heard[0]["user"], json!(null));
}

#[test]
fn a_crowd_is_counted_and_listed_again_when_it_is_gone() {
    for mode in [PresenceMode::Users, PresenceMode::Members] {
        let mut room = core(KindPolicy { presence: mode, ..KindPolicy::default() });
        let mut peer = Peer::join(&mut room, 0, "u000");
        peer.pull(&mut room, 0);
        let mut others: VecDeque<_> = (1..=250).map(|n| Peer::join(&mut room, n, &format!("u{n:03}"))).collect();
        room.tick(5_000);
        peer.pull(&mut room, 5_000);
        assert_eq!(peer.client.counts, (251, 251));
        assert!(peer.client.ids().is_empty(), "{mode:?}: who is not told any more is gone");
        let told = peer.client.presence_frames.len();
        assert!(told <= 14, "{told} frames for 250 that come within a quarter of a second");
        let mut late = Peer::join(&mut room, 6_000, "late");
        late.pull(&mut room, 6_000);
        assert!(!late.client.joined["presence"].as_object().unwrap().contains_key("entries"));
        while others.len() > 100 {
            room.leave(7_000, others.pop_front().unwrap().member);
        }
        room.tick(9_000);
        peer.pull(&mut room, 9_000);
        late.pull(&mut room, 9_000);
        assert_eq!(peer.client.ids().len(), 102, "{mode:?}");
        assert_eq!(late.client.ids(), peer.client.ids());
    }
}

#[test]
fn presence_is_read_in_pages() {
    let mut room = core(KindPolicy::default());
    let peers: Vec<_> = (0..25).map(|n| Peer::join(&mut room, 0, &format!("u{n:02}"))).collect();
    let (mut after, mut ids) = (None::<Box<str>>, Vec::new());
    loop {
        let page = room.presence(peers[0].member, after.as_deref(), Some(10)).expect("a page");
        ids.extend(page.entries.into_iter().map(|entry| entry.id));
        after = ids.last().cloned();
        if !page.more {
            break;
        }
    }
    assert_eq!(ids, (0..25).map(|n| format!("u{n:02}").into()).collect::<Vec<Box<str>>>());
}

#[test]
fn history_is_read_in_pages() {
    let mut room = core(KindPolicy { history: 10, ..KindPolicy::default() });
    let peer = Peer::join(&mut room, 0, "ada");
    for n in 1..=12 {
        let mut said = message("n", json!(n));
        if n == 11 {
            said = Message { payload: None, attachment: Some(Bytes::from_static(b"\0\x01")), ..said };
        }
        room.publish(n, Author::Server("test"), said.into()).expect("published");
    }
    let mut page = |after: Option<u64>, before: Option<u64>, limit: u64| {
        let params = HistoryParams { room: room.name().clone(), after, before, limit: Some(limit) };
        let (page, bytes) = room.history(20, peer.member, &params).expect("a page");
        assert_eq!((page.first, page.last), (3, 12));
        let offsets = page.events.iter().map(|event| {
            let event: serde_json::Value = serde_json::from_str(event.get()).expect("an event");
            event["offset"].as_u64().expect("a number")
        });
        (offsets.collect::<Vec<_>>(), page.more, bytes.len())
    };
    assert_eq!(page(None, None, 3), (vec![10, 11, 12], true, 2));
    assert_eq!(page(None, Some(10), 3), (vec![7, 8, 9], true, 0));
    assert_eq!(page(None, Some(4), 3), (vec![3], false, 0));
    assert_eq!(page(Some(0), None, 2), (vec![3, 4], true, 0));
    assert_eq!(page(Some(10), None, 5), (vec![11, 12], false, 2));
    assert_eq!(page(Some(4), Some(7), 5), (vec![5, 6], false, 0));
    assert_eq!(page(Some(12), None, 5), (vec![], false, 0));
    let params = HistoryParams { room: room.name().clone(), after: Some(10), before: None, limit: Some(1) };
    let (page, _) = room.history(20, peer.member, &params).expect("a page");
    assert_eq!(page.events[0].get(), r#"{"offset":11,"name":"n","at":11,"attached":2}"#);
}

#[test]
fn old_events_are_let_go() {
    let mut room = core(KindPolicy { history_age: Duration::from_secs(1), ..KindPolicy::default() });
    let peer = Peer::join(&mut room, 0, "ada");
    room.publish(0, peer.author(), message("n", json!(1)).into()).expect("published");
    let params = HistoryParams { room: room.name().clone(), after: None, before: None, limit: None };
    assert_eq!(room.history(999, peer.member, &params).expect("a page").0.events.len(), 1);
    let (page, _) = room.history(1_000, peer.member, &params).expect("a page");
    assert_eq!((page.events.len(), page.first, page.last), (0, 2, 1));
}

#[test]
fn signals_go_to_those_who_are_meant_and_wait_for_who_is_away() {
    let mut room = core(KindPolicy::default());
    let (mut ada, mut bob, mut two) =
        (Peer::join(&mut room, 0, "ada"), Peer::join(&mut room, 0, "bob"), Peer::join(&mut room, 0, "bob"));
    for peer in [&mut ada, &mut bob, &mut two] {
        peer.pull(&mut room, 0);
    }
    room.wakes();
    let to_bob = To::User("bob".into());
    let sent = room.send(0, ada.author(), &to_bob, message("ring", json!(1))).expect("sent");
    assert_eq!((sent.delivered, sent.held), (2, 0));
    assert_eq!(room.wakes(), Wakes::Some(vec![bob.member, two.member]));
    for peer in [&mut ada, &mut bob, &mut two] {
        peer.pull(&mut room, 0);
    }
    assert_eq!((ada.client.signals, bob.client.signals, two.client.signals), (0, 1, 1));
    bob.cut(&mut room, 1);
    let sent = room.send(1, ada.author(), &to_bob, message("ring", json!(2))).expect("sent");
    assert_eq!((sent.delivered, sent.held), (1, 1));
    // The link took the first one with it.
    bob.client.signals = 0;
    bob.come_back(&mut room, 2);
    bob.pull(&mut room, 2);
    assert_eq!(bob.client.signals, 2);
    for (to, code) in [(To::Member(Member(99)), Code::MemberNotFound), (To::User("eve".into()), Code::MemberNotFound)] {
        assert_eq!(room.send(2, ada.author(), &to, message("ring", json!(3))).expect_err("nobody").code, code);
    }
    let to_two = To::Member(two.member);
    let refused = (0..70).find_map(|_| room.send(2, Author::Server("test"), &to_two, message("ring", json!(3))).err());
    assert_eq!(refused.map(|failure| failure.code), Some(Code::Overloaded), "one that does not read is not sent without end");
}

#[test]
fn who_is_taken_out_is_told_why_and_then_no_more() {
    let mut room = core(KindPolicy::default());
    let (mut ada, mut bob) = (Peer::join(&mut room, 0, "ada"), Peer::join(&mut room, 0, "bob"));
    ada.pull(&mut room, 0);
    assert_eq!(room.remove_user(0, "ada", &Failure::new(Code::Forbidden, "out")), 1);
    room.publish(0, bob.author(), message("n", json!(1)).into()).expect("published");
    assert_eq!(ada.pull(&mut room, 0), Pulled::Over);
    assert_eq!(ada.client.left["error"]["code"], "forbidden");
    assert!(ada.client.heard.is_empty());
    for said in [
        room.publish(0, ada.author(), message("n", json!(1)).into()).map(drop),
        room.cast(0, ada.author(), message("n", json!(1)), None),
        room.send(0, ada.author(), &To::User("bob".into()), message("n", json!(1))).map(drop),
        room.state(ada.member).map(drop),
        room.presence(ada.member, None, None).map(drop),
    ] {
        assert_eq!(said.expect_err("it is out").code, Code::NotJoined);
    }
    assert_eq!(room.close(0, &Failure::new(Code::RoomNotFound, "closed")), 1);
    assert_eq!(bob.pull(&mut room, 0), Pulled::Over);
    assert_eq!(bob.client.left["error"]["code"], "room-not-found");
}

#[test]
fn a_room_has_room_for_so_many() {
    let mut room = core(KindPolicy { max_members: 2, ..KindPolicy::default() });
    let ada = Peer::join(&mut room, 0, "ada");
    Peer::join(&mut room, 0, "bob");
    assert_eq!(room.join(0, member("eve")).expect_err("full").code, Code::RoomFull);
    room.leave(0, ada.member);
    assert!(room.join(0, member("eve")).is_ok());
}

#[test]
fn an_empty_room_is_kept_as_long_as_what_is_in_it() {
    let mut room = core(KindPolicy { history_age: Duration::from_secs(60), state: true, ..KindPolicy::default() });
    let ada = Peer::join(&mut room, 0, "ada");
    room.leave(100, ada.member);
    assert!(room.has_expired(100), "nothing was ever said in it");
    let ada = Peer::join(&mut room, 100, "ada");
    room.publish(200, ada.author(), message("n", json!(1)).into()).expect("published");
    room.leave(300, ada.member);
    assert!(!room.has_expired(60_199) && room.has_expired(60_200));
    let change = Some(Change::State(raw(json!(1))));
    let publication = Publication { change, ..Message::new("set".parse().unwrap()).into() };
    room.publish(400, Author::Server("test"), publication).expect("published");
    assert!(!room.has_expired(60_399) && room.has_expired(60_400));
}

#[test]
fn events_are_gathered_into_one_frame() {
    let mut policy = KindPolicy { batch: Duration::from_millis(50), ..KindPolicy::default() };
    policy.presence = PresenceMode::Off;
    let mut room = core(policy);
    let (mut ada, mut bob) = (Peer::join(&mut room, 0, "ada"), Peer::join(&mut room, 0, "bob"));
    ada.pull(&mut room, 0);
    bob.pull(&mut room, 0);
    room.publish(0, ada.author(), message("n", json!(1)).into()).expect("published");
    room.cast(10, ada.author(), message("c", json!(1)), None).expect("cast");
    room.publish(20, ada.author(), message("n", json!(2)).into()).expect("published");
    bob.pull(&mut room, 49);
    assert_eq!((bob.client.heard.len(), room.due()), (0, Some(50)));
    room.tick(50);
    bob.pull(&mut room, 50);
    ada.pull(&mut room, 50);
    assert_eq!((bob.client.heard.len(), bob.client.frames), (3, 2), "joined, and one frame for three events");
    assert_eq!((ada.client.heard.len(), ada.client.offset), (2, 2), "its own cast is not among them");
    // Who joins in the middle is told of the number, and then not of the event.
    room.publish(60, ada.author(), message("n", json!(3)).into()).expect("published");
    let mut late = Peer::join(&mut room, 70, "late");
    late.pull(&mut room, 70);
    room.tick(200);
    late.pull(&mut room, 200);
    assert_eq!((late.client.offset, late.client.heard.len()), (3, 0));
}

#[test]
fn a_member_may_say_so_much_at_once() {
    let mut room = core(KindPolicy { rate: 10, burst: 5, ..KindPolicy::default() });
    let ada = Peer::join(&mut room, 0, "ada");
    let mut say = |now| room.publish(now, ada.author(), message("n", json!(1)).into()).map(drop);
    assert!((0..5).all(|_| say(0).is_ok()));
    let refused = say(0).expect_err("too much");
    assert!(refused.code == Code::RateLimited && refused.retryable, "{refused:?}");
    assert!(say(100).is_ok() && say(100).is_err());
}

#[test]
fn what_is_too_big_or_both_is_refused() {
    let mut room = core(KindPolicy { max_message: 1_000, ..KindPolicy::default() });
    let ada = Peer::join(&mut room, 0, "ada");
    let big = Message { attachment: Some(vec![0; 1_001].into()), ..Message::new("n".parse().unwrap()) };
    assert_eq!(room.publish(0, ada.author(), big.into()).expect_err("too big").code, Code::TooBig);
    assert_eq!(
        room.cast(0, ada.author(), message("n", json!("x".repeat(1_000))), None).expect_err("too big").code,
        Code::TooBig
    );
    let both = Message { attachment: Some(Bytes::from_static(b"a")), ..message("n", json!(1)) };
    assert_eq!(room.cast(0, ada.author(), both, None).expect_err("both").code, Code::BadParams);
    let keyed = Publication { key: Some("k".repeat(65).into()), ..message("n", json!(1)).into() };
    assert_eq!(room.publish(0, ada.author(), keyed).expect_err("a long key").code, Code::BadParams);
    let change = Some(Change::State(raw(json!(1))));
    let stateless = Publication { change, ..message("n", json!(1)).into() };
    assert_eq!(room.publish(0, ada.author(), stateless).expect_err("no state").code, Code::BadParams);
}

#[test]
fn a_message_of_bytes_is_a_binary_frame() {
    let mut room = core(KindPolicy::default());
    let mut ada = Peer::join(&mut room, 0, "ada");
    ada.pull(&mut room, 0);
    let bytes = Message { attachment: Some(Bytes::from_static(b"\0\xff")), ..Message::new("n".parse().unwrap()) };
    room.publish(5, ada.author(), bytes.into()).expect("published");
    ada.pull(&mut room, 5);
    assert_eq!(ada.client.heard[0]["attachment"], json!([0, 255]));
    assert_eq!(ada.client.heard[0]["offset"], 1);
}

#[test]
fn hidden_senders_are_not_told() {
    let mut room = core(KindPolicy { sender: crate::rooms::policy::Sender::Hidden, ..KindPolicy::default() });
    let mut ada = Peer::join(&mut room, 0, "ada");
    ada.pull(&mut room, 0);
    room.publish(0, ada.author(), message("n", json!(1)).into()).expect("published");
    ada.pull(&mut room, 0);
    assert!(ada.client.heard[0]["from"].is_null() && ada.client.heard[0]["user"].is_null());
}

#[test]
fn history_from_before_is_for_those_who_may_read_it() {
    let mut room = core(KindPolicy { history_for: Roles::only(&["host"]), ..KindPolicy::default() });
    room.publish(0, Author::Server("test"), message("n", json!(1)).into()).expect("published");
    let mut ada = Peer::of(room.join(0, Joiner { from: Some((room.epoch(), 0)), ..member("ada") }).expect("joined"));
    ada.pull(&mut room, 0);
    assert_eq!(ada.client.recovered, Some(false), "it was not there when that was said");
    room.publish(0, Author::Server("test"), message("n", json!(2)).into()).expect("published");
    ada.come_back(&mut room, 0);
    ada.pull(&mut room, 0);
    assert_eq!((ada.client.recovered, ada.client.offset), (Some(true), 2), "and it was when this was");
    let params = HistoryParams { room: room.name().clone(), after: None, before: None, limit: None };
    let refused = room.history(0, ada.member, &params).expect_err("not for members");
    assert!(refused.code == Code::Forbidden && refused.message.contains("only the role host may"), "{}", refused.message);
}
