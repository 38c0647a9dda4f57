//! Methods, and handlers that take their time.
//!
//! Every call names itself by a `tag` in its params, so that what ran can be counted over restarts.

use std::time::Duration;

use samewire_protocol::failure::Ran;
use samewire_protocol::method::names_stream;
use samewire_protocol::{CallId, Code, Failure, SessionId, StreamId};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Due, Held, Phase, Server};
use crate::net::{Happening, Net};

/// What became of the calls with one tag.
#[derive(Debug, Default)]
pub struct Run {
    /// How often the handler was begun.
    pub count: u32,
    /// What it answered, each time that it came so far.
    pub answers: Vec<Result<String, Failure>>,
    /// How often it was stopped by a cancel.
    pub cancelled: u32,
    /// The session that it ran in last.
    pub session: Option<SessionId>,
    /// What the caller said it will wait.
    pub timeout: Option<Duration>,
}

/// A handler that runs.
#[derive(Debug)]
pub(crate) struct Handler {
    method: String,
    params: Value,
    tag: String,
    parts: u64,
    /// The stream that it waits for.
    pub(super) stream: Option<StreamId>,
}

/// What a handler does next.
enum Next {
    Answer(Result<String, Failure>),
    Later(Duration),
    Wait,
}

impl Server {
    pub(super) fn begin(
        &mut self,
        net: &mut Net,
        held: &mut Held,
        id: CallId,
        method: &str,
        params: &str,
        timeout: Option<Duration>,
    ) {
        let params: Value = serde_json::from_str(params).unwrap_or_default();
        let tag = params["tag"].as_str().unwrap_or_default().to_owned();
        if !matches!(method, "echo" | "once" | "fail" | "parts" | "never" | "big" | "bigparts" | "upload" | "peek" | "download")
        {
            let failure = Failure::new(Code::MethodNotFound, "there is no such method");
            held.machine.answer(net.now, id, Err(failure));
            return;
        }
        let run = self.runs.entry(tag.clone()).or_default();
        run.count += 1;
        run.session = Some(held.machine.id());
        run.timeout = timeout;
        let stream = params["stream"].as_str().and_then(|text| text.parse().ok());
        let delay = Duration::from_millis(params["delay"].as_u64().unwrap_or(0));
        if held.handlers.insert(id, Handler { method: method.to_owned(), params, tag, parts: 0, stream }).is_some() {
            self.faults.push(format!("call {id} began while it ran"));
        }
        if delay.is_zero() {
            self.step(net, held, id);
        } else {
            self.later(net, held, id, delay);
        }
    }

    fn later(&self, net: &mut Net, held: &Held, id: CallId, delay: Duration) {
        let due = Due::Step { life: self.life, session: held.machine.id(), id };
        net.at(net.now + delay, Happening::Server(due));
    }

    /// A handler goes on, if it still runs.
    pub(super) fn step(&mut self, net: &mut Net, held: &mut Held, id: CallId) {
        let Some(mut handler) = held.handlers.remove(&id) else { return };
        match self.next(net, held, id, &mut handler) {
            Next::Answer(answer) => {
                self.runs.entry(handler.tag).or_default().answers.push(answer.clone());
                let answer = answer.and_then(|text| {
                    RawValue::from_string(text).map_err(|error| Failure::new(Code::Internal, error.to_string()))
                });
                held.machine.answer(net.now, id, answer);
            }
            Next::Later(delay) => {
                held.handlers.insert(id, handler);
                self.later(net, held, id, delay);
            }
            Next::Wait => drop(held.handlers.insert(id, handler)),
        }
    }

