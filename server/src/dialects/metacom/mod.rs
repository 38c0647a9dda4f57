//! Metacom, the protocol of npm `metacom`, at `/api`: over a WebSocket, and over HTTP what needs none.
//!
//! Its packets have no offsets, no acknowledgement and no credit. So a client is held back by its socket alone, the size that it
//! declared is what it is held to, and nothing that is wrong with a stream is ever said as the answer to a call.

mod calls;
mod downloads;
mod files;
mod form;
mod http;
mod methods;
mod packet;
mod rooms;
mod session;
mod uploads;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use bytes::Bytes;
use samewire_protocol::session::Event;
use samewire_protocol::streams::StreamSpec;
use samewire_protocol::{CallId, Code, Failure, StreamNo};
use serde_json::json;
use serde_json::value::RawValue;

use self::calls::Asked;
use self::downloads::{Downloads, Outlet};
use self::form::{Form, number};
use self::packet::{PING, Packet, StreamWord};
use self::rooms::{Rooms, Told};
use self::session::{Coming, Standing, anybody, credential};
use self::uploads::{Stray, Uploads};
use super::guest::Entry;
use super::socket::{Desk, Dialect, Word, upgrade};
use crate::app::App;
use crate::config::Config;
use crate::http::Problem;
use crate::pieces::LARGEST as LARGEST_PIECE;
use crate::session::SessionKey;
use crate::websocket::is_asked_for;

pub(crate) use http::layer;

pub(super) fn router(app: &Arc<App>) -> Router {
    Router::new().route("/api", any(api)).route("/api/{unit}/{method}", any(http::call)).with_state(app.clone())
}

async fn api(State(app): State<Arc<App>>, request: Request) -> Response {
    if !is_asked_for(request.headers()) {
        return http::packet(&app, request).await;
    }
    let settings = &app.config.dialects.metacom;
    let (entry, coming) = match who(&app, request.uri(), request.headers()) {
        Ok(Shown::Nothing) => (anybody(settings.anonymous), Coming::First),
        Ok(Shown::Token(token)) => (credential(&app, token), Coming::First),
        Ok(Shown::Cookie(token)) => (credential(&app, token), Coming::WithCookie),
        Err(failure) => return Problem::new(&failure).into_response(),
    };
    let most = usize::try_from(app.config.limits.max_text).unwrap_or(usize::MAX).max(LARGEST_PIECE);
    let dialect = Metacom::new(settings.anonymous, app.config.limits.max_calls, coming);
    upgrade(&app, request, dialect, Some(entry), most)
}

/// A token that comes with a request for a WebSocket.
enum Shown {
    Nothing,
    /// In the address or the header.
    Token(String),
    Cookie(String),
}

fn who(app: &App, uri: &Uri, headers: &HeaderMap) -> Result<Shown, Failure> {
    Ok(match super::entry(false, uri, headers)? {
        Entry::Token(Some(token)) => Shown::Token(token),
        _ if crate::http::origin::allowed(&app.config, headers).is_ok() => {
            http::cookie(headers).map_or(Shown::Nothing, Shown::Cookie)
        }
        _ => Shown::Nothing,
    })
}

/// One connection.
struct Metacom {
    form: Form,
    /// Whether its clients need no token.
    anonymous: bool,
    /// How many calls may be under way.
    most_calls: usize,
    standing: Standing,
    coming: Coming,
    /// The session that what follows is of.
    session: Option<SessionKey>,
    /// A call is under way that may say who the client is. What comes behind it is heard as theirs.
    signing: bool,
    /// The call of somebody who has not signed in.
    asking: Option<u64>,
    calls: HashMap<CallId, Asked>,
    /// Calls that are answered as soon as the server takes a stream, by its number.
    early: HashMap<i32, CallId>,
    uploads: Uploads,
    downloads: Downloads,
    rooms: Rooms,
}

impl Metacom {
    fn new(anonymous: bool, most_calls: usize, coming: Coming) -> Self {
        Self {
            form: Form::default(),
            anonymous,
            most_calls,
            standing: Standing::Nobody(crate::auth::unauthenticated()),
            coming,
            session: None,
            signing: false,
            asking: None,
            calls: HashMap::new(),
            early: HashMap::new(),
            uploads: Uploads::default(),
            downloads: Downloads::default(),
            rooms: Rooms::default(),
        }
    }

