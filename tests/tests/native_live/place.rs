//! A server with live streams for tests, who has which part in them, and what they hear.

use std::time::Duration;

use samewire::Client;
use samewire::live::{
    Broadcast, BroadcastEvent, BroadcastOptions, Candidate, Candidates, Description, LiveEvent, Negotiation, PeerMessage,
    PeerRef, ViewerId, Watch, WatchEvent, WatchOptions,
};
use samewire_server::Config;
use samewire_server::auth::Grants;
use samewire_tests::live::{Host, settings, token_with, within};

/// The stream of a test.
pub(crate) const STREAM: &str = "shop";

/// Streams that are paused soon and held for long.
pub(crate) fn config() -> Config {
    let mut config = settings();
    config.live.pause_after = Duration::from_millis(50);
    config
}

pub(crate) async fn host() -> Host {
    Host::start(config()).await
}

/// A token for this user, with this role in all streams.
pub(crate) fn pass(user: &str, role: &str) -> String {
    token_with(user, Grants::default().live("*".parse().expect("a pattern"), role.parse().expect("a role")))
}

/// A client of this user with this role in all streams.
pub(crate) fn client(url: &str, user: &str, role: &str) -> Client {
    Client::builder(url).token(pass(user, role)).build().expect("a client")
}

pub(crate) async fn start(client: &Client) -> Broadcast {
    within("a start", client.live().start(STREAM, BroadcastOptions::default())).await.expect("a broadcast")
}

pub(crate) async fn watch(client: &Client) -> Watch {
    within("a watch", client.live().watch(STREAM, WatchOptions::default())).await.expect("a watch")
}

/// The next thing that a broadcaster hears for which this is something.
pub(crate) async fn heard<T>(broadcast: &Broadcast, what: &str, mut read: impl FnMut(BroadcastEvent) -> Option<T>) -> T {
    within(what, async {
        loop {
            let event = broadcast.next().await.expect("an event").unwrap_or_else(|| panic!("{what}: the broadcast is over"));
            if let Some(found) = read(event) {
                return found;
            }
        }
    })
    .await
}

/// The next thing that a viewer hears for which this is something.
pub(crate) async fn seen<T>(watch: &Watch, what: &str, mut read: impl FnMut(WatchEvent) -> Option<T>) -> T {
    within(what, async {
        loop {
            let event = watch.next().await.expect("an event").unwrap_or_else(|| panic!("{what}: the watch is over"));
            if let Some(found) = read(event) {
                return found;
            }
        }
    })
    .await
}

/// Whom a broadcaster is told to begin a peer connection with.
pub(crate) async fn begun(broadcast: &Broadcast) -> PeerRef {
    heard(broadcast, "a viewer", |event| match event {
        BroadcastEvent::Begin(peer) => Some(PeerRef { viewer: peer.viewer, negotiation: peer.negotiation }),
        BroadcastEvent::Stream(_) => None,
        other => panic!("{other:?}"),
    })
    .await
}

/// The peer connection that a viewer is told to begin.
pub(crate) async fn let_in(watch: &Watch) -> PeerRef {
    seen(watch, "to be let in", |event| match event {
        WatchEvent::Begin(peer) => Some(peer),
        WatchEvent::Stream(_) | WatchEvent::Waiting => None,
        other => panic!("{other:?}"),
    })
    .await
}

/// The next message of a viewer.
pub(crate) async fn from_viewer(broadcast: &Broadcast) -> (PeerRef, PeerMessage) {
    heard(broadcast, "a viewer's message", |event| match event {
        BroadcastEvent::Message(peer, message) => Some((peer, message)),
        BroadcastEvent::Stream(_) => None,
        other => panic!("{other:?}"),
    })
    .await
}

/// The next message of the broadcaster.
pub(crate) async fn from_broadcaster(watch: &Watch) -> (PeerRef, PeerMessage) {
    seen(watch, "the broadcaster's message", |event| match event {
        WatchEvent::Message(peer, message) => Some((peer, message)),
        WatchEvent::Stream(_) => None,
        other => panic!("{other:?}"),
    })
    .await
}

/// The viewer that a broadcaster is told is gone.
pub(crate) async fn gone(broadcast: &Broadcast) -> ViewerId {
    heard(broadcast, "a viewer's end", |event| match event {
        BroadcastEvent::Left(left) => Some(left.viewer),
        _ => None,
    })
    .await
}

/// What the stream is told, by its names, up to one.
pub(crate) async fn told_up_to(watch: &Watch, last: &str) -> Vec<&'static str> {
    let mut told = Vec::new();
    while told.last() != Some(&last) {
        let name = seen(watch, last, |event| match event {
            WatchEvent::Stream(LiveEvent::ViewerCount(_)) => None,
            WatchEvent::Stream(event) => Some(event.name()),
            other => panic!("{other:?}"),
        });
        told.push(name.await);
    }
    told
}

pub(crate) fn offer(round: u32, text: &str) -> PeerMessage {
    PeerMessage::Offer(Description { round, made: None, sdp: format!("v=0\r\ns={text}\r\n").into() })
}

pub(crate) fn answer(round: u32, text: &str) -> PeerMessage {
    PeerMessage::Answer(Description { round, made: None, sdp: format!("v=0\r\ns={text}\r\n").into() })
}

pub(crate) fn candidate(round: u32, text: &str) -> PeerMessage {
    let candidates = vec![Candidate { candidate: text.into(), sdp_mid: Some("0".into()), ..Candidate::default() }];
    PeerMessage::Candidates(Candidates { round: Some(round), candidates, end: false })
}

pub(crate) fn number(number: u64) -> Negotiation {
    Negotiation::new(number).expect("a small number")
}
