//! Members who come back, stay away, or are put out.

use super::*;

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