    fn text(&mut self, text: &str, desk: &mut Desk) -> Result<(), Failure> {
        let (form, packet) = packet::read(text)?;
        self.form = form.unwrap_or(self.form);
        match packet {
            Packet::Ping => desk.say(PING.to_owned()),
            Packet::Call(call) => self.call(call, desk),
            Packet::Stream(no, word) => self.stream(no, word, desk)?,
        }
        Ok(())
    }

    fn stream(&mut self, no: i32, word: StreamWord, desk: &mut Desk) -> Result<(), Failure> {
        if let (StreamWord::Terminate, Some(stream)) = (&word, self.downloads.find(no)) {
            let (client, now) = self.guest(desk)?.client();
            client.abort(now, stream, Failure::new(Code::Canceled, "the client wants no more of this stream"));
            return Ok(());
        }
        if matches!(word, StreamWord::Open { .. }) && self.uploads.has(no) {
            // Nothing is said of the stream by its number: the first of that number goes on.
            return Err(Failure::new(Code::BadNumber, format!("stream {no} is open already: give each its own number")));
        }
        let checked = self.check();
        let Some(guest) = desk.guest() else {
            let stray = self.uploads.stray(no);
            let failure = if let StreamWord::Open { .. } = word { checked.err() } else { stray.map(|Stray(failure)| failure) };
            failure.iter().for_each(|failure| self.tell_failed(no, failure, desk));
            return Ok(());
        };
        let outcome = match word {
            StreamWord::Open { name, size } => checked.and_then(|()| self.uploads.open(no, name, size, guest)).map(|()| None),
            StreamWord::End => self.uploads.end(no, guest),
            StreamWord::Terminate => {
                let failure = Failure::new(Code::Canceled, "the client gave this stream up");
                self.uploads.give_up(no, &failure, guest);
                return Ok(());
            }
        };
        self.heard_of(no, outcome, desk);
        Ok(())
    }

    /// What came of something about a stream.
    fn heard_of(&mut self, no: i32, outcome: Result<Option<Stray>, Failure>, desk: &mut Desk) {
        match outcome {
            Ok(None) => {}
            Ok(Some(Stray(failure))) => self.tell_failed(no, &failure, desk),
            Err(failure) => self.fell(no, &failure, desk),
        }
    }

    /// A stream of the client comes to nothing.
    fn fell(&mut self, no: i32, failure: &Failure, desk: &mut Desk) {
        if let Some(guest) = desk.guest() {
            self.uploads.give_up(no, failure, guest);
        }
        self.tell_failed(no, failure, desk);
    }

    /// Says that a stream came to nothing: in the format's own way, of which a client makes nothing, and as an event that it can hear.
    fn tell_failed(&self, no: i32, failure: &Failure, desk: &mut Desk) {
        desk.say(self.form.status(no, "terminate"));
        let Failure { code, message, .. } = failure;
        let data = json!({"streamId": no, "code": number(failure), "reason": code, "message": message});
        desk.say(self.form.event("files/failed", &data.to_string()));
    }

    /// The server begins a stream.
    fn opened(&mut self, stream: StreamNo, spec: &StreamSpec, desk: &mut Desk) {
        let Some(size) = spec.size else {
            return desk.give_up(stream, Failure::new(Code::BadParams, "a stream of this format has a size"));
        };
        match self.downloads.opened(stream, spec, size) {
            Ok(no) => {
                let name = spec.name.as_deref().filter(|name| !name.is_empty()).unwrap_or("stream");
                desk.say(self.form.open(no, name, size));
            }
            Err(failure) => desk.give_up(stream, failure),
        }
    }

    /// Says of streams to the client what there is room for.
    fn flow(&mut self, desk: &mut Desk) -> bool {
        let is_behind = desk.is_held_up();
        if is_behind {
            self.downloads.cut(desk);
        }
        let before = self.downloads.said();
        for no in self.downloads.flow(desk) {
            desk.say(self.form.status(no, "end"));
        }
        is_behind || self.downloads.said() != before
    }

