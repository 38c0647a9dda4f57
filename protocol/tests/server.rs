//! The server's half about rooms and tokens: what is checked before anybody hears of it, and what a lost link takes with it.

use bytes::Bytes;
use samewire_protocol::accept::{Config, Event, Greeting, Input, Output, Session};
use samewire_protocol::rooms::{Epoch, RoomName};
use samewire_protocol::wire::{Advice, Continuity, Text, chunk, payload};
use samewire_protocol::{CallId, Code, Failure, Instant, Link, SessionId};

const LINK: Link = Link(1);

fn now() -> Instant {
    Instant::from_micros(1)
}

fn attached() -> Session {
    let mut session = Session::new(SessionId::from_random([1; 16]), Config::default());
    attach(&mut session, LINK);
    session
}

fn attach(session: &mut Session, link: Link) {
    let reconnect = Advice::default();
    let greeting = Greeting { ticket: "t", continuity: Continuity::Fresh, identity: None, reconnect, expires: Some(5_000) };
    session.attach(now(), link, &greeting);
    let (said, _) = drain(session);
    assert!(said[0].contains(r#""expires":5000"#), "{said:?}");
}

/// What was said and told.
fn drain(session: &mut Session) -> (Vec<String>, Vec<Event>) {
    let (mut said, mut told) = (Vec::new(), Vec::new());
    loop {
        match session.poll_output() {
            Output::SendText(text) => said.push(text.as_str().to_owned()),
            Output::SendBinary(bytes) => said.push(format!("binary {}", String::from_utf8_lossy(&bytes[16..]))),
            Output::HangUp { reason, .. } => said.push(format!("hang up: {reason}")),
            Output::Event(event) => told.push(event),
            Output::Wait(_) => return (said, told),
        }
    }
}

fn hears(session: &mut Session, text: &str) -> (Vec<String>, Vec<Event>) {
    session.handle_input(now(), LINK, Input::Text(text));
    drain(session)
}

#[test]
fn a_join_is_told_with_all_that_it_says() {
    let mut session = attached();
    let text =
        r#"{"type":"join","room":"chat:1","epoch":"00000000000000ff","offset":7,"signals":2,"presence":false,"info":null}"#;
    let (said, told) = hears(&mut session, text);
    let ([], [Event::Join(joining)]) = (&said[..], &told[..]) else { panic!("{said:?} {told:?}") };
    assert_eq!((joining.room.as_str(), joining.from), ("chat:1", Some((Epoch::from_random(255), 7))));
    assert_eq!((joining.signals, joining.presence), (Some(2), false));
    assert_eq!(joining.info.as_ref().map(|info| info.get()), Some("null"));
}

#[test]
fn an_epoch_of_another_form_is_one_that_is_not_known() {
    let mut session = attached();
    let (_, told) = hears(&mut session, r#"{"type":"join","room":"chat:1","epoch":"v2:abc","offset":7}"#);
    assert!(matches!(&told[..], [Event::Join(joining)] if joining.from.is_none()), "{told:?}");
}

#[test]
fn what_is_too_large_goes_no_further() {
    let mut session = attached();
    let info = "x".repeat(1_023);
    let (said, told) = hears(&mut session, &format!(r#"{{"type":"join","room":"chat:1","info":"{info}"}}"#));
    assert!(told.is_empty() && said[0].starts_with(r#"{"type":"left","room":"chat:1","error":{"code":"too-big""#), "{said:?}");
    let (said, told) = hears(&mut session, &format!(r#"{{"type":"join","room":"chat:1","info":"{}"}}"#, &info[1..]));
    assert_eq!((said.len(), told.len()), (0, 1));
    let (said, told) = hears(&mut session, &format!(r#"{{"type":"token","token":"{}"}}"#, "x".repeat(8 * 1024 + 1)));
    assert!(told.is_empty() && said[0].contains("too-big"), "{said:?}");
    // What is no name is said back, but not in all its length.
    let (said, _) = hears(&mut session, &format!(r#"{{"type":"join","room":"{}"}}"#, "é".repeat(5_000)));
    assert!(said[0].len() < 700 && said[0].contains("bad-name"), "{said:?}");
}

#[test]
fn a_lost_link_takes_its_joins_and_nothing_else() {
    let mut session = attached();
    for text in [
        r#"{"type":"join","room":"chat:1"}"#,
        r#"{"type":"leave","room":"chat:2"}"#,
        r#"{"type":"cast","room":"chat:3","name":"a"}"#,
        r#"{"type":"token","token":"t"}"#,
    ] {
        session.handle_input(now(), LINK, Input::Text(text));
    }
    session.detach(LINK);
    let (said, told) = drain(&mut session);
    assert!(matches!(&told[..], [Event::Leave { .. }, Event::Cast(_), Event::Token { .. }]), "{told:?}");
    assert!(said.is_empty());
}

#[test]
fn rooms_speak_in_order_with_everything_else_and_only_on_a_link() {
    let mut session = attached();
    let text = |text: &str| Text::from(text.to_owned());
    assert!(!session.has_text());
    session.tell(now(), text("one"));
    session.tell_binary(now(), chunk::attach(&text("two"), b"!"));
    let room: RoomName = "chat:1".parse().expect("a room");
    session.trouble(now(), Failure::new(Code::RateLimited, "slowly"), Some(&room));
    session.token_taken(now(), None);
    assert!(session.has_text());
    let (said, _) = drain(&mut session);
    assert_eq!((said[0].as_str(), said[1].as_str(), said[3].as_str()), ("one", "binary two!", r#"{"type":"token"}"#));
    assert!(said[2].ends_with(r#""room":"chat:1"}"#), "{said:?}");
    session.detach(LINK);
    session.tell(now(), text("lost"));
    attach(&mut session, Link(2));
    assert!(!session.has_text());
}

#[test]
fn an_answer_in_bytes_is_kept_like_any_other() {
    let mut session = attached();
    let call = chunk::attach(&Text::from(r#"{"type":"call","id":1,"method":"a"}"#.to_owned()), b"in");
    session.handle_input(now(), LINK, Input::Binary(call.clone()));
    let (_, told) = drain(&mut session);
    let [Event::Call { attachment: Some(attachment), .. }] = &told[..] else { panic!("{told:?}") };
    assert_eq!(attachment, &Bytes::from_static(b"in"));
    session.detach(LINK);
    let result = payload("1").expect("JSON");
    assert!(session.answer_with(now(), CallId(1), result, b"out"));
    attach(&mut session, Link(2));
    session.handle_input(now(), Link(2), Input::Binary(call));
    assert_eq!(drain(&mut session).0, [r#"binary {"type":"result","id":1,"payload":1}out"#]);
}
