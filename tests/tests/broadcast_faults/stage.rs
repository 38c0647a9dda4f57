//! A server with two live streams and who is in them.

use std::collections::VecDeque;
use std::time::Duration;

use samewire_server::Config;
use samewire_server::auth::Grants;
use samewire_server::config::{ApiKey, Secret};
use samewire_tests::live::http::{self, Answer};
use samewire_tests::live::raw::{Heard, Raw};
use samewire_tests::live::{Host, settings, token_with};
use serde_json::{Value, json};

pub(crate) const API_KEY: &str = "an API key of the tests, of no use elsewhere";

/// The stream that is attacked, and another one.
pub(crate) const STAGE: &str = "stage";
pub(crate) const CALM: &str = "calm";

/// Where those who are lost may come back for a long time.
pub(crate) fn config() -> Config {
    let mut config = settings();
    config.api_keys = vec![ApiKey { name: "the tests".into(), key: Some(Secret::new(API_KEY)), key_file: None }];
    // Those who speak by hand do not answer pings.
    config.limits.heartbeat_interval = Duration::from_secs(600);
    // A member whose connection is lost counts for a moment only.
    let text = "[rooms.kinds.live]\nlinger = '200ms'";
    config.rooms.kinds = Config::parse(text, []).expect("a configuration").rooms.kinds;
    config
}

/// A token for a user with these roles in these streams.
pub(crate) fn granted(user: &str, roles: &[(&str, &str)]) -> String {
    let grants = roles.iter().fold(Grants::default(), |grants, (streams, role)| {
        grants.live(streams.parse().expect("a pattern"), role.parse().expect("a role"))
    });
    token_with(user, grants)
}

/// A session by hand.
pub(crate) struct Hand {
    pub(crate) raw: Raw,
    calls: u64,
    /// Of the streams that it is in: signals and events that were not looked at yet.
    heard: VecDeque<Value>,
    /// As a viewer.
    pub(crate) viewer: Value,
    /// The number of the newest peer connection.
    pub(crate) negotiation: Value,
}

impl Hand {
    pub(crate) async fn new(host: &Host, user: &str, roles: &[(&str, &str)]) -> Self {
        Self::of(Raw::session(host.addr(), Some(&granted(user, roles))).await)
    }

    pub(crate) fn of(raw: Raw) -> Self {
        Self { raw, calls: 0, heard: VecDeque::new(), viewer: Value::Null, negotiation: Value::Null }
    }

    /// A session in a stream's room, with this role.
    pub(crate) async fn inside(host: &Host, user: &str, stream: &str, role: &str) -> Self {
        let mut hand = Self::new(host, user, &[(stream, role)]).await;
        hand.join(stream).await.expect("may join");
        hand
    }

    pub(crate) async fn broadcaster(host: &Host, user: &str, stream: &str) -> Self {
        let mut hand = Self::inside(host, user, stream, "broadcaster").await;
        hand.call("live/start", json!({"stream": stream})).await.expect("started");
        hand
    }

    pub(crate) async fn viewer(host: &Host, user: &str, stream: &str) -> Self {
        let mut hand = Self::inside(host, user, stream, "viewer").await;
        hand.watch(stream).await;
        hand
    }

    pub(crate) async fn join(&mut self, stream: &str) -> Result<Value, Value> {
        let room = json!(format!("live:{stream}"));
        self.raw.send(&json!({"type": "join", "room": room, "presence": false})).await;
        loop {
            let frame = self.frame().await;
            match frame["type"].as_str() {
                Some("joined") if frame["room"] == room => return Ok(frame),
                Some("left") if frame["room"] == room => return Err(frame["error"].clone()),
                _ => self.note(frame),
            }
        }
    }

    /// Comes in as a viewer of a stream that is live.
    pub(crate) async fn watch(&mut self, stream: &str) -> Value {
        let watched = self.call("live/watch", json!({"stream": stream})).await.expect("let in");
        (self.viewer, self.negotiation) = (watched["viewer"].clone(), watched["negotiation"].clone());
        assert!(self.viewer.is_string() && self.negotiation.is_u64(), "{watched}");
        watched
    }

