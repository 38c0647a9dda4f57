//! A server that speaks both formats, clients of the old kind, and sessions by hand.

use std::time::Duration;

use samewire_server::Config;
use samewire_server::auth::Grants;
use samewire_server::config::{ApiKey, Secret};
use samewire_tests::live::http::{self, requests};
use samewire_tests::live::raw::{Heard, Raw, opcode};
use samewire_tests::live::{Host, settings, token_with};
use serde_json::{Value, json};

pub(crate) const API_KEY: &str = "an API key of the tests, of no use elsewhere";
pub(crate) const STREAM: &str = "9c23f06d-2f69-46d6-8a81-3057e5d90a32";

/// Both formats; everybody needs a token.
pub(crate) fn config() -> Config {
    let mut config = settings();
    config.auth.anonymous = false;
    config.api_keys = vec![ApiKey { name: "the tests".into(), key: Some(Secret::new(API_KEY)), key_file: None }];
    config.dialects.signalling.enabled = true;
    config.dialects.stream_updates.enabled = true;
    // Those who speak by hand do not answer pings.
    config.limits.heartbeat_interval = Duration::from_secs(600);
    config.live.pause_after = Duration::from_millis(50);
    config
}

pub(crate) async fn host() -> Host {
    Host::start(config()).await
}

/// A token for a user with this role in all streams.
pub(crate) fn pass(user: &str, role: &str) -> String {
    token_with(user, Grants::default().live("*".parse().expect("a pattern"), role.parse().expect("a role")))
}

/// A client of the signalling format.
pub(crate) struct Old(pub(crate) Raw);

impl Old {
    pub(crate) async fn dial(host: &Host, path: &str) -> Self {
        Self(Raw::dial_at(host.addr(), path, &[]).await.expect("a handshake"))
    }

    pub(crate) async fn new(host: &Host, user: &str, role: &str) -> Self {
        Self::dial(host, &format!("/ws?token={}", pass(user, role))).await
    }

    /// One that has said `broadcaster-ready`, which nobody answers.
    pub(crate) async fn broadcaster(host: &Host, user: &str, stream: &str) -> Self {
        let mut old = Self::new(host, user, "broadcaster").await;
        old.say(json!({"type": "broadcaster-ready", "streamId": stream})).await;
        old
    }

    /// One that has said `join-stream`.
    pub(crate) async fn viewer(host: &Host, user: &str, stream: &str) -> Self {
        let mut old = Self::new(host, user, "viewer").await;
        old.join(stream).await;
        old
    }

    pub(crate) async fn join(&mut self, stream: &str) {
        self.say(json!({"type": "join-stream", "streamId": stream})).await;
    }

    pub(crate) async fn say(&mut self, message: Value) {
        self.0.send(&message).await;
    }

    pub(crate) async fn say_text(&mut self, text: &str) {
        self.0.frame(opcode::TEXT, true, text.as_bytes()).await;
    }

    /// The next thing that it is told.
    pub(crate) async fn hears(&mut self) -> Value {
        match self.0.next().await {
            Heard::Text(told) => told,
            end => panic!("waited for a message, and heard {end:?}"),
        }
    }

    /// The next thing, which is of this type.
    pub(crate) async fn told(&mut self, kind: &str) -> Value {
        let told = self.hears().await;
        assert_eq!(told["type"], kind, "{told}");
        told
    }

    /// The code of the error that it is told next.
    pub(crate) async fn error(&mut self) -> String {
        let told = self.told("error").await;
        let (code, message) = (told["code"].as_str().unwrap_or_default(), told["message"].as_str().unwrap_or_default());
        assert!(message.len() > 10, "{told}");
        code.to_owned()
    }

    /// The next viewer that its broadcast has.
    pub(crate) async fn viewer_joined(&mut self, stream: &str) -> String {
        let told = self.told("viewer-joined").await;
        let viewer = told["viewerId"].as_str().expect("an id").to_owned();
        assert_eq!(told, json!({"type": "viewer-joined", "streamId": stream, "viewerId": viewer}));
        viewer
    }

