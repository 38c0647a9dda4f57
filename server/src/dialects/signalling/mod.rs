//! Signalling by plain JSON at `/ws`: a broadcaster and its viewers, each message with a `type`, a `streamId` and the viewer it is of.

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
use samewire_protocol::live::methods::{PeerList, Started, Watched};
use samewire_protocol::live::{EndReason, LiveEvent, LiveSignal, PeerRef, StreamName};
use samewire_protocol::rooms::{RoomEvent, RoomName};
use samewire_protocol::session::{Event, RoomNews, RoomNewsKind};
use samewire_protocol::{CallId, Code, Failure};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use self::names::Names;
use self::party::{Part, Party, Passed};
use self::wire::{Said, Told};
use super::socket::{Desk, Dialect, Word, plain, upgrade};
use crate::app::App;
use crate::http::Problem;

pub(super) fn router(app: &Arc<App>) -> Router {
    Router::new().route("/ws", any(connect)).with_state((app.clone(), Names::default()))
}

async fn connect(State((app, names)): State<(Arc<App>, Names)>, request: Request) -> Response {
    let dialect = Signalling { names, parties: HashMap::new(), calls: HashMap::new() };
    match super::entry(app.config.dialects.signalling.anonymous, request.uri(), request.headers()) {
        Ok(entry) => upgrade(&app, request, dialect, Some(entry), MOST),
        Err(failure) => Problem::new(&failure).into_response(),
    }
}

/// A description of 64 KiB, of which every byte is escaped.
const MOST: usize = 512 * 1024;

/// One connection. It may be of several streams at once.
struct Signalling {
    names: Names,
    parties: HashMap<RoomName, Party>,
    calls: HashMap<CallId, Asked>,
}

