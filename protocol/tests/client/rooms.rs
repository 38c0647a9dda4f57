//! Memberships, and events in order, each once.

use bytes::Bytes;
use samewire_protocol::Code;
use samewire_protocol::rooms::{Joined, RoomEvent};
use samewire_protocol::session::{CallRequest, Config, Event, Input, JoinRequest, RoomNews, RoomNewsKind};
use samewire_protocol::wire::{Cast, Text, chunk};

use crate::{Client, json};

const ROOM: &str = "chat:lobby";

fn request() -> JoinRequest {
    JoinRequest { room: ROOM.parse().expect("a room"), presence: true, info: None }
}

fn joined(member: u64, epoch: u64, offset: u64, recovered: bool) -> String {
    format!(
        r#"{{"type":"joined","room":"{ROOM}","member":{member},"role":"member","epoch":"{epoch:016x}","offset":{offset},"recovered":{recovered}}}"#
    )
}

fn event(offset: u64) -> String {
    format!(r#"{{"type":"event","room":"{ROOM}","offset":{offset},"name":"m","at":1}}"#)
}

fn signal(seq: u64) -> String {
    format!(r#"{{"type":"signal","room":"{ROOM}","seq":{seq},"name":"s","at":1}}"#)
}

fn left() -> String {
    format!(r#"{{"type":"left","room":"{ROOM}"}}"#)
}

fn refused() -> String {
    format!(r#"{{"type":"left","room":"{ROOM}","error":{{"code":"forbidden"}}}}"#)
}

/// What was told of the room since the last time, in short.
fn news(client: &mut Client) -> Vec<String> {
    let short = |event| match event {
        Event::Room(RoomNews { kind: RoomNewsKind::Event, text, .. }) => {
            let event: RoomEvent = serde_json::from_str(&text).expect("an event");
            Some(event.offset.map_or("ephemeral".to_owned(), |offset| offset.to_string()))
        }
        Event::Room(news) => Some(format!("{:?}", news.kind)),
        Event::RoomLeft { failure, .. } => Some(failure.map_or("left".to_owned(), |failure| failure.code.to_string())),
        Event::RoomError { failure, .. } => Some(format!("error {}", failure.code)),
        _ => None,
    };
    client.told().into_iter().filter_map(short).collect()
}

/// A client that is in the room at event 5 of epoch 1, as member 7.
fn inside() -> Client {
    let mut client = Client::live();
    client.act(|session, now| session.join(now, request()));
    assert_eq!(client.said(), [format!(r#"{{"type":"join","room":"{ROOM}"}}"#)]);
    client.hear(&joined(7, 1, 5, false));
    assert_eq!(news(&mut client), ["Joined"]);
    client
}

fn rejoin(offset: u64, signals: u64) -> String {
    format!(r#"{{"type":"join","room":"{ROOM}","epoch":"0000000000000001","offset":{offset},"signals":{signals}}}"#)
}

#[test]
fn a_join_connects_and_waits_for_the_link() {
    let mut client = Client::new(Config::default());
    client.act(|session, now| session.join(now, request()));
    assert!(client.dialled.is_some());
    client.welcome("fresh", "");
    assert_eq!(client.said(), [format!(r#"{{"type":"join","room":"{ROOM}"}}"#)]);
    // Nothing of the room counts before the answer.
    client.hear(&event(1));
    client.hear(&signal(1));
    client.hear(&format!(r#"{{"type":"presence","room":"{ROOM}","users":1,"members":1}}"#));
    assert!(news(&mut client).is_empty());
    client.hear(&joined(1, 1, 0, false));
    client.hear(&event(1));
    assert_eq!(news(&mut client), ["Joined", "1"]);
}

#[test]
fn what_the_app_gets_is_the_text_as_it_came() {
    let mut client = Client::live();
    client.act(|session, now| session.join(now, request()));
    let text = joined(7, 1, 5, false).replace(r#""recovered""#, r#""state":null,"future":{"x":[1]},"recovered""#);
    client.hear(&text);
    let Some(Event::Room(news)) = client.told().pop() else { panic!("no news") };
    assert_eq!(*news.text, *text);
    let joined: Joined<'_> = serde_json::from_str(&news.text).expect("of its form");
    assert_eq!(joined.state.map(|state| state.get()), Some("null"));
}

#[test]
fn numbered_events_come_in_order_each_once() {
    let mut client = inside();
    for offset in [6, 6, 5, 7, 6, 1, 7, 8] {
        client.hear(&event(offset));
    }
    assert_eq!(news(&mut client), ["6", "7", "8"]);
    assert!(client.said().is_empty());
}

#[test]
fn a_gap_is_healed_by_joining_once_from_where_it_is() {
    let mut client = inside();
    client.hear(&event(6));
    client.hear(&event(8));
    client.hear(&event(9));
    assert_eq!(news(&mut client), ["6"]);
    assert_eq!(client.said(), [rejoin(6, 0)]);
    // Until the answer, what is next still counts, and what has no number.
    client.hear(&event(7));
    client.hear(&format!(r#"{{"type":"event","room":"{ROOM}","name":"m","at":1}}"#));
    client.hear(&joined(7, 1, 6, true));
    for offset in 7..=10 {
        client.hear(&event(offset));
    }
    assert_eq!(news(&mut client), ["7", "ephemeral", "Joined", "8", "9", "10"]);
    assert!(client.said().is_empty());
}

/// A server that never sends the missing event would be asked for it for ever.
#[test]
fn a_gap_that_does_not_heal_is_given_up() {
    let mut client = inside();
    client.hear(&event(9));
    assert_eq!(client.said(), [rejoin(5, 0)]);
    client.hear(&joined(7, 1, 5, true));
    client.hear(&event(9));
    assert_eq!(client.said(), [format!(r#"{{"type":"join","room":"{ROOM}"}}"#)]);
    client.hear(&event(10));
    client.hear(&joined(7, 1, 10, false));
    client.hear(&event(11));
    assert_eq!(news(&mut client), ["Joined", "Joined", "11"]);
}

#[test]
fn several_events_of_one_frame_are_told_one_by_one() {
    let mut client = inside();
    client.hear(&format!(
        r#"{{"type":"events","room":"{ROOM}","events":[{{"offset":5,"name":"a","at":1}},{{"offset":6,"name":"b","at":1}}, {{"name":"c","at":1}},{{"offset":7,"name":"d","at":1}},{{"offset":9,"name":"e","at":1}}]}}"#
    ));
    assert_eq!(news(&mut client), ["6", "ephemeral", "7"]);
    assert_eq!(client.said(), [rejoin(7, 0)]);
}

#[test]
fn a_new_link_joins_again_from_the_last_event_and_signal() {
    let mut client = inside();
    client.hear(&event(6));
    client.hear(&signal(1));
    client.hear(&signal(2));
    client.reconnect("kept");
    assert_eq!(client.said(), [rejoin(6, 2)]);
    client.hear(&joined(7, 1, 6, true));
    client.hear(&signal(2));
    client.hear(&signal(3));
    client.hear(&event(7));
    assert_eq!(news(&mut client), ["6", "Signal", "Signal", "Joined", "Signal", "7"]);
}

#[test]
fn events_of_the_link_before_the_answer_do_not_count() {
    let mut client = inside();
    client.reconnect("restarted");
    client.hear(&event(6));
    client.hear(&joined(1, 2, 3, false));
    client.hear(&event(4));
    assert_eq!(news(&mut client), ["Joined", "4"]);
    client.reconnect("kept");
    assert_eq!(client.said().pop(), Some(rejoin(4, 0).replace("0001", "0002")));
}

#[test]
fn signals_of_a_new_membership_are_counted_anew() {
    let mut client = inside();
    client.hear(&signal(40));
    client.reconnect("kept");
    // The server has let go of member 7, but the room is the same.
    client.hear(&joined(8, 1, 5, true));
    client.hear(&signal(1));
    client.hear(&signal(1));
    assert_eq!(news(&mut client), ["Signal", "Joined", "Signal"]);
    client.reconnect("kept");
    assert_eq!(client.said().pop(), Some(rejoin(5, 1)));
}

#[test]
fn what_is_skipped_is_no_gap() {
    let mut client = inside();
    client.hear(&format!(r#"{{"type":"skipped","room":"{ROOM}","offset":90,"count":85}}"#));
    client.hear(&event(91));
    client.hear(&format!(r#"{{"type":"skipped","room":"{ROOM}","offset":90,"count":85}}"#));
    client.hear(&event(92));
    assert_eq!(news(&mut client), ["Skipped", "91", "92"]);
    assert!(client.said().is_empty());
}

#[test]
fn a_server_may_start_over_with_a_reader_unasked() {
    let mut client = inside();
    client.hear(&joined(7, 1, 5, true));
    client.hear(&event(6));
    client.hear(&joined(7, 1, 300, false));
    client.hear(&event(301));
    assert_eq!(news(&mut client), ["Joined", "6", "Joined", "301"]);
    assert!(client.said().is_empty());
}

#[test]
fn a_join_is_said_again_when_it_says_something_else() {
    let mut client = inside();
    client.act(|session, now| session.join(now, request()));
    assert!(client.said().is_empty());
    let info = Some(json("1").to_owned());
    client.act(|session, now| session.join(now, JoinRequest { info, ..request() }));
    assert_eq!(client.said(), [rejoin(5, 0).replace('}', r#","info":1}"#)]);
    // Until the answer, the room is heard as before.
    client.hear(&event(6));
    client.hear(&joined(7, 1, 5, true));
    client.hear(&event(6));
    client.hear(&event(7));
    assert_eq!(news(&mut client), ["6", "Joined", "7"]);
}

#[test]
fn a_refused_join_is_over() {
    let mut client = Client::live();
    client.act(|session, now| session.join(now, request()));
    client.hear(&refused());
    client.hear(&event(1));
    assert_eq!(news(&mut client), ["forbidden"]);
    client.said();
    client.reconnect("kept");
    assert!(client.said().is_empty());
}

#[test]
fn a_membership_that_ends_is_told_and_not_renewed() {
    let mut client = inside();
    client.hear(&refused());
    client.hear(&event(6));
    assert_eq!(news(&mut client), ["forbidden"]);
    client.act(|session, now| session.join(now, request()));
    assert_eq!(client.said(), [format!(r#"{{"type":"join","room":"{ROOM}"}}"#)]);
}

#[test]
fn who_leaves_hears_nothing_more() {
    let mut client = inside();
    client.act(|session, now| session.leave(now, ROOM));
    client.act(|session, now| session.leave(now, ROOM));
    assert_eq!(client.said(), [format!(r#"{{"type":"leave","room":"{ROOM}"}}"#)]);
    client.hear(&event(6));
    assert_eq!(client.session.load().untold, 1);
    client.hear(&left());
    client.hear(&event(7));
    assert_eq!(news(&mut client), ["left"]);
    assert_eq!(client.session.load().untold, 0);
}

/// What the server says before it has heard of the leave is about the membership before.
#[test]
fn leaving_and_joining_in_one_breath_are_not_mixed_up() {
    let mut client = inside();
    client.act(|session, now| session.leave(now, ROOM));
    client.act(|session, now| session.join(now, request()));
    client.hear(&event(6));
    client.hear(&refused());
    client.hear(&left());
    client.hear(&joined(8, 1, 6, false));
    client.hear(&event(7));
    assert_eq!(news(&mut client), ["left", "Joined", "7"]);
    assert_eq!(client.said().len(), 2);
}

#[test]
fn a_leave_that_was_lost_is_said_again() {
    let mut client = inside();
    client.act(|session, now| session.leave(now, ROOM));
    client.said();
    client.reconnect("kept");
    assert_eq!(client.said(), [format!(r#"{{"type":"leave","room":"{ROOM}"}}"#)]);
    client.hear(&left());
    assert_eq!(news(&mut client), ["left"]);
    client.reconnect("kept");
    assert!(client.said().is_empty());
}

#[test]
fn leaving_without_a_link_is_said_on_the_next_one() {
    let mut client = inside();
    client.input(Input::Closed { code: 1006 });
    client.act(|session, now| session.leave(now, ROOM));
    client.redial();
    client.welcome("kept", "");
    assert_eq!(client.said(), [format!(r#"{{"type":"leave","room":"{ROOM}"}}"#)]);
}

#[test]
fn a_server_that_has_lost_its_memory_need_not_hear_of_a_leave() {
    let mut client = inside();
    client.act(|session, now| session.leave(now, ROOM));
    client.said();
    client.reconnect("restarted");
    assert!(client.said().is_empty());
    assert_eq!(client.session.load().untold, 0);
}

fn cast(payload: &str) -> Cast<'_> {
    Cast { room: ROOM.into(), name: "typing".into(), payload: Some(json(payload)), key: None }
}

#[test]
fn what_is_ephemeral_is_never_kept_for_later() {
    let mut client = Client::live();
    let say = |client: &mut Client| client.act(|session, now| session.cast(now, cast("true"), None));
    assert_eq!(say(&mut client), Ok(false));
    client.act(|session, now| session.join(now, request()));
    assert_eq!(say(&mut client), Ok(false));
    client.hear(&joined(7, 1, 5, false));
    client.said();
    assert_eq!(say(&mut client), Ok(true));
    assert_eq!(client.said(), [format!(r#"{{"type":"cast","room":"{ROOM}","name":"typing","payload":true}}"#)]);
    client.input(Input::Closed { code: 1006 });
    assert_eq!(say(&mut client), Ok(false));
    client.redial();
    client.welcome("kept", "");
    assert_eq!(client.said(), [rejoin(5, 0)]);
    client.hear(&joined(7, 1, 5, true));
    let failure = client.act(|session, now| session.cast(now, cast("1"), Some(&[0; 2 << 20]))).expect_err("too big");
    assert_eq!(failure.code, Code::TooBig);
}

#[test]
fn a_refused_cast_is_told_with_its_room() {
    let mut client = inside();
    client.hear(&format!(r#"{{"type":"error","error":{{"code":"rate-limited"}},"room":"{ROOM}"}}"#));
    assert_eq!(news(&mut client), ["error rate-limited"]);
}

#[test]
fn attachments_go_and_come() {
    let mut client = inside();
    assert_eq!(client.act(|session, now| session.cast(now, cast("1"), Some(b"abc"))), Ok(true));
    assert!(client.said()[0].ends_with("}abc"));
    let head = Text::from(event(6));
    client.input(Input::Binary(chunk::attach(&head, b"\x00\xff")));
    let Some(Event::Room(news)) = client.told().pop() else { panic!("no news") };
    assert_eq!((news.kind, news.attachment.as_deref()), (RoomNewsKind::Event, Some(&b"\x00\xff"[..])));
    // A call is made again with its attachment, and its result may have one.
    let call = CallRequest {
        method: "rooms/publish".to_owned(),
        payload: None,
        attachment: Some(Bytes::from_static(b"xyz")),
        timeout: None,
        idempotent: true,
    };
    let id = client.act(|session, now| session.call(now, call));
    assert!(client.said()[0].ends_with("}xyz"));
    client.reconnect("kept");
    assert!(client.said()[1].ends_with("}xyz"));
    client.told();
    let result = Text::from(format!(r#"{{"type":"result","id":{id},"payload":1}}"#));
    client.input(Input::Binary(chunk::attach(&result, b"out")));
    let Some(Event::CallSettled { result: Ok(_), attachment, .. }) = client.told().pop() else { panic!("no answer") };
    assert_eq!(attachment.as_deref(), Some(&b"out"[..]));
}

#[test]
fn the_end_of_the_session_ends_its_rooms() {
    let mut client = inside();
    client.act(|session, now| session.close(now));
    assert_eq!(news(&mut client), ["session-closed"]);
    client.act(|session, now| session.join(now, request()));
    assert_eq!(news(&mut client), ["session-closed"]);
    assert_eq!(client.session.load().rooms, 0);
}

#[test]
fn a_room_that_nobody_joined_is_of_no_interest() {
    let mut client = Client::live();
    for text in [event(1), joined(1, 1, 1, false), left(), signal(1)] {
        client.hear(&text);
    }
    assert!(client.told().iter().all(|event| matches!(event, Event::Status(_) | Event::Welcomed { .. })));
    client.act(|session, now| session.leave(now, ROOM));
    assert!(client.said().is_empty());
}

#[test]
fn info_that_no_server_takes_is_refused_here() {
    let mut client = Client::live();
    let info = Some(json(&format!("\"{}\"", "x".repeat(2000))).to_owned());
    client.act(|session, now| session.join(now, JoinRequest { info, ..request() }));
    assert_eq!(news(&mut client), ["too-big"]);
    assert!(client.said().is_empty());
}