    fn tell(&self, told: Told, failure: Option<&Failure>, desk: &mut Desk) {
        match (told, failure) {
            (Told::Answers(calls, state), _) => calls.into_iter().for_each(|no| desk.say(self.form.result(no, &state))),
            (Told::Refused(calls), Some(failure)) => calls.into_iter().for_each(|no| self.fail(no, failure, desk)),
            (Told::Event(name, data), _) => desk.say(self.form.event(&name, &data)),
            (Told::Refused(_), None) | (Told::Nothing, _) => {}
        }
    }
}

impl Dialect for Metacom {
    const NAME: &'static str = "metacom";
    // A `Blob` of any size may come as one chunk.
    const IN_PIECES: bool = true;

    fn hear(&mut self, word: Word, desk: &mut Desk) -> Result<(), Failure> {
        let heard = match word {
            Word::Text(text) => self.text(&text, desk),
            Word::Binary(frame) => packet::chunk(frame).map(|(no, bytes)| {
                let outcome = match desk.guest() {
                    Some(guest) => self.uploads.chunk(no, bytes, guest),
                    None => Ok(self.uploads.stray(no)),
                };
                self.heard_of(no, outcome, desk);
            }),
        };
        if let Err(failure) = heard {
            desk.say(self.form.error(None, &failure));
        }
        self.flow(desk);
        Ok(())
    }

    fn listens(&self) -> bool {
        self.uploads.listens() && !self.is_busy() && !self.signing
    }

    fn entered(&mut self, outcome: Result<(), Failure>, desk: &mut Desk) -> Result<(), Failure> {
        self.came(outcome, desk)
    }

    fn done(&mut self, result: Result<Box<RawValue>, Failure>, desk: &mut Desk) -> Result<(), Failure> {
        self.answered(result, desk);
        Ok(())
    }

    fn patience(config: &Config) -> Duration {
        config.dialects.metacom.sign_in_timeout
    }

    fn told(&mut self, event: Event, desk: &mut Desk) -> Result<(), Failure> {
        match event {
            Event::CallSettled { id, result, .. } => self.settled(id, result, desk),
            Event::Want(want) => {
                let no = desk.guest().and_then(|guest| self.uploads.wants(want, guest));
                if let Some(no) = no {
                    self.answer_early(no, desk);
                }
            }
            Event::StreamOpened { stream, spec } => self.opened(stream, &spec, desk),
            Event::Data { stream, bytes, .. } => self.downloads.data(stream, bytes),
            Event::StreamFinished { stream, .. } => {
                self.uploads.finished(stream);
                self.downloads.finished(stream, desk);
            }
            Event::StreamAborted { stream, failure } => {
                let no = self.uploads.aborted(stream, &failure).or_else(|| self.downloads.aborted(stream, desk));
                if let Some(no) = no {
                    self.tell_failed(no, &failure, desk);
                }
            }
            Event::Room(news) => {
                let told = self.rooms.news(&news)?;
                self.tell(told, None, desk);
            }
            Event::RoomLeft { room, failure: Some(failure) } => {
                let told = self.rooms.left(&room, &failure)?;
                self.tell(told, Some(&failure), desk);
            }
            Event::ServerError(failure) => desk.say(self.form.error(None, &failure)),
            _ => {}
        }
        self.flow(desk);
        Ok(())
    }

    fn rest(&mut self, desk: &mut Desk) -> bool {
        self.flow(desk)
    }

    fn gone(&mut self, desk: &mut Desk) {
        let told = "the connection that sent the stream is gone, and its format cannot say where to go on; send it anew";
        self.uploads.let_go(desk.app(), &Failure::new(Code::StreamAborted, told));
        self.downloads.let_go(desk);
    }
}

impl Outlet for Desk {
    fn part(&mut self, bytes: Bytes, is_last: bool) {
        self.say_part(bytes, is_last);
    }

    fn is_full(&self) -> bool {
        Desk::is_full(self)
    }

    fn used(&mut self, stream: StreamNo, offset: u64) {
        if let Some(guest) = self.guest() {
            let (client, now) = guest.client();
            client.consume(now, stream, offset);
        }
    }

    fn give_up(&mut self, stream: StreamNo, failure: Failure) {
        if let Some(guest) = self.guest() {
            let (client, now) = guest.client();
            client.abort(now, stream, failure);
        }
    }
}
