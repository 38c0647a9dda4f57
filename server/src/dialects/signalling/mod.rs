//! Signalling by plain JSON at `/ws`: a broadcaster and its viewers, each message with a `type`, a `streamId` and the viewer it is of.

mod hearing;
mod names;
mod party;
mod talk;
mod wire;

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use samewire_protocol::live::{PeerRef, StreamName};
use samewire_protocol::rooms::RoomName;
use samewire_protocol::session::Event;
use samewire_protocol::{CallId, Code, Failure};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use self::names::Names;
use self::party::{Part, Party, Passed};
use self::wire::{Said, Told};
use super::socket::{Desk, Dialect, Word, plain, unreadable, upgrade};
use crate::app::App;
use crate::http::Problem;

pub(super) fn router(app: &Arc<App>) -> Router {
    Router::new().route("/ws", any(connect)).with_state((app.clone(), Names::default()))
}

async fn connect(State((app, names)): State<(Arc<App>, Names)>, request: Request) -> Response {
    let dialect = Signalling { names, parties: HashMap::new(), calls: HashMap::new(), waiting: Vec::new() };
    match super::entry(app.config.dialects.signalling.anonymous, request.uri(), request.headers()) {
        Ok(entry) => upgrade(&app, request, dialect, Some(entry), MOST),
        Err(failure) => Problem::new(&failure).into_response(),
    }
}

/// A description of 64 KiB, of which every byte is escaped.
const MOST: usize = 512 * 1024;

/// Of so many peer connections candidates may wait to be passed on.
const MOST_WAITING: usize = 64;

/// One connection. It may be of several streams at once.
struct Signalling {
    names: Names,
    parties: HashMap<RoomName, Party>,
    calls: HashMap<CallId, Asked>,
    /// Peer connections of which candidates wait to be passed on.
    waiting: Vec<(StreamName, PeerRef)>,
}

/// What was asked of the server.
#[derive(Debug)]
enum Asked {
    Start(StreamName),
    /// The same, of a client that has said since that it leaves.
    StartInVain(StreamName),
    Watch(StreamName),
    Peers(StreamName),
    Renegotiate,
    Stop(StreamName),
    /// Something was said to the other end of a peer connection, of this exchange.
    Signal(StreamName, PeerRef, u32, Kind),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Offer,
    Answer,
    Candidates,
}

impl Dialect for Signalling {
    const NAME: &'static str = "signalling";

    fn hear(&mut self, word: Word, desk: &mut Desk) -> Result<(), Failure> {
        let Word::Text(text) = word else {
            return Err(Failure::new(Code::WrongProtocol, "this format has text frames only, each a JSON object"));
        };
        match Said::read(&text) {
            Ok(said) => self.act(said, desk),
            Err(failure) => say_error(&failure, None, desk),
        }
    }

    fn told(&mut self, event: Event, desk: &mut Desk) -> Result<(), Failure> {
        match event {
            Event::CallSettled { id, result, .. } => match (self.calls.remove(&id), result) {
                (Some(asked), Ok(payload)) => self.answered(asked, &payload, desk),
                (Some(asked), Err(failure)) => self.refused(asked, &failure, desk),
                (None, _) => Ok(()),
            },
            Event::Room(news) => self.heard_of(&news, desk),
            Event::RoomLeft { room, failure: Some(failure) } => {
                let party = self.parties.remove(&room);
                say_error(&failure, party.as_ref().map(|party| &party.stream), desk)
            }
            _ => Ok(()),
        }
    }

    fn rest(&mut self, desk: &mut Desk) -> bool {
        let waiting = std::mem::take(&mut self.waiting);
        let any = !waiting.is_empty();
        waiting.into_iter().for_each(|(stream, peer)| self.pass_candidates(stream, peer, desk));
        any
    }

    fn part(&mut self, failure: &Failure, desk: &mut Desk) -> u16 {
        let _ = say_error(failure, None, desk);
        plain(failure)
    }
}

impl Signalling {
    fn act(&mut self, said: Said, desk: &mut Desk) -> Result<(), Failure> {
        match said {
            Said::BroadcasterReady { stream_id } => {
                self.enter(&stream_id, desk);
                // Whoever was ready last broadcasts, as far as it may.
                let params = json!({"stream": stream_id, "takeover": true, "anew": true});
                self.ask("live/start", &params, Asked::Start(stream_id), desk);
                Ok(())
            }
            Said::JoinStream { stream_id } => {
                self.enter(&stream_id, desk);
                self.watch(stream_id, desk);
                Ok(())
            }
            Said::LeaveStream { stream_id } => {
                self.drop_out(&stream_id, desk);
                Ok(())
            }
            Said::WebrtcOffer { stream_id, viewer_id, offer } => {
                self.say(stream_id, Kind::Offer, desk, |party| party.offer(viewer_id, &offer))
            }
            Said::WebrtcAnswer { stream_id, viewer_id, answer } => {
                self.say(stream_id, Kind::Answer, desk, |party| party.answer(viewer_id, &answer))
            }
            Said::WebrtcIceCandidate { stream_id, viewer_id, candidate } => {
                match self.party(&stream_id).and_then(|party| party.candidate(viewer_id, candidate)) {
                    Ok(Some((peer, true))) => {
                        if self.waiting.last().is_none_or(|(_, last)| *last != peer) {
                            self.waiting.push((stream_id, peer));
                        }
                        if self.waiting.len() >= MOST_WAITING {
                            self.rest(desk);
                        }
                        Ok(())
                    }
                    Ok(Some((peer, false))) => {
                        self.pass_candidates(stream_id, peer, desk);
                        Ok(())
                    }
                    Ok(None) => Ok(()),
                    Err(failure) => say_error(&failure, Some(&stream_id), desk),
                }
            }
        }
    }

