//! Calls of a client: to the server's methods, with the numbers of streams in the places of their ids, and those to this format's own.

use std::collections::BTreeMap;
use std::slice;

use samewire_protocol::method::names_stream;
use samewire_protocol::session::JoinRequest;
use samewire_protocol::{CallId, Code, Failure, FileId, StreamId};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use super::Metacom;
use super::files::{Search, stored, with_link};
use super::http::anonymous;
use super::methods::{self, Own, RoomArgs, Target};
use super::packet::Call;
use super::rooms::Join;
use crate::calls::{Registered, run_over_http};
use crate::dialects::guest::Guest;
use crate::dialects::socket::Desk;

/// What was asked of the session, and for which call of the client.
#[derive(Debug)]
pub(super) enum Asked {
    /// The call itself, which names these streams. `signs_in`: its result may begin a session; `streams`: may name streams.
    Call { no: u64, named: Vec<i32>, signs_in: bool, streams: bool },
    /// A file of a stream, under this name, for these calls. `early`: one was answered before the bytes came.
    Upload { calls: Vec<u64>, stream: i32, name: Option<String>, early: bool },
    /// Which file has this name.
    Find { no: u64, search: Search },
    /// A stream with a file's content, or a part of it.
    Open { no: u64, id: FileId, part: Option<String> },
    /// Something behind which the streams come that an answer names; those of this file's content.
    Fence { no: u64, result: Value, file: Option<(FileId, Option<String>)> },
    /// An address of a file whose content does not go to the client, for this reason.
    Link { no: u64, failure: Failure },
}

impl Asked {
    /// The client's calls that wait for this.
    pub(super) fn calls(&self) -> &[u64] {
        match self {
            Self::Call { no, .. }
            | Self::Find { no, .. }
            | Self::Open { no, .. }
            | Self::Fence { no, .. }
            | Self::Link { no, .. } => slice::from_ref(no),
            Self::Upload { calls, .. } => calls,
        }
    }

    /// The streams of the client without which this is not done.
    fn named(&self) -> &[i32] {
        match self {
            Self::Call { named, .. } => named,
            Self::Upload { stream, .. } => slice::from_ref(stream),
            Self::Find { .. } | Self::Open { .. } | Self::Fence { .. } | Self::Link { .. } => &[],
        }
    }
}

impl Metacom {
    /// A call. What is wrong with it is its answer.
    pub(super) fn call(&mut self, call: Call, desk: &mut Desk) {
        let no = call.no;
        if let Err(failure) = self.make(call, desk) {
            self.fail(no, &failure, desk);
        }
    }

    fn make(&mut self, call: Call, desk: &mut Desk) -> Result<(), Failure> {
        let app = desk.app().clone();
        if !methods::is_public(&call.method) {
            self.check()?;
        }
        if self.is_full() {
            let told = format!(
                "this connection has {} calls under way, as many as it may, and some of them wait for streams of its own",
                self.most_calls
            );
            return Err(Failure::new(Code::TooManyCalls, told));
        }
        match methods::find(&app, &call.method)? {
            Target::Own(Own::Introspect) => {
                let access = if self.check().is_ok() { desk.guest().map(|guest| guest.access()) } else { None };
                let units = methods::introspect(&app, &call.args, access.as_deref())?;
                desk.say(self.form.result(call.no, &units));
                Ok(())
            }
            Target::Own(Own::Upload) => self.upload(&call, desk),
            Target::Own(Own::Download) => self.download(&call, desk),
            Target::Own(Own::Join) => self.join(&call, desk),
            Target::Own(Own::Leave) => {
                let RoomArgs { room } = methods::args(&call.args)?;
                let waiting = self.rooms.leave(&room);
                self.guest(desk)?.leave(room.as_str());
                for no in waiting {
                    self.fail(no, &Failure::new(Code::Canceled, "the client left the room meanwhile"), desk);
                }
                desk.say(self.form.result(call.no, "true"));
                Ok(())
            }
            Target::Own(own @ (Own::Restore | Own::Status | Own::SignOut)) => self.sign(own, &call, desk),
            Target::Server(registered) => {
                let streams = methods::needs_socket(&Target::Server(registered));
                let (args, named) =
                    if streams { self.with_streams(&call.args, registered.fields)? } else { (call.args, Vec::new()) };
                if self.check().is_err() {
                    return self.ask_as_nobody(call.no, registered, args, desk);
                }
                let id = self.guest(desk)?.call(&registered.info.name, &args);
                let signs_in = methods::signs_in(&call.method) && !streams;
                self.signing |= signs_in;
                self.calls.insert(id, Asked::Call { no: call.no, named, signs_in, streams });
                Ok(())
            }
        }
    }

