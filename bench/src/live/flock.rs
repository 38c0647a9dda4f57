//! Many sessions on one thread, each of which plays a part in some stream.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};

use crate::Outcome;
use crate::raw::{Heard, Link, Out};

/// How many connect at a time.
const AT_ONCE: usize = 100;
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// What a session does with what it hears.
pub(super) trait Part {
    /// What all of them write down together.
    type Tally;

    /// The stream whose room it joins when it is welcome.
    fn stream(&self) -> &str;

    /// The room let it in; `text` is the whole frame.
    fn joined(&mut self, text: &str, out: &mut Speech<'_>, tally: &mut Self::Tally) -> Outcome;

    /// Anything but what keeps a session going.
    fn hear(&mut self, text: &str, out: &mut Speech<'_>, tally: &mut Self::Tally) -> Outcome;
}

/// How a part says something.
pub(super) struct Speech<'a> {
    out: &'a mut Out,
    calls: &'a mut u64,
}

impl Speech<'_> {
    pub(super) fn call(&mut self, method: &str, payload: &str) {
        *self.calls += 1;
        let id = *self.calls;
        // Calls before these have their answer: no part has so many under way.
        let done = id.saturating_sub(WINDOW).max(1);
        let frame = format!(r#"{{"type":"call","id":{id},"method":"{method}","payload":{payload},"done":{done}}}"#);
        self.out.text(frame.as_bytes());
    }
}

const WINDOW: u64 = 64;

struct Session<P> {
    link: Link,
    calls: u64,
    part: P,
}

pub(super) struct Flock<P: Part> {
    poll: Poll,
    events: Events,
    buffer: Box<[u8]>,
    address: SocketAddr,
    sessions: Vec<Session<P>>,
    joined: usize,
    pub(super) tally: P::Tally,
}

impl<P: Part> Flock<P> {
    pub(super) fn new(url: &str, tally: P::Tally) -> Outcome<Self> {
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            buffer: vec![0; 256 * 1024].into(),
            address: url.trim_start_matches("http://").parse()?,
            sessions: Vec::new(),
            joined: 0,
            tally,
        })
    }

    /// Begins to connect one; it joins its stream's room by itself.
    pub(super) fn dial(&mut self, part: P) -> Outcome {
        let to = (self.poll.registry(), Token(self.sessions.len()));
        let link = Link::dial(self.address, "/session", Some("samewire.v1"), to)?;
        self.sessions.push(Session { link, calls: 0, part });
        Ok(())
    }

    /// Connects these, a few at a time, and waits until all of them are in.
    pub(super) fn join(&mut self, parts: impl IntoIterator<Item = P>) -> Outcome {
        let mut parts = parts.into_iter().peekable();
        while parts.peek().is_some() {
            for part in parts.by_ref().take(AT_ONCE) {
                self.dial(part)?;
            }
            self.until("all have joined", |flock| flock.joined == flock.sessions.len())?;
        }
        Ok(())
    }

    pub(super) fn parts(&self) -> impl Iterator<Item = &P> {
        self.sessions.iter().map(|session| &session.part)
    }

    /// Lets one of them say something of its own accord.
    pub(super) fn speak(&mut self, index: usize, say: impl FnOnce(&mut P, &mut Speech<'_>)) -> Outcome {
        let Some(Session { link, calls, part }) = self.sessions.get_mut(index) else { return Ok(()) };
        say(part, &mut Speech { out: &mut link.out, calls });
        link.flush()
    }

    /// Answers what comes until this holds, which is looked at a hundred times a second.
    pub(super) fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) -> Outcome {
        let until = Instant::now() + PATIENCE;
        while !holds(self) {
            self.idle(Duration::from_millis(10))?;
            if Instant::now() > until {
                return Err(format!("not after {PATIENCE:?}: {what}").into());
            }
        }
        Ok(())
    }

    /// Answers what comes, for so long.
    pub(super) fn idle(&mut self, span: Duration) -> Outcome {
        let until = Instant::now() + span;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            self.turn(left)?;
        }
        Ok(())
    }

    /// Answers what has come, or waits for it so long.
    pub(super) fn turn(&mut self, wait: Duration) -> Outcome {
        if let Err(error) = self.poll.poll(&mut self.events, Some(wait))
            && error.kind() != std::io::ErrorKind::Interrupted
        {
            return Err(error.into());
        }
        for event in &self.events {
            let Token(index) = event.token();
            let Session { link, calls, part } = &mut self.sessions[index];
            let (joined, tally, mut outcome) = (&mut self.joined, &mut self.tally, Ok(()));
            let open = link.read(&mut self.buffer, |out, heard| {
                let heard = match heard {
                    Heard::Opened => {
                        out.text(br#"{"type":"hello"}"#);
                        return;
                    }
                    Heard::Text(text) => std::str::from_utf8(text).map_err(Into::into),
                    Heard::Closed(code) => Err(format!("connection {index} is closed with {code}").into()),
                };
                if outcome.is_ok() {
                    outcome = heard.and_then(|text| {
                        *joined += usize::from(text.starts_with(r#"{"type":"joined""#));
                        take(part, text, &mut Speech { out, calls }, tally)
                    });
                }
            })?;
            outcome?;
            if !open {
                return Err(format!("the server hung up on connection {index}").into());
            }
            link.flush()?;
        }
        Ok(())
    }
}

fn take<P: Part>(part: &mut P, text: &str, out: &mut Speech<'_>, tally: &mut P::Tally) -> Outcome {
    let kind = text.strip_prefix(r#"{"type":""#).and_then(|rest| rest.split('"').next()).unwrap_or_default();
    match kind {
        "welcome" => out.out.text(format!(r#"{{"type":"join","room":"live:{}","presence":false}}"#, part.stream()).as_bytes()),
        "ping" => out.out.text(text.replacen("ping", "pong", 1).as_bytes()),
        "joined" => part.joined(text, out, tally)?,
        "failure" | "left" | "goodbye" | "error" => return Err(format!("the server refuses: {text}").into()),
        _ => part.hear(text, out, tally)?,
    }
    Ok(())
}
