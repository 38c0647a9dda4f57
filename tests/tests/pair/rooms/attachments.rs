//! Bytes travel as they are: with calls and their answers, with events and signals.

use bytes::Bytes;
use samewire_protocol::session::CallRequest;
use samewire_protocol::wire::Cast;
use samewire_tests::net::{Blow, Side};
use samewire_tests::pair::{Pair, request};
use serde_json::json;

use super::ROOM;

#[test]
fn an_event_says_bytes_to_everybody_and_to_who_comes_back() {
    let mut pair = Pair::with_rooms(1);
    let bob = pair.add_client(Some("bob"));
    pair.join(0, ROOM);
    pair.join(bob, ROOM);
    pair.cut_as(bob, Blow::default());
    let image = pair.rng.bytes(20_000);
    for bytes in [image.clone(), Bytes::new()] {
        let call = pair.publish_with(0, ROOM, "image", json!({}), Some(bytes));
        assert!(pair.result(call).is_ok());
    }
    for who in [0, bob] {
        pair.catch_up(who, ROOM);
        let heard: Vec<_> = pair.view(who, ROOM).events.iter().map(|event| event.attachment.clone()).collect();
        assert_eq!(heard, [Some(image.clone()), Some(Bytes::new())]);
    }
    let history = json!({"room": ROOM, "after": 0}).to_string();
    let call = pair.call_as(bob, CallRequest { idempotent: true, ..request("rooms/history", &history) });
    let page: serde_json::Value = serde_json::from_str(&pair.result_as(bob, call).unwrap()).unwrap();
    assert_eq!(page["events"][0]["attached"], 20_000);
    assert_eq!(pair.clients[bob].calls[&call].attachment.as_ref(), Some(&image));
}

#[test]
fn a_call_is_made_again_with_its_bytes_wherever_the_cut_is() {
    for bytes in (0..9_000).step_by(1_111) {
        let mut pair = Pair::with_rooms(bytes);
        pair.join(0, ROOM);
        pair.cut();
        pair.net.cut_next = Some((Side::Client, bytes, Blow { up: bytes / 2, ..Blow::default() }));
        let image = pair.rng.bytes(8_000);
        let call = pair.publish_with(0, ROOM, "image", json!({"key": "k"}), Some(image.clone()));
        assert!(pair.result(call).is_ok());
        pair.catch_up(0, ROOM);
        let [event] = &pair.view(0, ROOM).events[..] else { panic!("{bytes}: not one event") };
        assert_eq!(event.attachment.as_ref(), Some(&image));
    }
}

#[test]
fn casts_and_signals_carry_bytes_too() {
    let mut pair = Pair::with_rooms(2);
    let bob = pair.add_client(Some("bob"));
    pair.join(0, ROOM);
    pair.join(bob, ROOM);
    let sent = pair.act(0, |client, net| {
        let cast = Cast { room: ROOM.into(), name: "voice".into(), payload: None, key: None };
        client.session.cast(net.now, cast, Some(b"\x00\xff"))
    });
    assert_eq!(sent, Ok(true));
    let params = json!({"room": ROOM, "to": {"user": "bob"}, "name": "blob"}).to_string();
    let attachment = Some(Bytes::from_static(b"abc"));
    let call = pair.call_as(0, CallRequest { attachment, ..request("rooms/send", &params) });
    assert!(pair.result(call).is_ok());
    assert!(pair.run_until(|pair| !pair.view(bob, ROOM).signals.is_empty()));
    assert_eq!(pair.view(bob, ROOM).events[0].attachment.as_deref(), Some(&b"\x00\xff"[..]));
}

#[test]
fn what_is_larger_than_a_frame_may_be_is_refused_before_it_is_sent() {
    let mut pair = Pair::with_rooms(3);
    pair.join(0, ROOM);
    let call = pair.publish_with(0, ROOM, "image", json!({}), Some(vec![0; 2 << 20].into()));
    assert_eq!(pair.result(call).unwrap_err().code, samewire_protocol::Code::TooBig);
    assert!(pair.is_live(0));
}
