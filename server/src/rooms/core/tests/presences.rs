//! Who is there, as it is told and as it is read.

use super::*;

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
