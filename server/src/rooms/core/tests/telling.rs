//! What the kind of a room is told of its members.

use super::*;
use crate::session::SessionKey;

fn told(room: &mut Core) -> Vec<(u64, What)> {
    room.take_news().into_iter().map(|news| (news.member.0, news.what)).collect()
}

fn came(name: &str) -> What {
    What::Came { role: crate::rooms::policy::role(name) }
}

#[test]
fn members_come_go_and_come_back() {
    let mut room = core(KindPolicy { linger: Duration::from_secs(10), ..KindPolicy::default() });
    room.listen();
    let session = SessionKey { id: samewire_protocol::SessionId::from_random([7; 16]), life: 3 };
    let joiner = || Joiner { session: Some(session), ..member("ada") };
    let ada = room.join(0, joiner()).expect("joined").member();
    let news = room.take_news();
    assert_eq!(news.len(), 1);
    assert_eq!((news[0].session, news[0].epoch, news[0].identity.id()), (Some(session), room.epoch(), "ada"));
    assert_eq!(news[0].what, came("member"));

    room.away(1, ada);
    room.rejoin(2, ada, joiner()).expect("a member still");
    room.rejoin(3, ada, Joiner { role: crate::rooms::policy::role("host"), ..joiner() }).expect("a member still");
    let role = What::Role { role: crate::rooms::policy::role("host") };
    assert_eq!(told(&mut room), [(1, What::Away), (1, What::Back), (1, role)]);

    room.away(4, ada);
    room.tick(10_003);
    assert_eq!(told(&mut room), [(1, What::Away)]);
    room.tick(10_004);
    assert_eq!(told(&mut room), [(1, What::Left { reason: Leaving::Lingered })]);
    assert!(room.rejoin(10_005, ada, joiner()).is_none());
    room.leave(10_005, ada);
    assert!(told(&mut room).is_empty(), "who is gone does not leave");

    let again = room.join(10_006, joiner()).expect("joined").member();
    room.leave(10_007, again);
    let bob = room.join(10_008, member("bob")).expect("joined").member();
    let reason = Failure::new(Code::Forbidden, "no more");
    room.remove_user(10_009, "bob", &reason);
    let expected = [
        (again.0, came("member")),
        (again.0, What::Left { reason: Leaving::Left }),
        (bob.0, came("member")),
        (bob.0, What::Left { reason: Leaving::Removed(reason) }),
    ];
    assert_eq!(told(&mut room), expected);
}

#[test]
fn a_kind_that_does_not_listen_costs_nothing() {
    let mut room = core(KindPolicy::default());
    room.join(0, member("ada")).expect("joined");
    assert!(room.take_news().is_empty());
}