    fn is_full(&self) -> bool {
        self.calls.len() + self.rooms.waiting() >= self.most_calls
    }

    /// Whether another call has to wait until one is done. Where one of them waits for bytes that are behind it, it may not.
    pub(super) fn is_busy(&self) -> bool {
        let waits_for_bytes = |asked: &Asked| asked.named().iter().any(|stream| self.uploads.is_on_its_way(*stream));
        self.is_full() && !self.calls.values().any(waits_for_bytes)
    }

    /// A call of somebody who has not signed in. It runs as over HTTP: there is no session.
    fn ask_as_nobody(&mut self, no: u64, method: &Registered, args: Box<RawValue>, desk: &mut Desk) -> Result<(), Failure> {
        if methods::needs_socket(&Target::Server(method)) || names_stream(args.get()) {
            self.check()?;
        }
        let (app, access, method) = (desk.app().clone(), anonymous()?, method.info.name.clone());
        self.asking = Some(no);
        desk.run(Box::pin(async move {
            let result = run_over_http(&app, &method, args, access, None, None).await;
            app.metrics.answered(&result);
            result
        }));
        Ok(())
    }

    /// What somebody asked who had not signed in is answered; they may have.
    pub(super) fn answered(&mut self, result: Result<Box<RawValue>, Failure>, desk: &mut Desk) {
        let Some(no) = self.asking.take() else { return };
        match result {
            Ok(result) if self.signs_in(no, &result, desk) => {}
            Ok(result) => desk.say(self.form.result(no, result.get())),
            Err(failure) => self.fail(no, &failure, desk),
        }
    }

    /// The args, with the ids of streams where the client has their numbers.
    fn with_streams(&mut self, args: &RawValue, fields: &[&str]) -> Result<(Box<RawValue>, Vec<i32>), Failure> {
        let Ok(mut members) = serde_json::from_str::<BTreeMap<String, Box<RawValue>>>(args.get()) else {
            return Ok((args.to_owned(), Vec::new()));
        };
        let bad = |error: serde_json::Error| Failure::new(Code::BadParams, error.to_string());
        let mut named = Vec::new();
        for key in ["streamId", "stream"] {
            let Some(number) = members.get(key).filter(|value| is_number(value)) else { continue };
            let no = stream_no(number)?;
            let id = self.uploads.name(no)?.id;
            members.remove(key);
            let place = if fields.contains(&"stream") { "stream" } else { key };
            members.insert(place.to_owned(), to_raw_value(&id).map_err(bad)?);
            named.push(no);
        }
        Ok((to_raw_value(&members).map_err(bad)?, named))
    }

    fn join(&mut self, call: &Call, desk: &mut Desk) -> Result<(), Failure> {
        let RoomArgs { room } = methods::args(&call.args)?;
        match self.rooms.join(&room, call.no) {
            Join::Asked => {}
            Join::Ask => {
                let (client, now) = self.guest(desk)?.client();
                client.join(now, JoinRequest { room, presence: false, info: None });
            }
            Join::In => {
                let asked = self.guest(desk)?.call("rooms/state", &json!({"room": room}));
                let asked_for = Asked::Call { no: call.no, named: Vec::new(), signs_in: false, streams: false };
                self.calls.insert(asked, asked_for);
            }
        }
        Ok(())
    }