    /// Makes a call and takes its answer.
    pub(crate) async fn call(&mut self, method: &str, payload: Value) -> Result<Value, Value> {
        let id = self.begin(method, payload).await;
        self.answer(id).await
    }

    /// Makes a call and does not wait.
    pub(crate) async fn begin(&mut self, method: &str, payload: Value) -> u64 {
        let id = self.next_call();
        self.raw.send(&json!({"type": "call", "id": id, "method": method, "payload": payload})).await;
        id
    }

    /// A number for a call.
    pub(crate) fn next_call(&mut self) -> u64 {
        self.calls += 1;
        self.calls
    }

    pub(crate) async fn answer(&mut self, id: u64) -> Result<Value, Value> {
        loop {
            let frame = self.frame().await;
            match frame["type"].as_str() {
                Some("result") if frame["id"] == id => return Ok(frame["payload"].clone()),
                Some("failure") if frame["id"] == id => return Err(frame["error"].clone()),
                _ => self.note(frame),
            }
        }
    }

    /// The code of a call that must fail, without a retry and with words.
    pub(crate) async fn refused(&mut self, method: &str, payload: Value) -> String {
        let told = format!("{method} {}", payload.to_string().chars().take(200).collect::<String>());
        let error = self.call(method, payload).await.expect_err(&told);
        assert!(error["message"].as_str().is_some_and(|message| message.len() > 10), "{told}: {error}");
        error["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The next signal of a stream.
    pub(crate) async fn signal(&mut self) -> Value {
        self.next("signal").await
    }

    /// The next event of a stream.
    pub(crate) async fn event(&mut self) -> Value {
        self.next("event").await
    }

    async fn next(&mut self, kind: &str) -> Value {
        loop {
            if let Some(at) = self.heard.iter().position(|frame| frame["type"] == kind) {
                return self.heard.remove(at).expect("it is there");
            }
            let frame = self.frame().await;
            self.note(frame);
        }
    }

    async fn frame(&mut self) -> Value {
        match self.raw.next().await {
            Heard::Text(frame) => frame,
            other => panic!("a live session heard {other:?}"),
        }
    }

    fn note(&mut self, frame: Value) {
        match frame["type"].as_str() {
            Some("events") => {
                for event in frame["events"].as_array().expect("events") {
                    let mut event = event.clone();
                    (event["type"], event["room"]) = ("event".into(), frame["room"].clone());
                    self.heard.push_back(event);
                }
            }
            Some("signal" | "event" | "left" | "joined") => self.heard.push_back(frame),
            _ => {}
        }
    }

    /// What was heard and not looked at, by name.
    pub(crate) fn unexpected(&self) -> Vec<String> {
        let name = |frame: &Value| format!("{} {}", frame["type"], frame["name"]);
        self.heard.iter().map(name).collect()
    }
}

/// A message of one end of a peer connection that says nothing but this.
pub(crate) fn word(text: &str) -> Value {
    json!({"type": "candidates", "candidates": [{"candidate": text, "sdpMid": "0", "sdpMLineIndex": 0}]})
}

pub(crate) fn offer() -> Value {
    json!({"type": "offer", "round": 1, "sdp": "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\n"})
}

pub(crate) fn answer() -> Value {
    json!({"type": "answer", "round": 1, "sdp": "v=0\r\no=- 2 1 IN IP4 127.0.0.1\r\n"})
}

/// A broadcaster with viewers, in whose stream nothing is heard that they did not say.
pub(crate) struct Show {
    pub(crate) stream: &'static str,
    pub(crate) broadcaster: Hand,
    pub(crate) viewers: Vec<Hand>,
    words: u64,
    /// Events that may come.
    allowed: Vec<&'static str>,
}

impl Show {
    pub(crate) async fn new(host: &Host, stream: &'static str, viewers: usize) -> Self {
        let mut broadcaster = Hand::broadcaster(host, &format!("{stream}-host"), stream).await;
        let mut there = Vec::new();
        for number in 0..viewers {
            let viewer = Hand::viewer(host, &format!("{stream}-viewer-{number}"), stream).await;
            let joined = broadcaster.signal().await;
            assert_eq!((&joined["name"], &joined["payload"]["viewer"]), (&json!("viewer_joined"), &viewer.viewer));
            there.push(viewer);
        }
        let mut show = Self { stream, broadcaster, viewers: there, words: 0, allowed: Vec::new() };
        // Until all have heard of all.
        for hand in show.viewers.iter_mut().chain([&mut show.broadcaster]) {
            while hand.event().await["payload"]["viewer_count"] != viewers {}
        }
        show.goes_on("the beginning").await;
        show
    }

    /// Something happens to the stream, and its members hear of it by events of this name.
    pub(crate) fn allow(&mut self, event: &'static str) {
        self.allowed.push(event);
    }

    /// Each viewer and the broadcaster say something to each other. It is the very next thing that they hear, as far as signals go, and
    /// nothing has happened to the stream.
    pub(crate) async fn goes_on(&mut self, after: &str) {
        for index in 0..self.viewers.len() {
            self.words += 1;
            let text = format!("word {} after {after}", self.words);
            let viewer = &mut self.viewers[index];
            let mut params = json!({"stream": self.stream, "negotiation": viewer.negotiation, "message": word(&text)});
            viewer.call("live/signal", params.clone()).await.expect("to the broadcaster");
            let there = self.broadcaster.signal().await;
            assert_eq!((&there["name"], &there["payload"]["viewer"]), (&json!("candidates"), &viewer.viewer), "after {after}");
            assert_eq!(there["payload"]["candidates"][0]["candidate"], text.as_str(), "after {after}");
            params["viewer"] = viewer.viewer.clone();
            self.broadcaster.call("live/signal", params).await.expect("to the viewer");
            let here = viewer.signal().await;
            assert_eq!(here["payload"], there["payload"], "after {after}");
        }
    }

    /// Nothing was heard beside what was said, and the stream is live with these viewers.
    pub(crate) async fn is_untouched(&mut self, after: &str) {
        self.goes_on(after).await;
        let record = self.record().await;
        assert_eq!((&record["state"], &record["viewer_count"]), (&json!("live"), &json!(self.viewers.len())), "after {after}");
        for hand in self.viewers.iter().chain([&self.broadcaster]) {
            let mut heard = hand.unexpected();
            heard.retain(|heard| !self.allowed.iter().any(|allowed| heard.ends_with(&format!("\"{allowed}\""))));
            assert_eq!(heard, [""; 0], "after {after}");
        }
    }

    pub(crate) async fn record(&mut self) -> Value {
        self.broadcaster.call("live/get", json!({"stream": self.stream})).await.expect("a record")
    }
}

/// A server with two streams: in that of the stage things happen, in the calm one nothing ever does.
pub(crate) struct Stage {
    pub(crate) host: Host,
    pub(crate) show: Show,
    calm: Show,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::with(config()).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        let host = Host::start(config).await;
        let (show, calm) = (Show::new(&host, STAGE, 2).await, Show::new(&host, CALM, 1).await);
        Self { host, show, calm }
    }

    /// Neither stream was touched.
    pub(crate) async fn nobody_notices(&mut self, after: &str) {
        self.show.is_untouched(after).await;
        self.calm_is_calm(after).await;
    }

    /// The other stream was not touched.
    pub(crate) async fn calm_is_calm(&mut self, after: &str) {
        self.calm.is_untouched(after).await;
    }

    /// A viewer of the other stream.
    pub(crate) fn calm_viewer(&self) -> Value {
        self.calm.viewers[0].viewer.clone()
    }

    /// Asks over HTTP, with this in the header `Authorization`.
    pub(crate) async fn ask(&self, bearer: &str, method: &str, path: &str) -> Answer {
        let method = method.parse().expect("a method");
        http::send(http::requests().request(method, format!("{}{path}", self.host.url())).bearer_auth(bearer)).await
    }
}
