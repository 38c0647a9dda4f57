//! The state, and what it does to an empty room.

use super::*;

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