    /// Makes an offer to a viewer.
    pub(crate) async fn offers(&mut self, stream: &str, viewer: &str, sdp: &str) {
        let offer = json!({"type": "offer", "sdp": sdp});
        self.say(json!({"type": "webrtc-offer", "offer": offer, "streamId": stream, "viewerId": viewer})).await;
    }

    pub(crate) async fn answers(&mut self, stream: &str, viewer: &str, sdp: &str) {
        let answer = json!({"type": "answer", "sdp": sdp});
        self.say(json!({"type": "webrtc-answer", "answer": answer, "streamId": stream, "viewerId": viewer})).await;
    }

    pub(crate) async fn candidate(&mut self, stream: &str, viewer: &str, text: &str) {
        self.say(json!({"type": "webrtc-ice-candidate", "candidate": ice(text), "streamId": stream, "viewerId": viewer})).await;
    }

    /// The SDP of the offer that it hears next.
    pub(crate) async fn offered(&mut self) -> String {
        let told = self.told("webrtc-offer").await;
        told["offer"]["sdp"].as_str().expect("a description").to_owned()
    }

    /// The close code, after whatever else is said.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        closed(&mut self.0).await
    }
}

/// The close code and reason, after whatever else is said.
pub(crate) async fn closed(raw: &mut Raw) -> (u16, String) {
    loop {
        match raw.next().await {
            Heard::Close(code, reason) => return (code, reason),
            Heard::Gone => panic!("the connection went without a close frame"),
            Heard::Text(told) => raw.skipped.push(told),
            Heard::Odd(_) | Heard::Binary(_) => {}
        }
    }
}

/// A broadcaster and a viewer that have exchanged an offer and an answer.
pub(crate) async fn pair(host: &Host, stream: &str) -> (Old, Old, String) {
    let mut broadcaster = Old::broadcaster(host, "ada", stream).await;
    let mut viewer = Old::viewer(host, "eve", stream).await;
    let id = broadcaster.viewer_joined(stream).await;
    negotiate(&mut broadcaster, &mut viewer, stream, &id).await;
    (broadcaster, viewer, id)
}

/// An offer and an answer.
pub(crate) async fn negotiate(broadcaster: &mut Old, viewer: &mut Old, stream: &str, id: &str) {
    broadcaster.offers(stream, id, &format!("v=0 to {id}")).await;
    assert_eq!(viewer.offered().await, format!("v=0 to {id}"));
    viewer.answers(stream, id, &format!("v=0 of {id}")).await;
    assert_eq!(broadcaster.told("webrtc-answer").await["answer"]["sdp"], format!("v=0 of {id}"));
}

/// They still hear each other, and nothing else was said to them.
pub(crate) async fn goes_on(broadcaster: &mut Old, viewer: &mut Old, stream: &str, id: &str) {
    broadcaster.candidate(stream, id, "a word").await;
    assert_eq!(viewer.told("webrtc-ice-candidate").await["candidate"]["candidate"], "a word");
    viewer.candidate(stream, id, "another").await;
    assert_eq!(broadcaster.told("webrtc-ice-candidate").await["candidate"]["candidate"], "another");
}

pub(crate) fn ice(text: &str) -> Value {
    json!({"candidate": text, "sdpMid": "0", "sdpMLineIndex": 0, "usernameFragment": "u"})
}

/// The value of a metric.
pub(crate) async fn figure(host: &Host, name: &str) -> f64 {
    let request = requests().get(format!("{}/metrics", host.url())).bearer_auth(API_KEY);
    let answer = http::send(request).await;
    let value = answer.text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    value.unwrap_or_default()
}

/// Takes a user's tokens back.
pub(crate) async fn revoke(host: &Host, user: &str) {
    let request = requests().post(format!("{}/api/revocations", host.url())).bearer_auth(API_KEY);
    let answer = http::send(request.body(json!({"user": user}).to_string())).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}
