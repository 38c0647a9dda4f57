//! Signalling by plain JSON at `/ws`: a broadcaster and its viewers, each message with a `type`, a `streamId` and the viewer it is of.

mod party;
mod wire;

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use samewire_protocol::live::LiveSignal;
use samewire_protocol::live::StreamName;
use samewire_protocol::live::methods::{PeerList, Started, Watched};
use samewire_protocol::rooms::{RoomEvent, RoomName};
use samewire_protocol::session::{Event, RoomNews, RoomNewsKind};
use samewire_protocol::{CallId, Code, Failure};
use serde_json::json;
use serde_json::value::RawValue;

use self::party::{Part, Party};
use self::wire::{ClientId, Said, Told};
use super::socket::{Desk, Dialect, Word, unspoken, upgrade};
use crate::app::App;
use crate::http::Problem;

pub(super) fn router(app: &Arc<App>) -> Router {
    Router::new().route("/ws", any(connect)).with_state(app.clone())
}

async fn connect(State(app): State<Arc<App>>, request: Request) -> Response {
    match super::entry(app.config.dialects.signalling.anonymous, request.uri(), request.headers()) {
        Ok(entry) => upgrade(&app, request, Signalling::default(), Some(entry), MOST),
        Err(failure) => Problem::new(&failure).into_response(),
    }
}

/// A description of 64 KiB, of which every byte is escaped.
const MOST: usize = 512 * 1024;

/// One connection. It may be of several streams at once.
#[derive(Default)]
struct Signalling {
    parties: HashMap<RoomName, Party>,
    calls: HashMap<CallId, Asked>,
}

/// What was asked of the server.
#[derive(Debug)]
enum Asked {
    Start(StreamName),
    Watch(StreamName),
    Peers(StreamName),
    /// What is only of interest when it fails.
    Else(StreamName),
}

impl Dialect for Signalling {
    const NAME: &'static str = "signalling";

    fn hear(&mut self, word: Word, desk: &mut Desk) -> Result<(), Failure> {
        let Word::Text(text) = word else { return Err(unspoken("this format has text frames only")) };
        let stream = match Said::read(&text) {
            Ok(said) => self.act(said, desk),
            Err(failure) => return say_error(&failure, None, desk),
        };
        stream.or_else(|(stream, failure)| say_error(&failure, Some(&stream), desk))
    }

