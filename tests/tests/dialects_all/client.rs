//! A client of any of the formats, as far as they are alike.

use std::time::Duration;

use samewire_server::Config;
use samewire_server::auth::Grants;
use samewire_server::config::{ApiKey, Secret};
use samewire_tests::live::http::{self, Answer};
use samewire_tests::live::raw::{Heard, Raw, opcode};
use samewire_tests::live::{Host, settings, token_with};
use serde_json::{Value, json};

pub(crate) const API_KEY: &str = "an API key of the tests, of no use elsewhere";

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Metacom,
    SocketIo,
    Signalling,
    PortalViews,
    StreamUpdates,
}

use Format::{Metacom, PortalViews, Signalling, SocketIo, StreamUpdates};

pub(crate) const ALL: [Format; 5] = [Metacom, SocketIo, Signalling, PortalViews, StreamUpdates];

impl Format {
    /// What it is called in figures.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Metacom => "metacom",
            SocketIo => "socketio",
            Signalling => "signalling",
            PortalViews => "portal-views",
            StreamUpdates => "stream-updates",
        }
    }

    /// Where its clients connect.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Metacom => "/api",
            SocketIo => "/socket.io/?EIO=4&transport=websocket",
            Signalling => "/ws",
            PortalViews => "/ws/portal-view/1",
            StreamUpdates => "/api/v1/streams/s1/ws",
        }
    }

    /// Turns it on.
    pub(crate) fn enable(self, config: &mut Config) {
        let dialects = &mut config.dialects;
        match self {
            Metacom => dialects.metacom.enabled = true,
            SocketIo => dialects.socketio.enabled = true,
            Signalling => dialects.signalling.enabled = true,
            PortalViews => dialects.portal_views.enabled = true,
            StreamUpdates => dialects.stream_updates.enabled = true,
        }
    }

    /// Lets anybody speak it, where that can be.
    pub(crate) fn open(self, config: &mut Config) {
        let dialects = &mut config.dialects;
        match self {
            Metacom => dialects.metacom.anonymous = true,
            SocketIo => dialects.socketio.anonymous = true,
            Signalling => dialects.signalling.anonymous = true,
            PortalViews => {}
            StreamUpdates => dialects.stream_updates.anonymous = true,
        }
    }

    /// Something that is answered, and what the answer has in it.
    pub(crate) fn question(self) -> Option<(&'static str, &'static str)> {
        match self {
            Metacom => Some((r#"{"type":"call","id":7,"method":"system/echo","args":{"a":"b"}}"#, r#""callback""#)),
            SocketIo => Some((r#"42/file-processing,7["unsubscribe:file",{"fileId":"none"}]"#, "43/file-processing,7[")),
            Signalling => Some((r#"{"type":"nonsense"}"#, r#""error""#)),
            PortalViews => Some((r#"{"type":"ping"}"#, r#""pong""#)),
            // Its clients say nothing.
            StreamUpdates => None,
        }
    }
}

/// All formats, for who has a token; those who speak by hand need not answer pings.
pub(crate) fn config() -> Config {
    let mut config = settings();
    config.auth.anonymous = false;
    config.metrics.open = true;
    config.limits.heartbeat_interval = Duration::from_secs(600);
    config.api_keys = vec![ApiKey { name: "the tests".into(), key: Some(Secret::new(API_KEY)), key_file: None }];
    ALL.iter().for_each(|format| format.enable(&mut config));
    config
}

/// A token with which a user may do everything that the formats are for.
pub(crate) fn token(user: &str) -> String {
    let all = || "*".parse().expect("a pattern");
    token_with(user, Grants::default().live(all(), "broadcaster".parse().expect("a role")))
}

/// A server with what there has to be: a portal view of `ada`'s, of which `bob` is a member.
pub(crate) async fn host(config: Config) -> Host {
    let host = Host::start(config).await;
    let ask = async |method: &str, path: &str, body: Value| {
        let request = http::requests().request(method.parse().expect("a method"), format!("{}{path}", host.url()));
        http::send(request.bearer_auth(token("ada")).body(body.to_string())).await
    };
    let made: [Answer; 3] = [
        ask("POST", "/api/libraries", json!({"name": "A library"})).await,
        ask("POST", "/api/libraries/1/portal-views", json!({"name": "A view"})).await,
        ask("PUT", "/api/libraries/1/members/bob", json!({"role": "VIEWER"})).await,
    ];
    assert!(made.iter().all(|answer| answer.status == 201), "{made:?}");
    host
}

/// What a client heard.
#[derive(Debug, PartialEq)]
pub(crate) enum Told {
    Text(String),
    Closed(u16, String),
    Gone,
}

pub(crate) struct Client {
    pub(crate) format: Format,
    pub(crate) raw: Raw,
}

impl Client {
    /// Connects, and says who it is the way that clients of the format do.
    pub(crate) async fn dial(host: &Host, format: Format, token: Option<&str>) -> Self {
        let path = format.path();
        let (path, word) = match (format, token) {
            (SocketIo, Some(token)) => (path.to_owned(), Some(format!("40/file-processing,{}", json!({"token": token})))),
            (SocketIo, None) => (path.to_owned(), Some("40/file-processing,".to_owned())),
            (_, Some(token)) => (format!("{path}?token={token}"), None),
            (_, None) => (path.to_owned(), None),
        };
        let raw = Raw::dial_at(host.addr(), &path, &[]).await.expect("a handshake");
        let mut client = Self { format, raw };
        if let Some(word) = word {
            client.say(&word).await;
        }
        client
    }

    /// One that is in.
    pub(crate) async fn enter(host: &Host, format: Format, user: &str) -> Self {
        let mut client = Self::dial(host, format, Some(&token(user))).await;
        assert!(client.is_in().await, "{format:?}");
        client
    }

    /// Waits until it is let in, or not.
    pub(crate) async fn is_in(&mut self) -> bool {
        let proof = match self.format {
            SocketIo => "40/file-processing,{\"sid\"",
            PortalViews => "connected",
            StreamUpdates => "viewer_count_changed",
            Metacom | Signalling => {
                let (question, answer) = self.format.question().expect("they answer");
                self.say(question).await;
                answer
            }
        };
        loop {
            match self.next().await {
                Told::Text(text) if is_refusal(&text) => return false,
                Told::Text(text) if text.contains(proof) => return true,
                Told::Text(_) => {}
                Told::Closed(..) | Told::Gone => return false,
            }
        }
    }

    pub(crate) async fn say(&mut self, text: &str) {
        self.raw.frame(opcode::TEXT, true, text.as_bytes()).await;
    }

    pub(crate) async fn next(&mut self) -> Told {
        match self.raw.next().await {
            Heard::Text(json) => Told::Text(json.to_string()),
            Heard::Odd(text) => Told::Text(text),
            Heard::Binary(bytes) => Told::Text(format!("{bytes:?}")),
            Heard::Close(code, reason) => Told::Closed(code, reason),
            Heard::Gone => Told::Gone,
        }
    }

    /// Waits for a text with this in it.
    pub(crate) async fn expect(&mut self, part: &str) -> String {
        loop {
            match self.next().await {
                Told::Text(text) if text.contains(part) => return text,
                Told::Text(_) => {}
                end => panic!("{:?} waited for {part}, and heard {end:?}", self.format),
            }
        }
    }

    /// That it is served still.
    pub(crate) async fn is_served(&mut self) {
        if let Some((question, answer)) = self.format.question() {
            self.say(question).await;
            self.expect(answer).await;
        }
    }

    /// The close code; 1005 where there is none, and 1006 where the connection just goes.
    pub(crate) async fn end(&mut self) -> u16 {
        loop {
            match self.next().await {
                Told::Text(_) => {}
                Told::Closed(code, _) => return code,
                Told::Gone => return 1006,
            }
        }
    }
}

/// Whether a text says that somebody may not come in. For Metacom that is the answer to a call.
fn is_refusal(text: &str) -> bool {
    let codes = ["unauthenticated", "token-", "too-many-sessions", "room-not-found", "forbidden"];
    codes.iter().any(|code| text.contains(code)) && !text.contains("nonsense")
}

/// A value of `GET /metrics`.
pub(crate) async fn figure(host: &Host, name: &str, format: Format) -> u64 {
    let answer = http::send(http::requests().get(format!("{}/metrics", host.url()))).await;
    let series = format!("samewire_{name}{{dialect=\"{}\"}} ", format.name());
    let value = answer.text.lines().find_map(|line| line.strip_prefix(&series));
    value.map_or(0, |value| value.parse().expect("a number"))
}
