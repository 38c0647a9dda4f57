//! The history, as it is read and as it is let go.

use super::*;

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

#[test]
fn a_history_has_so_many_bytes() {
    let mut room = core(KindPolicy { history: 1_000, history_bytes: 100_000, ..KindPolicy::default() });
    let empty = room.kept_bytes();
    for n in 1..=100 {
        room.publish(n, Author::Server("test"), message("n", json!("x".repeat(10_000))).into()).expect("published");
        assert!(room.kept_bytes() - empty <= 100_000, "after {n}");
    }
    assert!(room.kept_bytes() - empty > 80_000, "as many as there is room for are kept");
}