    /// Joins the stream's room.
    fn enter(&mut self, stream: &StreamName, desk: &mut Desk) {
        if let Some(guest) = desk.guest() {
            guest.join(stream.room().clone());
        }
        let party = || Party::new(stream.clone(), self.names.clone());
        self.parties.entry(stream.room().clone()).or_insert_with(party);
    }

    /// Asks to be let in, now or when the stream starts.
    fn watch(&mut self, stream: StreamName, desk: &mut Desk) {
        let params = json!({"stream": stream, "wait": true, "anew": true});
        self.ask("live/watch", &params, Asked::Watch(stream), desk);
    }

    fn ask(&mut self, method: &str, params: &Value, asked: Asked, desk: &mut Desk) {
        if let Some(guest) = desk.guest() {
            let call = guest.call(method, params);
            self.calls.insert(call, asked);
        }
    }

    /// Passes on what the client says to another.
    fn say(
        &mut self,
        stream: StreamName,
        kind: Kind,
        desk: &mut Desk,
        message: impl FnOnce(&mut Party) -> Result<Passed, Failure>,
    ) -> Result<(), Failure> {
        // What was said before goes before.
        self.rest(desk);
        match self.party(&stream).and_then(message) {
            Ok(passed) => {
                self.pass(stream, kind, passed, desk);
                Ok(())
            }
            Err(failure) => say_error(&failure, Some(&stream), desk),
        }
    }

    fn party(&mut self, stream: &StreamName) -> Result<&mut Party, Failure> {
        let told = "say `broadcaster-ready` or `join-stream` of this stream first, and wait for its viewers or its offer";
        self.parties.get_mut(stream.room()).ok_or_else(|| Failure::new(Code::NotJoined, told))
    }

    fn pass(&mut self, stream: StreamName, kind: Kind, passed: Passed, desk: &mut Desk) {
        let Passed { peer, round, params } = passed;
        self.ask("live/signal", &params, Asked::Signal(stream, peer, round, kind), desk);
    }

    fn pass_candidates(&mut self, stream: StreamName, peer: PeerRef, desk: &mut Desk) {
        if let Some(passed) = self.parties.get_mut(stream.room()).and_then(|party| party.candidates(peer)) {
            self.pass(stream, Kind::Candidates, passed, desk);
        }
    }

    fn drop_out(&mut self, stream: &StreamName, desk: &mut Desk) {
        let Some(party) = self.parties.remove(stream.room()) else { return };
        let mut starts = false;
        for asked in self.calls.values_mut() {
            if matches!(asked, Asked::Start(started) if started == stream) {
                (*asked, starts) = (Asked::StartInVain(stream.clone()), true);
            }
        }
        if party.part == Part::Broadcaster {
            self.stop(stream, desk);
        } else if !starts {
            self.leave(stream, desk);
        }
    }

    /// Ends a broadcast; the room is left behind it.
    fn stop(&mut self, stream: &StreamName, desk: &mut Desk) {
        self.ask("live/stop", &json!({"stream": stream}), Asked::Stop(stream.clone()), desk);
    }

    /// Leaves a stream's room, unless the client has come in again meanwhile.
    fn leave(&mut self, stream: &StreamName, desk: &mut Desk) {
        if !self.parties.contains_key(stream.room())
            && let Some(guest) = desk.guest()
        {
            guest.leave(stream.room().as_str());
        }
    }
}

fn say(told: &Told<'_>, desk: &mut Desk) -> Result<(), Failure> {
    let text = serde_json::to_string(told).map_err(|_| unreadable())?;
    desk.say(text);
    Ok(())
}

fn say_error(failure: &Failure, stream: Option<&StreamName>, desk: &mut Desk) -> Result<(), Failure> {
    say(&Told::Error { code: &failure.code, message: &failure.message, stream_id: stream }, desk)
}

fn read<T: serde::de::DeserializeOwned>(payload: &RawValue) -> Result<T, Failure> {
    serde_json::from_str(payload.get()).map_err(|_| unreadable())
}
