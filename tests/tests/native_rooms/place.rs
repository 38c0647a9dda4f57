//! A server with rooms for tests, and what a member hears there.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use samewire::rooms::{JoinOptions, Message, Room, RoomEvent};
use samewire::{Client, Failure};
use samewire_server::rooms::KindPolicy;
use samewire_server::rooms::policy::Admission;
use samewire_tests::live::{Host, settings, within};

/// Rooms that everybody may do everything in, and that remember what a test needs.
pub(crate) fn open() -> KindPolicy {
    KindPolicy {
        access: Admission::Open,
        state: true,
        history: 5_000,
        history_bytes: 64 * 1024 * 1024,
        rate: 1_000_000,
        burst: 1_000_000,
        ..KindPolicy::default()
    }
}

/// Raises how many sockets this process may have as far as the system lets it: clients, proxies and servers are all in it.
pub(crate) fn allow_many_sockets() {
    let limit = getrlimit(Resource::Nofile);
    // Where it cannot be raised, what there is may be enough.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

/// A server whose rooms `test:…` follow this policy.
pub(crate) async fn host(policy: KindPolicy) -> Host {
    let mut config = settings();
    config.rooms.kinds.insert("test", policy);
    Host::start(config).await
}

/// A client that is anonymous, or has this token.
pub(crate) fn client(url: &str, token: Option<String>) -> Client {
    let builder = Client::builder(url);
    match token {
        Some(token) => builder.token(token),
        None => builder,
    }
    .build()
    .expect("a client")
}

/// Joins the room `test:NAME`.
pub(crate) async fn join(client: &Client, name: &str) -> Result<Room, Failure> {
    within("a join", client.join(&format!("test:{name}"), JoinOptions::new())).await
}

/// What a member heard.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) messages: Vec<Message>,
    pub(crate) signals: Vec<Message>,
    pub(crate) recovered: u32,
    pub(crate) lost: Vec<Option<u64>>,
    pub(crate) refused: Vec<Failure>,
}

impl Heard {
    /// Hears until this holds.
    pub(crate) async fn until(&mut self, room: &Room, what: &str, holds: impl Fn(&Self) -> bool) {
        within(what, async {
            while !holds(self) {
                match room.next().await {
                    Some(RoomEvent::Message(message)) => self.messages.push(message),
                    Some(RoomEvent::Signal(message)) => self.signals.push(message),
                    Some(RoomEvent::Recovered) => self.recovered += 1,
                    Some(RoomEvent::Lost { missed }) => self.lost.push(missed),
                    Some(RoomEvent::Refused(failure)) => self.refused.push(failure),
                    other => panic!("{what}: {other:?}"),
                }
            }
        })
        .await;
    }

    /// Hears up to a message of this name.
    pub(crate) async fn up_to(&mut self, room: &Room, name: &str) {
        self.until(room, name, |heard| heard.messages.last().is_some_and(|message| message.name.as_str() == name)).await;
    }

    /// The numbers of the messages that have one.
    pub(crate) fn offsets(&self) -> Vec<u64> {
        self.messages.iter().filter_map(|message| message.offset).collect()
    }
}

/// What messages say that say numbers.
pub(crate) fn numbers(messages: &[Message]) -> Vec<u64> {
    messages.iter().map(|message| message.payload().expect("a number")).collect()
}
