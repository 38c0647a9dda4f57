//! The client's half against frames written by hand: what no server of ours would say, and each bug first.

mod rooms;
mod successor;
mod tokens;

use samewire_protocol::session::{Config, Event, Input, Output, Session};
use samewire_protocol::wire::payload;
use samewire_protocol::{Instant, Link};
use serde_json::value::RawValue;
use std::time::Duration;

/// A machine, and what it said and told.
struct Client {
    session: Session,
    now: Instant,
    said: Vec<String>,
    told: Vec<Event>,
    dialled: Option<Link>,
    wait: Option<Instant>,
}

impl Client {
    fn new(config: Config) -> Self {
        let now = Instant::from_micros(1_000_000);
        Self { session: Session::new(config), now, said: Vec::new(), told: Vec::new(), dialled: None, wait: None }
    }

    /// A client that is live.
    fn live() -> Self {
        let mut client = Self::new(Config::default());
        client.act(|session, now| session.connect(now));
        client.welcome("fresh", "");
        client
    }

    fn act<T>(&mut self, change: impl FnOnce(&mut Session, Instant) -> T) -> T {
        let result = change(&mut self.session, self.now);
        loop {
            match self.session.poll_output() {
                Output::SendText(text) => self.said.push(text.as_str().to_owned()),
                Output::SendBinary(bytes) => {
                    self.said.push(String::from_utf8_lossy(bytes.get(16..).unwrap_or_default()).into())
                }
                Output::Dial { link } => self.dialled = Some(link),
                Output::HangUp { reason, .. } => self.said.push(format!("hang up: {reason}")),
                Output::Event(event) => self.told.push(event),
                Output::Wait(at) => {
                    self.wait = at;
                    return result;
                }
            }
        }
    }

    /// The socket that was dialled opens, and the server says welcome, with these fields besides.
    fn welcome(&mut self, continuity: &str, fields: &str) {
        assert_eq!(self.dialled.take(), Some(self.session.link()), "nothing was dialled");
        self.input(Input::Opened);
        let session = format!("se_{}", "1".repeat(32));
        self.hear(&format!(
            r#"{{"type":"welcome","session":"{session}","ticket":"t","continuity":"{continuity}"{fields},"heartbeat":{{"interval":99999999,"timeout":1}}}}"#
        ));
        self.said.retain(|text| !text.starts_with(r#"{"type":"hello""#));
    }

    /// The connection is lost, and the next one is live.
    fn reconnect(&mut self, continuity: &str) {
        self.input(Input::Closed { code: 1006 });
        self.redial();
        self.welcome(continuity, "");
    }

    /// Lets time pass until the machine dials.
    fn redial(&mut self) {
        let span = self.wait.map(|at| at.since(self.now));
        self.pass(span.expect("a next attempt is set"));
    }

    fn input(&mut self, input: Input<'_>) {
        let link = self.session.link();
        self.act(|session, now| session.handle_input(now, link, input));
    }

    fn hear(&mut self, text: &str) {
        self.input(Input::Text(text));
    }

    /// The server says goodbye for this reason, and closes.
    fn goodbye(&mut self, code: &str, close: u16) {
        self.hear(&format!(r#"{{"type":"goodbye","error":{{"code":"{code}"}}}}"#));
        self.input(Input::Closed { code: close });
    }

    /// Lets time pass; the machine's timers fire on the way.
    fn pass(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(at) = self.wait.filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.act(Session::handle_timeout);
            assert!(self.wait.is_none_or(|at| at > self.now), "the machine waits for what is past");
        }
        self.now = end;
    }

    /// What was said since the last time.
    fn said(&mut self) -> Vec<String> {
        std::mem::take(&mut self.said)
    }

    /// What was told since the last time.
    fn told(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.told)
    }
}

fn json(text: &str) -> &RawValue {
    payload(text).expect("JSON")
}