    fn told(&mut self, event: Event, desk: &mut Desk) -> Result<(), Failure> {
        match event {
            Event::CallSettled { id, result, .. } => match (self.calls.remove(&id), result) {
                (Some(asked), Ok(payload)) => self.answered(asked, &payload, desk),
                (Some(Asked::Start(stream) | Asked::Watch(stream)), Err(failure)) => {
                    self.drop_out(&stream, desk);
                    say_error(&failure, Some(&stream), desk)
                }
                (Some(Asked::Peers(stream) | Asked::Else(stream)), Err(failure)) => say_error(&failure, Some(&stream), desk),
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
        super::socket::plain(failure)
    }
}

type Acted = Result<(), (StreamName, Failure)>;

impl Signalling {
    fn act(&mut self, said: Said, desk: &mut Desk) -> Acted {
        match said {
            Said::BroadcasterReady { stream_id } => {
                // Whoever was ready last broadcasts, as far as it may.
                let params = json!({"stream": stream_id, "takeover": true, "anew": true});
                self.enter(stream_id, Part::broadcaster(), "live/start", &params, Asked::Start, desk)
            }
            Said::JoinStream { stream_id } => {
                let params = json!({"stream": stream_id, "wait": true, "anew": true});
                self.enter(stream_id, Part::viewer(), "live/watch", &params, Asked::Watch, desk)
            }
            Said::LeaveStream { stream_id } => {
                self.drop_out(&stream_id, desk);
                Ok(())
            }
            Said::WebrtcOffer { stream_id, viewer_id, offer } => {
                self.say(stream_id, viewer_id, desk, |party, viewer| party.offer(viewer, offer))
            }
            Said::WebrtcAnswer { stream_id, viewer_id, answer } => {
                self.say(stream_id, viewer_id, desk, |party, viewer| party.answer(viewer, answer))
            }
            Said::WebrtcIceCandidate { stream_id, viewer_id, candidate } => {
                self.say(stream_id, viewer_id, desk, |party, viewer| party.candidate(viewer, candidate))
            }
        }
    }

    /// Joins the stream's room and asks to take part.
    fn enter(
        &mut self,
        stream: StreamName,
        part: Part,
        method: &str,
        params: &serde_json::Value,
        asked: fn(StreamName) -> Asked,
        desk: &mut Desk,
    ) -> Acted {
        let Some(guest) = desk.guest() else { return Ok(()) };
        let room = stream.room().clone();
        if self.parties.get(&room).is_some_and(|party| !party.part.is_like(&part)) {
            self.drop_out(&stream, desk);
            return self.enter(stream, part, method, params, asked, desk);
        }
        guest.join(room.clone());
        let call = guest.call(method, params);
        self.calls.insert(call, asked(stream.clone()));
        self.parties.entry(room).or_insert_with(|| Party::new(stream, part));
        Ok(())
    }

    /// Passes on what a client says to another.
    fn say(
        &mut self,
        stream: StreamName,
        viewer: Option<ClientId>,
        desk: &mut Desk,
        message: impl FnOnce(&mut Party, Option<ClientId>) -> Result<serde_json::Value, Failure>,
    ) -> Acted {
        let told = "say `broadcaster-ready` or `join-stream` of this stream first, and wait for its viewers or its offer";
        let Some(party) = self.parties.get_mut(stream.room()) else {
            return Err((stream, Failure::new(Code::NotJoined, told)));
        };
        match message(party, viewer) {
            Ok(params) => {
                if let Some(guest) = desk.guest() {
                    let call = guest.call("live/signal", &params);
                    self.calls.insert(call, Asked::Else(stream));
                }
                Ok(())
            }
            Err(failure) => Err((stream, failure)),
        }
    }

    fn drop_out(&mut self, stream: &StreamName, desk: &mut Desk) {
        let Some(party) = self.parties.remove(stream.room()) else { return };
        let Some(guest) = desk.guest() else { return };
        if party.part.is_broadcaster() {
            let call = guest.call("live/stop", &json!({"stream": stream}));
            // The room is left behind the call.
            self.calls.insert(call, Asked::Else(stream.clone()));
        }
        guest.leave(stream.room().as_str());
    }

    fn answered(&mut self, asked: Asked, payload: &RawValue, desk: &mut Desk) -> Result<(), Failure> {
        match asked {
            Asked::Start(stream) => {
                let started: Started = read(payload)?;
                if let Some(party) = self.parties.get_mut(stream.room()) {
                    party.has_viewers(started.peers, desk)?;
                }
            }
            Asked::Peers(stream) => {
                let list: PeerList = read(payload)?;
                if let Some(party) = self.parties.get_mut(stream.room()) {
                    party.has_viewers(list.peers, desk)?;
                }
            }
            Asked::Watch(stream) => {
                let watched: Watched = read(payload)?;
                if let (Some(party), Some(viewer), Some(negotiation)) =
                    (self.parties.get_mut(stream.room()), watched.viewer, watched.negotiation)
                {
                    party.is_let_in(viewer, negotiation);
                }
            }
            Asked::Else(_) => {}
        }
        Ok(())
    }

    fn heard_of(&mut self, news: &RoomNews, desk: &mut Desk) -> Result<(), Failure> {
        let Some(party) = self.parties.get_mut(&news.room) else { return Ok(()) };
        let event = match news.kind {
            RoomNewsKind::Event | RoomNewsKind::Signal => {
                serde_json::from_str::<RoomEvent>(&news.text).map_err(|_| unreadable())?
            }
            RoomNewsKind::Joined | RoomNewsKind::Skipped | RoomNewsKind::Presence => return Ok(()),
        };
        let payload = event.payload.as_deref().map_or("null", RawValue::get);
        if news.kind == RoomNewsKind::Event {
            if event.name.as_str() == "stream_ended" {
                party.is_over();
                if !party.part.is_broadcaster() {
                    say(&Told::StreamEnded { stream_id: &party.stream }, desk)?;
                }
            }
            return Ok(());
        }
        let Some(signal) = LiveSignal::read(event.name.as_str(), payload).map_err(|_| unreadable())? else { return Ok(()) };
        match signal {
            LiveSignal::ViewerJoined(joined) => party.has_viewer(joined.viewer, joined.negotiation, desk)?,
            LiveSignal::ViewerLeft(left) => party.lost_viewer(left.viewer, desk)?,
            LiveSignal::Peer(peer) if party.part.is_broadcaster() => party.has_viewer(peer.viewer, peer.negotiation, desk)?,
            LiveSignal::Peer(peer) | LiveSignal::Watching(peer) => party.is_let_in(peer.viewer, peer.negotiation),
            LiveSignal::Message(peer, message) => party.hears(peer, message, desk)?,
            LiveSignal::PeersChanged => {
                let stream = party.stream.clone();
                if let Some(guest) = desk.guest() {
                    let call = guest.call("live/peers", &json!({"stream": stream}));
                    self.calls.insert(call, Asked::Peers(stream));
                }
            }
            LiveSignal::Superseded(_) => {
                let stream = party.stream.clone();
                self.parties.remove(&news.room);
                if let Some(guest) = desk.guest() {
                    guest.leave(news.room.as_str());
                }
                let failure = Failure::new(Code::Superseded, "somebody else broadcasts this stream now");
                say_error(&failure, Some(&stream), desk)?;
            }
            LiveSignal::Refused(refused) => {
                say_error(&Failure::new(refused.code, refused.message), Some(&party.stream), desk)?;
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
