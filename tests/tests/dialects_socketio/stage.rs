//! A server with files, somebody who speaks Socket.IO over a WebSocket or long polling by hand, and a bystander.

use std::time::Duration;

use samewire_server::Config;
use samewire_server::config::{ApiKey, Secret};
use samewire_server::rooms::core::Message;
use samewire_tests::live::http::{self, Answer};
use samewire_tests::live::raw::{Heard, Raw, opcode};
use samewire_tests::live::{Host, token, until};
use serde_json::{Value, json};

pub(crate) const HERE: &str = "/file-processing";
pub(crate) const SOCKET: &str = "/socket.io/?EIO=4&transport=websocket";
pub(crate) const API_KEY: &str = "an API key of the tests, of no use elsewhere";

/// Nobody is asked whether he is there, and everything is kept.
pub(crate) fn settings() -> Config {
    let mut config: Config = Config::parse(
        "[dialects.socketio]\nenabled = true\n[rooms.kinds.file]\nslow = 'recover'\nhistory = 10000\nhistory_bytes = '64 MiB'",
        [],
    )
    .expect("a configuration");
    let plain = samewire_tests::live::settings();
    config.auth = plain.auth;
    config.reconnect = plain.reconnect;
    config.limits.heartbeat_interval = Duration::from_secs(600);
    config.api_keys = vec![ApiKey { name: "the tests".into(), key: Some(Secret::new(API_KEY)), key_file: None }];
    config.metrics.open = true;
    config
}

/// Stores a text of this user over HTTP; its id.
pub(crate) async fn store(host: &Host, user: &str) -> String {
    let request = http::requests().post(format!("{}/api/files", host.url())).bearer_auth(token(user));
    let answer = http::send(request.header("content-type", "text/plain").body("a text")).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()["id"].as_str().expect("an id").to_owned()
}

/// Says this of a file in its room.
pub(crate) async fn progress(host: &Host, file: &str, n: usize) {
    let payload = serde_json::value::to_raw_value(&json!({"fileId": file, "progress": n})).expect("JSON");
    let message = Message { payload: Some(payload), ..Message::new("processing:progress".parse().expect("a name")) };
    let room = format!("file:{file}").parse().expect("a room");
    host.rooms().publish(&room, message).await.expect("published");
}

/// A message as Socket.IO has it: what is between the namespace and the event is the number of the answer that is wanted.
pub(crate) fn event(name: &str, says: &Value, ack: &str) -> String {
    format!("42{HERE},{ack}{}", json!([name, says]))
}

pub(crate) fn subscribe(file: &str, ack: &str) -> String {
    event("subscribe:file", &json!({"fileId": file}), ack)
}

/// The event of a message, if it is one.
pub(crate) fn read(text: &str) -> Option<(String, Value)> {
    serde_json::from_str(text.strip_prefix(&format!("42{HERE},"))?).ok()
}

/// The answer with this number, if it is that.
pub(crate) fn answer(text: &str, ack: u32) -> Option<Value> {
    let [says]: [Value; 1] = serde_json::from_str(text.strip_prefix(&format!("43{HERE},{ack}"))?).ok()?;
    Some(says)
}

/// Somebody with a WebSocket.
pub(crate) struct Client {
    pub(crate) raw: Raw,
}

impl Client {
    /// Connected, and in no namespace.
    pub(crate) async fn open(host: &Host) -> Self {
        let mut client = Self { raw: Raw::dial_at(host.addr(), SOCKET, &[]).await.expect("a handshake") };
        let open = client.hear().await.expect("a word of welcome");
        assert!(open.starts_with("0{\"sid\":"), "{open}");
        client
    }

    /// In the namespace, as this user.
    pub(crate) async fn enter(host: &Host, user: &str) -> Self {
        let mut client = Self::open(host).await;
        let answer = client.connect(&json!({"token": token(user)})).await;
        assert!(answer.starts_with("40/file-processing,{\"sid\":"), "{answer}");
        client
    }

    /// Wants to come in; what the server says to that.
    pub(crate) async fn connect(&mut self, auth: &Value) -> String {
        self.say(&format!("40{HERE},{auth}")).await;
        self.hear().await.expect("an answer")
    }

    pub(crate) async fn say(&mut self, text: &str) {
        self.raw.frame(opcode::TEXT, true, text.as_bytes()).await;
    }

    /// The next message; `None` when the connection is over. A close of Engine.IO is not one.
    pub(crate) async fn hear(&mut self) -> Option<String> {
        loop {
            let text = match self.raw.next().await {
                // Some messages look like JSON.
                Heard::Text(value) => value.to_string(),
                Heard::Odd(text) => text,
                Heard::Binary(_) => continue,
                Heard::Close(..) | Heard::Gone => return None,
            };
            match text.as_str() {
                "2" => self.say("3").await,
                "1" => {}
                _ => return Some(text),
            }
        }
    }

    /// Passes over everything until this is found.
    pub(crate) async fn until<T>(&mut self, what: &str, mut wanted: impl FnMut(&str) -> Option<T>) -> T {
        let mut passed = Vec::new();
        while let Some(text) = self.hear().await {
            if let Some(found) = wanted(&text) {
                return found;
            }
            passed.push(text);
        }
        panic!("the connection ended before {what}; there was {passed:?}")
    }

