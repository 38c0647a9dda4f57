//! What happens rarely, and must be right all the same.

use std::time::Duration;

use samewire_protocol::rooms::methods::HistoryParams;
use serde_json::json;

use super::model::{Peer, core, member, message, raw};
use crate::rooms::core::{Author, Joiner, Message, Publication};
use crate::rooms::policy::{KindPolicy, PresenceMode, Slow};

const SERVER: Author<'static> = Author::Server("test");

#[test]
fn a_page_after_a_number_that_no_event_can_have_is_empty() {
    let mut room = core(KindPolicy::default());
    let ada = Peer::join(&mut room, 0, "ada");
    room.publish(0, SERVER, message("n", json!(1)).into()).expect("published");
    let params = HistoryParams { room: room.name().clone(), after: Some(u64::MAX), before: None, limit: None };
    let (page, _) = room.history(0, ada.member, &params).expect("a page");
    assert_eq!((page.events.len(), page.more), (0, false));
}

#[test]
fn a_slow_reader_is_given_what_still_waits_for_others() {
    for slow in [Slow::Latest, Slow::Sample, Slow::DropOldest] {
        let batch = Duration::from_millis(50);
        let policy = KindPolicy { slow, batch, presence: PresenceMode::Off, ..KindPolicy::default() };
        let mut room = core(policy);
        let mut ada = Peer::join(&mut room, 0, "ada");
        ada.pull(&mut room, 0);
        // Far behind, and then one event that is gathered and not out yet.
        for n in 1..=2_000 {
            room.publish(n, SERVER, message("n", json!(n)).into()).expect("published");
            room.tick(n + 50);
        }
        room.publish(40_000, SERVER, message("n", json!("last")).into()).expect("published");
        ada.pull(&mut room, 40_000);
        room.tick(40_050);
        ada.pull(&mut room, 40_050);
        assert_eq!(ada.client.offset, 2_001, "{slow:?}");
        assert_eq!(ada.client.heard.last().map(|event| &event["payload"]), Some(&json!("last")), "{slow:?}");
    }
}

#[test]
fn a_user_whose_first_member_goes_is_shown_as_the_next_one() {
    let mut room = core(KindPolicy::default());
    let mut watcher = Peer::join(&mut room, 0, "watcher");
    let with = |info| Joiner { info: Some(raw(info)), ..member("ada") };
    let mut first = Peer::of(room.join(1_000, with(json!(1))).expect("joined"));
    let second = Peer::of(room.join(2_000, with(json!(2))).expect("joined"));
    first.pull(&mut room, 2_000);
    watcher.pull(&mut room, 2_000);
    assert_eq!(watcher.client.presence["ada"]["info"], 1);
    room.leave(3_000, first.member);
    room.tick(4_000);
    watcher.pull(&mut room, 4_000);
    assert_eq!(watcher.client.presence["ada"]["info"], 2);
    room.leave(5_000, second.member);
    room.tick(6_000);
    watcher.pull(&mut room, 6_000);
    assert!(!watcher.client.presence.contains_key("ada"));
}

#[test]
fn keys_of_members_who_are_gone_are_their_own() {
    let mut room = core(KindPolicy::default());
    let (ada, bob) = (Peer::join(&mut room, 0, "ada"), Peer::join(&mut room, 0, "bob"));
    let keyed = || Publication { key: Some("k".into()), ..Message::new("say".parse().unwrap()).into() };
    for peer in [&ada, &bob] {
        assert_eq!(room.consider(0, peer.author(), &keyed()).expect("may"), None);
        room.leave(0, peer.member);
    }
    // Both were stored meanwhile, so both are told.
    let mut commit = |author| room.commit(1, author, keyed()).map(|published| (published.offset, published.duplicate));
    assert_eq!(commit(ada.author()), Ok((1, false)));
    assert_eq!(commit(bob.author()), Ok((2, false)));
}
