//! What is said, and who hears it.

use super::*;

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
    let mut room = core(KindPolicy { sender: Sender::Hidden, ..KindPolicy::default() });
    let mut ada = Peer::join(&mut room, 0, "ada");
    ada.pull(&mut room, 0);
    room.publish(0, ada.author(), message("n", json!(1)).into()).expect("published");
    ada.pull(&mut room, 0);
    assert!(ada.client.heard[0]["from"].is_null() && ada.client.heard[0]["user"].is_null());
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
