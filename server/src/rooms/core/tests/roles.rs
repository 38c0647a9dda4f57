//! Who may do what, and who hears what.

use samewire_protocol::Code;
use samewire_protocol::rooms::methods::{HistoryParams, To};
use serde_json::json;

use super::model::{Peer, core, member, message, raw};
use crate::rooms::core::{Author, Change, Core, Joiner, Publication};
use crate::rooms::policy::{EventRule, KindPolicy, PresenceMode, Roles, role};

fn as_role(room: &mut Core, id: &str, name: &str) -> Peer {
    let mut peer = Peer::of(room.join(0, Joiner { role: role(name), ..member(id) }).expect("joined"));
    peer.pull(room, 0);
    peer
}

/// A controller shows, viewers watch and ask.
fn portal() -> KindPolicy {
    let rule = |from: &str, to: Roles, keep| EventRule { from: Roles::only(&[from]), to, keep };
    let controllers = || Roles::only(&["controller"]);
    KindPolicy {
        patch: controllers(),
        signal: controllers(),
        see: controllers(),
        history_for: controllers(),
        cast: Roles::only(&["controller", "viewer"]),
        events: [
            ("update", rule("controller", Roles::Everybody, Some(true))),
            ("ask", rule("viewer", controllers(), Some(false))),
            ("note", rule("controller", controllers(), Some(false))),
        ]
        .into_iter()
        .map(|(name, rule)| (name.parse().unwrap(), rule))
        .collect(),
        only_events: true,
        state: true,
        ..KindPolicy::default()
    }
}

#[test]
fn each_role_may_do_what_is_its_own() {
    let mut room = core(portal());
    let (mut controller, mut viewer, guest) =
        (as_role(&mut room, "con", "controller"), as_role(&mut room, "vi", "viewer"), as_role(&mut room, "gu", "guest"));
    let say = |name: &str| message(name, json!(1));
    let patch = || Publication { change: Some(Change::Patch(raw(json!({"a": 1})))), ..say("update").into() };

    room.publish(0, controller.author(), say("update").into()).expect("a controller updates");
    room.publish(0, controller.author(), patch()).expect("and changes the state");
    room.cast(0, viewer.author(), say("ask"), None).expect("a viewer asks");
    for (refused, told) in [
        (room.publish(0, viewer.author(), say("update").into()).map(drop), "only the role controller may"),
        (
            room.publish(0, viewer.author(), patch()).map(drop),
            "may not change the state in test:1: only the role controller may",
        ),
        (room.cast(0, controller.author(), say("ask"), None), "only the role viewer may"),
        (room.cast(0, controller.author(), say("update"), None), "publish them"),
        (room.cast(0, guest.author(), say("ask"), None), "only the roles controller and viewer may"),
        (room.publish(0, controller.author(), say("other").into()).map(drop), "there are ask, note, update"),
        (room.send(0, viewer.author(), &To::User("con".into()), say("note")).map(drop), "may not send signals"),
        (room.presence(viewer.member, None, None).map(drop), "only the role controller may"),
    ] {
        let refused = refused.expect_err(told);
        assert!(refused.code == Code::Forbidden && refused.message.contains(told), "{told}: {}", refused.message);
    }
    let params = HistoryParams { room: room.name().clone(), after: None, before: None, limit: None };
    assert_eq!(room.history(0, viewer.member, &params).expect_err("not for viewers").code, Code::Forbidden);

    controller.pull(&mut room, 0);
    viewer.pull(&mut room, 0);
    let names =
        |peer: &Peer| peer.client.heard.iter().map(|event| event["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(names(&controller), ["update", "update", "ask"]);
    assert_eq!(names(&viewer), ["update", "update"]);
    assert!(viewer.client.joined.get("presence").is_none() && controller.client.joined.get("presence").is_some());
}

#[test]
fn what_is_not_for_everybody_is_no_gap_to_the_others() {
    let mut room = core(portal());
    let (mut controller, mut viewer) = (as_role(&mut room, "con", "controller"), as_role(&mut room, "vi", "viewer"));
    for peer in [&mut controller, &mut viewer] {
        peer.cut(&mut room, 0);
    }
    for name in ["update", "note", "update"] {
        room.publish(0, Author::Server("test"), message(name, json!(1)).into()).expect("published");
    }
    for (peer, id, name) in [(&mut controller, "con", "controller"), (&mut viewer, "vi", "viewer")] {
        let joiner = Joiner { role: role(name), from: Some((room.epoch(), 0)), ..member(id) };
        peer.reader = room.rejoin(1, peer.member, joiner);
        peer.pull(&mut room, 1);
        assert_eq!((peer.client.recovered, peer.client.heard.len(), peer.client.offset), (Some(true), 2, 2), "{name}");
    }
}

#[test]
fn an_event_that_is_not_kept_has_no_number() {
    let mut room = core(portal());
    let mut controller = as_role(&mut room, "con", "controller");
    let published = room.publish(0, Author::Server("test"), message("ask", json!(1)).into()).expect("published");
    assert_eq!((published.offset, room.newest()), (0, 0));
    controller.pull(&mut room, 0);
    assert!(controller.client.heard[0]["offset"].is_null());
}

#[test]
fn a_member_becomes_something_else() {
    let mut room = core(KindPolicy { see: Roles::only(&["host"]), ..KindPolicy::default() });
    let mut ada = Peer::join(&mut room, 0, "ada");
    ada.pull(&mut room, 0);
    room.publish(0, Author::Server("test"), message("n", json!(1)).into()).expect("published");
    room.change_role(1_000, ada.member, role("host"));
    room.tell_role(ada.reader.as_mut().expect("a place"), true);
    ada.pull(&mut room, 1_000);
    assert_eq!(ada.client.joined["role"], "host");
    assert_eq!((ada.client.recovered, ada.client.offset, ada.client.heard.len()), (Some(true), 1, 1));
    assert_eq!(ada.client.ids(), ["ada"], "and may see now");
}

#[test]
fn where_presence_is_off_nobody_is_told() {
    let mut room = core(KindPolicy { presence: PresenceMode::Off, ..KindPolicy::default() });
    let mut ada = Peer::join(&mut room, 0, "ada");
    ada.pull(&mut room, 0);
    Peer::join(&mut room, 5_000, "bob");
    room.tick(10_000);
    ada.pull(&mut room, 10_000);
    assert!(ada.client.joined.get("presence").is_none() && ada.client.presence_frames.is_empty());
    assert_eq!(room.presence(ada.member, None, None).expect_err("off").code, Code::Forbidden);
}