    /// The session answers.
    pub(super) fn settled(&mut self, id: CallId, result: Result<Box<RawValue>, Failure>, desk: &mut Desk) {
        let Some(asked) = self.calls.remove(&id) else { return };
        self.signing &= !matches!(asked, Asked::Call { signs_in: true, .. });
        match (asked, result) {
            (Asked::Fence { no, mut result, file }, _) => match (self.refusal(&result).cloned(), file) {
                (None, _) => {
                    self.number_streams(&mut result);
                    desk.say(self.form.result(no, &result.to_string()));
                }
                (Some(failure), None) => self.fail(no, &failure, desk),
                (Some(failure), Some((id, part))) => self.offer_link(no, id, part, failure, desk),
            },
            (Asked::Link { no, failure }, link) => self.fail(no, &with_link(failure, link.ok()), desk),
            (Asked::Open { no, .. } | Asked::Find { no, .. }, Err(failure)) => self.fail(no, &failure, desk),
            (Asked::Open { no, id, part }, Ok(result)) => self.answer_with_streams(no, &result, Some((id, part)), desk),
            (Asked::Call { no, named, .. }, Err(failure)) => {
                named.iter().for_each(|stream| self.uploads.settled(*stream, false));
                self.fail(no, &failure, desk);
            }
            (Asked::Call { no, named, signs_in, streams }, Ok(result)) => {
                named.iter().for_each(|stream| self.uploads.settled(*stream, true));
                if streams {
                    self.answer_with_streams(no, &result, None, desk);
                } else if !(signs_in && self.signs_in(no, &result, desk)) {
                    desk.say(self.form.result(no, result.get()));
                }
            }
            (Asked::Upload { calls, stream, early, .. }, Err(failure)) => {
                self.early.remove(&stream);
                calls.into_iter().for_each(|no| self.fail(no, &failure, desk));
                if !early {
                    self.uploads.settled(stream, false);
                } else if self.uploads.has(stream) {
                    self.fell(stream, &failure, desk);
                }
            }
            (Asked::Upload { calls, stream, early, .. }, Ok(result)) => {
                self.uploads.settled(stream, true);
                self.early.remove(&stream);
                let stored = stored(stream, &result);
                calls.into_iter().for_each(|no| desk.say(self.form.result(no, &stored)));
                if early {
                    desk.say(self.form.event("files/uploaded", &stored));
                }
            }
            (Asked::Find { no, search }, Ok(list)) => {
                if let Err(failure) = self.found(no, search, &list, desk) {
                    self.fail(no, &failure, desk);
                }
            }
        }
    }

    /// The answer that names streams waits until they are begun.
    fn answer_with_streams(&mut self, no: u64, result: &RawValue, file: Option<(FileId, Option<String>)>, desk: &mut Desk) {
        let Ok(mut value) = serde_json::from_str::<Value>(result.get()) else {
            return desk.say(self.form.result(no, result.get()));
        };
        if self.number_streams(&mut value) {
            return desk.say(self.form.result(no, &value.to_string()));
        }
        if let Some(guest) = desk.guest() {
            let fence = guest.call("system/echo", &());
            self.calls.insert(fence, Asked::Fence { no, result: value, file });
        }
    }

    /// Why a stream does not go to the client that a result names.
    fn refusal(&self, value: &Value) -> Option<&Failure> {
        match value {
            Value::String(text) => text.parse().ok().and_then(|id| self.downloads.refusal(id)),
            Value::Array(values) => values.iter().find_map(|value| self.refusal(value)),
            Value::Object(members) => members.values().find_map(|value| self.refusal(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => None,
        }
    }

    /// Puts the numbers of streams in the places of their ids. Whether all are known.
    fn number_streams(&self, value: &mut Value) -> bool {
        let mut known = true;
        match value {
            Value::String(text) => {
                if let Ok(id) = text.parse::<StreamId>() {
                    match self.downloads.number(id).or_else(|| self.uploads.number(id)) {
                        Some(no) => *value = no.into(),
                        None => known = false,
                    }
                }
            }
            Value::Array(values) => values.iter_mut().for_each(|value| known &= self.number_streams(value)),
            Value::Object(members) => {
                members.values_mut().for_each(|value| known &= self.number_streams(value));
                if let Some(no) = members.get("stream").filter(|stream| stream.is_i64()).cloned() {
                    members.entry("streamId").or_insert(no);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
        known
    }

    pub(super) fn guest<'a>(&self, desk: &'a mut Desk) -> Result<&'a mut Guest, Failure> {
        desk.guest().ok_or_else(|| Failure::new(Code::Unauthenticated, "nobody has come in over this connection yet"))
    }

    pub(super) fn fail(&self, no: u64, failure: &Failure, desk: &mut Desk) {
        desk.say(self.form.error(Some(no), failure));
    }
}

fn is_number(value: &RawValue) -> bool {
    value.get().starts_with(|first: char| first == '-' || first.is_ascii_digit())
}

/// The number of a stream. Whatever else it is, it is not read.
pub(super) fn stream_no(value: &RawValue) -> Result<i32, Failure> {
    value.get().parse().map_err(|_| {
        Failure::new(Code::BadParams, "`streamId` is the number that the client gave the stream: an uploader's `id`")
    })
}