/// What was asked of the server.
#[derive(Debug)]
enum Asked {
    Start(StreamName),
    Watch(StreamName),
    Peers(StreamName),
    Renegotiate,
    /// Something was said to the other end of a peer connection.
    Signal(StreamName, PeerRef, Kind),
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
                self.say(stream_id, Kind::Offer, desk, |party| party.offer(viewer_id, &offer).map(Some))
            }
            Said::WebrtcAnswer { stream_id, viewer_id, answer } => {
                self.say(stream_id, Kind::Answer, desk, |party| party.answer(viewer_id, &answer).map(Some))
            }
            Said::WebrtcIceCandidate { stream_id, viewer_id, candidate } => {
                self.say(stream_id, Kind::Candidates, desk, |party| party.candidate(viewer_id, candidate))
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
        message: impl FnOnce(&mut Party) -> Result<Option<Passed>, Failure>,
    ) -> Result<(), Failure> {
        let told = "say `broadcaster-ready` or `join-stream` of this stream first, and wait for its viewers or its offer";
        let passed = match self.parties.get_mut(stream.room()) {
            Some(party) => message(party),
            None => Err(Failure::new(Code::NotJoined, told)),
        };
        match passed {
            Ok(passed) => {
                self.pass(stream, kind, passed, desk);
                Ok(())
            }
            Err(failure) => say_error(&failure, Some(&stream), desk),
        }
    }

    fn pass(&mut self, stream: StreamName, kind: Kind, passed: Option<Passed>, desk: &mut Desk) {
        if let Some(Passed { peer, params }) = passed {
            self.ask("live/signal", &params, Asked::Signal(stream, peer, kind), desk);
        }
    }

    fn drop_out(&mut self, stream: &StreamName, desk: &mut Desk) {
        let Some(party) = self.parties.remove(stream.room()) else { return };
        let Some(guest) = desk.guest() else { return };
        if party.part == Part::Broadcaster {
            // The room is left behind it. Where it is over already, nothing is to be said.
            guest.call("live/stop", &json!({"stream": stream}));
        }
        guest.leave(stream.room().as_str());
    }

    fn answered(&mut self, asked: Asked, payload: &RawValue, desk: &mut Desk) -> Result<(), Failure> {
        match asked {
            Asked::Start(stream) => {
                let Started { peers, .. } = read(payload)?;
                let Some(party) = self.parties.get_mut(stream.room()) else { return Ok(()) };
                party.becomes(Part::Broadcaster);
                party.has_viewers(peers, desk)
            }
            Asked::Peers(stream) => {
                let PeerList { peers } = read(payload)?;
                let Some(party) = self.parties.get_mut(stream.room()) else { return Ok(()) };
                party.has_viewers(peers, desk)
            }
            Asked::Watch(stream) => {
                let Watched { viewer, negotiation, .. } = read(payload)?;
                let Some(party) = self.parties.get_mut(stream.room()) else { return Ok(()) };
                party.becomes(Part::Viewer);
                if let (Some(viewer), Some(negotiation)) = (viewer, negotiation) {
                    party.is_let_in(viewer, negotiation);
                }
                Ok(())
            }
            Asked::Signal(stream, peer, Kind::Candidates) => {
                self.go_on(stream, peer, desk);
                Ok(())
            }
            Asked::Signal(..) | Asked::Renegotiate => Ok(()),
        }
    }

    fn refused(&mut self, asked: Asked, failure: &Failure, desk: &mut Desk) -> Result<(), Failure> {
        match asked {
            Asked::Start(stream) | Asked::Watch(stream) => {
                // Where the room was left, that was told.
                let Some(party) = self.parties.get(stream.room()) else { return Ok(()) };
                if !party.is_in() {
                    self.drop_out(&stream, desk);
                }
                say_error(failure, Some(&stream), desk)
            }
            Asked::Signal(stream, peer, kind) => {
                if let Some(party) = self.parties.get_mut(stream.room()) {
                    if kind == Kind::Answer {
                        party.answer_lost(peer);
                    }
                    if failure.code == Code::PeerNotFound {
                        party.lost_viewer(peer.viewer, desk)?;
                    }
                }
                if kind == Kind::Candidates {
                    self.go_on(stream.clone(), peer, desk);
                }
                match failure.code {
                    // Another connection has taken this one's place, of which the client hears in a moment.
                    Code::StaleNegotiation => Ok(()),
                    _ => say_error(failure, Some(&stream), desk),
                }
            }
            // The other end asks again.
            Asked::Renegotiate => Ok(()),
            Asked::Peers(stream) => say_error(failure, Some(&stream), desk),
        }
    }

    /// Passes on the candidates behind those that were.
    fn go_on(&mut self, stream: StreamName, peer: PeerRef, desk: &mut Desk) {
        let next = self.parties.get_mut(stream.room()).and_then(|party| party.next_candidates(peer));
        self.pass(stream, Kind::Candidates, next, desk);
    }

    fn heard_of(&mut self, news: &RoomNews, desk: &mut Desk) -> Result<(), Failure> {
        if !self.parties.contains_key(&news.room) {
            return Ok(());
        }
        let read = || serde_json::from_str::<RoomEvent>(&news.text).map_err(|_| unreadable());
        match news.kind {
            RoomNewsKind::Event => {
                let event = read()?;
                let payload = event.payload.as_deref().map_or("null", RawValue::get);
                match LiveEvent::read(event.name.as_str(), payload).map_err(|_| unreadable())? {
                    Some(LiveEvent::Ended(ended)) => self.ended(&news.room, ended.reason, desk),
                    _ => Ok(()),
                }
            }
            RoomNewsKind::Signal => {
                let event = read()?;
                let payload = event.payload.as_deref().map_or("null", RawValue::get);
                let signal = LiveSignal::read(event.name.as_str(), payload).map_err(|_| unreadable())?;
                signal.map_or(Ok(()), |signal| self.signalled(&news.room, signal, desk))
            }
            RoomNewsKind::Joined | RoomNewsKind::Skipped | RoomNewsKind::Presence => Ok(()),
        }
    }

    fn ended(&mut self, room: &RoomName, reason: EndReason, desk: &mut Desk) -> Result<(), Failure> {
        let Some(party) = self.parties.get_mut(room) else { return Ok(()) };
        let (stream, was_in) = (party.stream.clone(), party.is_in());
        party.is_over();
        if was_in {
            say(&Told::StreamEnded { stream_id: &stream, reason }, desk)?;
        }
        if party.part == Part::Viewer {
            // As long as it is connected it is let in when the stream starts again.
            self.watch(stream, desk);
        }
        Ok(())
    }

    fn signalled(&mut self, room: &RoomName, signal: LiveSignal, desk: &mut Desk) -> Result<(), Failure> {
        let Some(party) = self.parties.get_mut(room) else { return Ok(()) };
        let stream = party.stream.clone();
        match signal {
            LiveSignal::ViewerJoined(joined) => party.has_viewer(joined.viewer, joined.negotiation, desk)?,
            LiveSignal::ViewerLeft(left) => party.lost_viewer(left.viewer, desk)?,
            LiveSignal::Peer(peer) if party.part == Part::Broadcaster => {
                party.has_viewer(peer.viewer, peer.negotiation, desk)?;
            }
            LiveSignal::Peer(peer) | LiveSignal::Watching(peer) => party.is_let_in(peer.viewer, peer.negotiation),
            LiveSignal::Message(peer, message) => {
                let is_over = party.hears(peer, message, desk)?;
                let params = json!({"stream": stream, "viewer": peer.viewer, "negotiation": peer.negotiation});
                is_over.then(|| self.ask("live/renegotiate", &params, Asked::Renegotiate, desk));
            }
            LiveSignal::PeersChanged => {
                party.becomes(Part::Broadcaster);
                party.doubts_viewers();
                self.ask("live/peers", &json!({"stream": stream}), Asked::Peers(stream), desk);
            }
            LiveSignal::Superseded(_) => {
                self.parties.remove(room);
                if let Some(guest) = desk.guest() {
                    guest.leave(room.as_str());
                }
                let failure = Failure::new(Code::Superseded, "somebody else broadcasts this stream now");
                say_error(&failure, Some(&stream), desk)?;
            }
            LiveSignal::Refused(refused) => {
                party.is_over();
                say_error(&Failure::new(refused.code, refused.message), Some(&stream), desk)?;
            }
            _ => {}
        }
        Ok(())
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

fn unreadable() -> Failure {
    Failure::new(Code::Internal, "the server cannot read its own words; try again later")
}
