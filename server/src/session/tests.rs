//! What a session tells its link of rooms.

use std::collections::VecDeque;
use std::sync::Arc;

use samewire_protocol::accept::{Event, Greeting, Joining, Output};
use samewire_protocol::rooms::RoomName;
use samewire_protocol::wire::{Advice, Continuity};
use samewire_protocol::{Link, SessionId};

use super::Session;
use crate::auth::Access;
use crate::{Config, Server};

fn join(room: &RoomName) -> Event {
    Event::Join(Joining { room: room.clone(), from: None, signals: None, presence: false, info: None })
}

fn pull(session: &Session, link: Link) -> usize {
    let mut frames = VecDeque::new();
    session.pull_rooms(link, &mut frames, 1_000_000);
    frames.len()
}

/// Everything that the machine has to say.
fn said(session: &Arc<Session>, link: Link) -> Vec<String> {
    let mut said = Vec::new();
    loop {
        match session.poll_output(link).expect("the present link") {
            Output::SendText(text) => said.push(text.as_str().to_owned()),
            Output::Wait(_) => return said,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn the_word_of_having_left_is_not_overtaken_by_that_of_having_joined_again() {
    let data = tempfile::tempdir().expect("a folder");
    let config = Config { dev: true, data: data.path().into(), ..Config::default() };
    let server = Server::builder().config(config).build().await.expect("a server");
    let id = SessionId::from_random([1; 16]);
    let session = Session::new(server.app(), id, 1, Arc::new(Access::anonymous(id)));
    let advice = Advice { delay: 0, spread: 0 };
    let greeting = Greeting { ticket: "t", continuity: Continuity::Fresh, identity: None, reconnect: advice, expires: None };
    let link = session.attach(&greeting).expect("a link");
    assert_eq!(said(&session, link).len(), 1, "the welcome");
    let room: RoomName = "demo:1".parse().expect("a name");
    session.act(link, join(&room));
    assert_eq!(pull(&session, link), 1, "it has joined");

    // On another task, between what the link writes for the machine and what it writes for rooms.
    session.act(link, Event::Leave { room: room.clone() });
    session.act(link, join(&room));
    assert_eq!(pull(&session, link), 0, "the machine has something to say before");
    assert!(said(&session, link)[0].contains("\"left\""));
    assert_eq!(pull(&session, link), 1, "it has joined again");
}