    fn next(&mut self, net: &Net, held: &mut Held, id: CallId, handler: &mut Handler) -> Next {
        match handler.method.as_str() {
            "fail" => Next::Answer(Err(Failure::new(Code::Forbidden, "this is not for you").ran(Ran::Yes))),
            "never" => Next::Wait,
            "big" => Next::Answer(Ok(format!("\"{}\"", "x".repeat(number(&handler.params["size"]))))),
            "parts" | "bigparts" => self.parts(net, held, id, handler),
            "upload" | "peek" => self.on_stream(held, handler),
            "download" => match self.begin_sending(net, held, number(&handler.params["file"])) {
                Some(stream) => Next::Answer(Ok(format!(r#"{{"stream":"{stream}"}}"#))),
                None => Next::Answer(Err(Failure::new(Code::TooManyStreams, "no stream can be opened").ran(Ran::Yes))),
            },
            _ => Next::Answer(Ok(handler.params.to_string())),
        }
    }

    fn parts(&mut self, net: &Net, held: &mut Held, id: CallId, handler: &mut Handler) -> Next {
        let count = handler.params["count"].as_u64().unwrap_or(0);
        let every = handler.params["every"].as_u64().unwrap_or(0);
        while handler.parts < count {
            match held.machine.part_room(id) {
                None => return Next::Wait,
                Some(0) => return Next::Wait,
                Some(_) => {}
            }
            let text = match handler.method.as_str() {
                "bigparts" => format!("\"{}\"", "x".repeat(number(&handler.params["size"]))),
                _ => handler.parts.to_string(),
            };
            let part = RawValue::from_string(text);
            if !part.is_ok_and(|part| held.machine.part(net.now, id, &part)) {
                self.faults.push(format!("call {id} had room for a part, and could not send it"));
            }
            handler.parts += 1;
            if every > 0 {
                return Next::Later(Duration::from_millis(every));
            }
        }
        Next::Answer(Ok(count.to_string()))
    }

    fn on_stream(&mut self, held: &Held, handler: &Handler) -> Next {
        let stored = handler.stream.and_then(|id| self.streams.get(&(held.owner.clone(), id)));
        let Some(stored) = stored.filter(|stored| stored.session == held.machine.id()) else {
            return Next::Answer(Err(Failure::new(Code::StreamNotFound, "there is no such stream").ran(Ran::Yes)));
        };
        let answer =
            |size, first: Option<&u8>| Next::Answer(Ok(format!(r#"{{"first":{},"size":{size}}}"#, first.unwrap_or(&0))));
        match stored.phase {
            _ if handler.method == "peek" => answer(stored.durable, stored.content.first()),
            Phase::Whole(size, _) => answer(size, stored.content.first()),
            _ => Next::Wait,
        }
    }

    pub(super) fn cancelled(&mut self, held: &mut Held, id: CallId) {
        if let Some(handler) = held.handlers.remove(&id) {
            self.stopped(&handler);
        }
    }

    pub(super) fn stopped(&mut self, handler: &Handler) {
        self.runs.entry(handler.tag.clone()).or_default().cancelled += 1;
    }

    /// A call over HTTP: what names a stream is answered only inside the session whose ticket the call carries.
    pub fn http(
        &mut self,
        net: &Net,
        token: &str,
        ticket: Option<&str>,
        method: &str,
        params: &str,
    ) -> Result<String, Failure> {
        let misdirected = || Failure::new(Code::Misdirected, "call this over the session that owns the stream");
        let params_value: Value = serde_json::from_str(params).unwrap_or_default();
        let stream = params_value["stream"].as_str().and_then(|text| text.parse().ok());
        let tag = params_value["tag"].as_str().unwrap_or_default().to_owned();
        let handler = Handler { method: method.to_owned(), params: params_value, tag, parts: 0, stream };
        if !names_stream(params) && matches!(method, "echo" | "once" | "fail") {
            self.runs.entry(handler.tag.clone()).or_default().count += 1;
            return Ok(handler.params.to_string());
        }
        let session =
            ticket.and_then(|ticket| ticket.split_once('|')).filter(|(_, rest)| rest.rsplit('|').next() == Some(token));
        let session = session.and_then(|(session, _)| session.parse::<SessionId>().ok()).ok_or_else(misdirected)?;
        let mut held = self.sessions.remove(&session).ok_or_else(misdirected)?;
        self.runs.entry(handler.tag.clone()).or_default().count += 1;
        let mut handler = handler;
        let next = self.next(net, &mut held, CallId(0), &mut handler);
        self.sessions.insert(session, held);
        match next {
            Next::Answer(answer) => answer,
            Next::Later(_) | Next::Wait => {
                Err(Failure::new(Code::Internal, "the model answers over HTTP at once or not at all"))
            }
        }
    }
}

fn number(value: &Value) -> usize {
    value.as_u64().and_then(|number| usize::try_from(number).ok()).unwrap_or(0)
}
