//! A server with rooms, and who is in them.

use std::time::Duration;

use samewire_server::auth::{Grants, JwtAuthenticator, JwtOptions, NewToken};
use samewire_server::config::{ApiKey, Secret};
use samewire_server::rooms::KindPolicy;
use samewire_server::rooms::policy::{EventRule, PresenceMode, Roles};
use samewire_server::{Builder, Config};
use samewire_tests::live::raw::{Heard, Raw};
use samewire_tests::live::{Host, SECRET, settings};
use serde_json::{Value, json};

pub(crate) const API_KEY: &str = "an API key of the tests, of no use elsewhere";

/// The room that most tests are about.
pub(crate) const ROOM: &str = "stage:1";

/// Speakers may do everything, listeners may cast and ask, and who is mute may do nothing.
pub(crate) fn stage() -> KindPolicy {
    let speakers = || Roles::only(&["speaker"]);
    let ask = EventRule { from: Roles::only(&["listener"]), to: speakers(), keep: Some(false) };
    KindPolicy {
        publish: speakers(),
        patch: speakers(),
        signal: speakers(),
        see: speakers(),
        history_for: speakers(),
        cast: Roles::only(&["speaker", "listener"]),
        events: [("ask".parse().expect("a name"), ask)].into(),
        state: true,
        max_state: 1_024,
        max_message: 2_048,
        rate: 1_000,
        burst: 1_000,
        ..KindPolicy::default()
    }
}

pub(crate) fn config() -> Config {
    let mut config = Config { dev: true, ..settings() };
    config.api_keys = vec![ApiKey { name: "the tests".into(), key: Some(Secret::new(API_KEY)), key_file: None }];
    let kinds = &mut config.rooms.kinds;
    kinds.insert("stage", stage());
    kinds.insert("brief", KindPolicy { linger: Duration::from_millis(50), ..stage() });
    kinds.insert("slowly", KindPolicy { rate: 1, burst: 3, ..stage() });
    kinds.insert("small", KindPolicy { max_members: 2, ..stage() });
    kinds.insert("silent", KindPolicy { presence: PresenceMode::Off, state: false, ..stage() });
    config
}

/// A token that grants a role in the rooms of this pattern.
pub(crate) fn token(user: &str, rooms: &str, role: &str) -> String {
    let grants = Grants::default().room(rooms.parse().expect("a pattern"), role.parse().expect("a role"));
    sign(user, grants)
}

pub(crate) fn sign(user: &str, grants: Grants) -> String {
    let token = NewToken::new(user, Duration::from_secs(3_600)).grants(grants);
    JwtAuthenticator::new(SECRET.as_bytes(), JwtOptions::default()).sign(&token).expect("a token")
}

/// A session of somebody with a role everywhere.
pub(crate) async fn session(host: &Host, user: &str, role: &str) -> Raw {
    Raw::session(host.addr(), Some(&token(user, "*", role))).await
}

/// Somebody in a room.
pub(crate) async fn member(host: &Host, user: &str, role: &str, room: &str) -> Raw {
    let mut raw = session(host, user, role).await;
    join(&mut raw, room).await.expect("may join");
    raw
}

/// Joins, and takes the answer.
pub(crate) async fn join(raw: &mut Raw, room: &str) -> Result<Value, Value> {
    join_with(raw, json!({"room": room})).await
}

pub(crate) async fn join_with(raw: &mut Raw, mut join: Value) -> Result<Value, Value> {
    let room = join["room"].clone();
    join["type"] = "join".into();
    raw.send(&join).await;
    loop {
        match raw.next().await {
            Heard::Text(frame) if frame["type"] == "joined" && frame["room"] == room => return Ok(frame),
            Heard::Text(frame) if frame["type"] == "left" && frame["room"] == room => return Err(frame["error"].clone()),
            Heard::Text(frame) => raw.skipped.push(frame),
            Heard::Binary(_) => {}
            end => panic!("waited to be in {room}, and heard {end:?}"),
        }
    }
}

pub(crate) async fn leave(raw: &mut Raw, room: &str) {
    raw.send(&json!({"type": "leave", "room": room})).await;
    let left = raw.expect("left").await;
    assert!(left["room"] == room && left.get("error").is_none(), "{left}");
}

/// Casts, and takes the refusal.
pub(crate) async fn refused_cast(raw: &mut Raw, cast: Value) -> Value {
    let mut cast = cast;
    cast["type"] = "cast".into();
    raw.send(&cast).await;
    raw.expect("error").await
}

/// The next event, which may have come before the answer to the call that made it.
pub(crate) async fn event(raw: &mut Raw) -> Value {
    match raw.skipped.iter().position(|frame| frame["type"] == "event") {
        Some(at) => raw.skipped.remove(at),
        None => raw.expect("event").await,
    }
}

/// The code of what must fail.
pub(crate) fn code(result: Result<Value, Value>) -> String {
    let error = result.expect_err("it must not succeed");
    error["code"].as_str().unwrap_or_default().to_owned()
}

/// A server, and somebody who hears all that is said in a room.
pub(crate) struct Watched {
    pub(crate) host: Host,
    witness: Raw,
    speaker: Raw,
    calls: u64,
}

impl Watched {
    pub(crate) async fn new() -> Self {
        Self::with(|builder| builder).await
    }

    pub(crate) async fn with(build: impl Fn(Builder) -> Builder + Send + Sync + 'static) -> Self {
        let host = Host::with(config(), build).await;
        let witness = member(&host, "witness", "listener", ROOM).await;
        let speaker = member(&host, "speaker", "speaker", ROOM).await;
        Self { host, witness, speaker, calls: 0 }
    }

    /// Somebody says something, the witness hears it, and has heard nothing else since it was asked last.
    pub(crate) async fn hears_nothing_else(&mut self, after: &str) {
        self.calls += 1;
        let params = json!({"room": ROOM, "name": "still-here", "payload": after});
        let published = self.speaker.call(self.calls, "rooms/publish", params).await.expect("published");
        assert_eq!(published["offset"], self.calls, "after {after}");
        loop {
            match self.witness.next().await {
                Heard::Text(frame) if frame["type"] == "event" => {
                    assert_eq!((&frame["offset"], &frame["payload"]), (&json!(self.calls), &json!(after)));
                    return;
                }
                Heard::Text(frame) if frame["type"] == "presence" || frame["type"] == "ping" => {}
                other => panic!("after {after}, the witness heard {other:?}"),
            }
        }
    }
}