    /// The answer with this number.
    pub(crate) async fn answer(&mut self, ack: u32) -> Value {
        self.until("an answer", |text| answer(text, ack)).await
    }

    /// Subscribes, and passes over what is told of the file at first.
    pub(crate) async fn watch(&mut self, file: &str) {
        self.say(&subscribe(file, "")).await;
        self.until("the state", |text| read(text).filter(|(name, _)| name == "processing:completed")).await;
    }

    /// The number of the next progress.
    pub(crate) async fn progress(&mut self) -> u64 {
        self.until("progress", |text| {
            let (_, says) = read(text).filter(|(name, _)| name == "processing:progress")?;
            says["progress"].as_u64()
        })
        .await
    }

    /// Whether the server ends the connection; what it said before is passed over.
    pub(crate) async fn ends(mut self) {
        while self.hear().await.is_some() {}
    }
}

/// Somebody who watches a file, and is to notice nothing of what others do.
pub(crate) struct Bystander {
    client: Client,
    file: String,
    heard: usize,
}

impl Bystander {
    pub(crate) async fn new(host: &Host) -> Self {
        let file = store(host, "bystander").await;
        let mut client = Client::enter(host, "bystander").await;
        client.watch(&file).await;
        Self { client, file, heard: 0 }
    }

    /// Hears what comes next, and nothing else.
    pub(crate) async fn is_well(&mut self, host: &Host) {
        self.heard += 1;
        progress(host, &self.file, self.heard).await;
        let told = self.client.hear().await.expect("it is connected");
        let (name, says) = read(&told).unwrap_or_else(|| panic!("an event: {told}"));
        assert_eq!((name.as_str(), &says["progress"]), ("processing:progress", &json!(self.heard)));
    }
}

/// Waits until so many sessions are left.
pub(crate) async fn sessions_are(host: &Host, count: u64) {
    until("the sessions are over", || async { host.health().await.sessions == count }).await;
}

/// How many connections there are.
pub(crate) async fn connections(host: &Host) -> Option<u64> {
    let answer = http::send(http::requests().get(format!("{}/metrics", host.url()))).await;
    let line =
        answer.text.lines().find(|line| line.starts_with("samewire_dialect_connections{dialect=\"socketio\"}"))?.to_owned();
    line.rsplit(' ').next()?.parse().ok()
}

/// Somebody who polls.
pub(crate) struct Poller {
    url: String,
    http: reqwest::Client,
    pub(crate) sid: String,
}

pub(crate) fn address(host: &Host, sid: Option<&str>) -> String {
    let sid = sid.map(|sid| format!("&sid={sid}")).unwrap_or_default();
    format!("{}/socket.io/?EIO=4&transport=polling{sid}", host.url())
}

impl Poller {
    pub(crate) async fn open(host: &Host) -> Self {
        let http = http::requests();
        let answer = http::send(http.get(address(host, None))).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let open: Value = serde_json::from_str(answer.text.strip_prefix('0').expect("an open packet")).expect("JSON");
        assert_eq!((&open["upgrades"], open["pingInterval"].is_u64()), (&json!(["websocket"]), true), "{open}");
        let sid = open["sid"].as_str().expect("an id").to_owned();
        Self { url: address(host, Some(&sid)), http, sid }
    }

    pub(crate) async fn enter(host: &Host, user: &str) -> Self {
        let poller = Self::open(host).await;
        let posted = poller.post(format!("40{HERE},{}", json!({"token": token(user)}))).await;
        assert_eq!((posted.status, posted.text.as_str()), (200, "ok"));
        let told = poller.poll().await;
        assert!(told.text.starts_with("40/file-processing,{\"sid\":"), "{told:?}");
        assert!(!told.text.contains(&poller.sid), "what apps tell each other is not what requests are known by");
        poller
    }

    /// Subscribes, and passes over what is told of the file at first.
    pub(crate) async fn watch(&self, file: &str) {
        assert_eq!(self.post(subscribe(file, "")).await.status, 200);
        self.until(|text| read(text).filter(|(name, _)| name == "processing:completed")).await;
    }

    pub(crate) async fn post(&self, body: impl Into<String>) -> Answer {
        http::send(self.http.post(&self.url).header("content-type", "text/plain;charset=UTF-8").body(body.into())).await
    }

    /// What comes next. Pings are answered.
    pub(crate) async fn poll(&self) -> Answer {
        loop {
            let mut told = http::send(self.http.get(&self.url)).await;
            let packets: Vec<_> = told.text.split('\u{1e}').filter(|text| *text != "2").collect();
            let (text, is_ping) = (packets.join("\u{1e}"), packets.is_empty());
            if told.status == 200 && text.len() < told.text.len() {
                self.post("3").await;
            }
            told.text = text;
            if !is_ping {
                return told;
            }
        }
    }

    /// Messages until there is this one.
    pub(crate) async fn until<T>(&self, mut wanted: impl FnMut(&str) -> Option<T>) -> T {
        loop {
            let told = self.poll().await;
            assert_eq!(told.status, 200, "{told:?}");
            if let Some(found) = told.text.split('\u{1e}').find_map(&mut wanted) {
                return found;
            }
        }
    }
}
