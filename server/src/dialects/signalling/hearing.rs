//! What the server answers and tells, put as the client knows it.

use samewire_protocol::live::methods::{PeerList, Started, Watched};
use samewire_protocol::live::{EndReason, LiveEvent, LiveRecord, LiveSignal, LiveState, PeerMessage, PeerRef};
use samewire_protocol::rooms::{RoomEvent, RoomName, Skipped};
use samewire_protocol::session::{RoomNews, RoomNewsKind};
use samewire_protocol::{Code, Failure};
use serde_json::json;
use serde_json::value::RawValue;

use super::party::Part;
use super::wire::Told;
use super::{Asked, Desk, Kind, Signalling, read, say, say_error, unreadable};

impl Signalling {
    pub(super) fn answered(&mut self, asked: Asked, payload: &RawValue, desk: &mut Desk) -> Result<(), Failure> {
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
                    party.is_let_in(PeerRef { viewer, negotiation });
                }
                Ok(())
            }
            Asked::StartInVain(stream) => {
                self.stop(&stream, desk);
                Ok(())
            }
            Asked::Stop(stream) => {
                self.leave(&stream, desk);
                Ok(())
            }
            Asked::Signal(..) | Asked::Renegotiate => Ok(()),
        }
    }

    pub(super) fn refused(&mut self, asked: Asked, failure: &Failure, desk: &mut Desk) -> Result<(), Failure> {
        match asked {
            Asked::Start(stream) | Asked::Watch(stream) => {
                // Where the room was left, that was told.
                let Some(party) = self.parties.get(stream.room()) else { return Ok(()) };
                if !party.is_in() {
                    self.drop_out(&stream, desk);
                }
                say_error(failure, Some(&stream), desk)
            }
            Asked::Signal(stream, peer, round, kind) => {
                if let Some(party) = self.parties.get_mut(stream.room()) {
                    match kind {
                        Kind::Offer => party.offer_lost(peer, round),
                        Kind::Answer => party.answer_lost(peer),
                        Kind::Candidates => {}
                    }
                    if failure.code == Code::PeerNotFound {
                        party.lost_viewer(peer.viewer, desk)?;
                    }
                }
                match failure.code {
                    // Another connection has taken this one's place, of which the client hears in a moment.
                    Code::StaleNegotiation => Ok(()),
                    _ => say_error(failure, Some(&stream), desk),
                }
            }
            // It was over already, or never began.
            Asked::Stop(stream) | Asked::StartInVain(stream) => {
                self.leave(&stream, desk);
                Ok(())
            }
            // The other end asks again.
            Asked::Renegotiate => Ok(()),
            Asked::Peers(stream) => say_error(failure, Some(&stream), desk),
        }
    }

    pub(super) fn heard_of(&mut self, news: &RoomNews, desk: &mut Desk) -> Result<(), Failure> {
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
            // It was too slow, and may have missed the end.
            RoomNewsKind::Skipped => {
                let skipped: Skipped<'_> = serde_json::from_str(&news.text).map_err(|_| unreadable())?;
                let record = skipped.state.map(|state| serde_json::from_str::<LiveRecord>(state.get()));
                match record.transpose().map_err(|_| unreadable())? {
                    Some(record) if record.state == LiveState::Ended => {
                        self.ended(&news.room, record.end_reason.unwrap_or(EndReason::Unknown), desk)
                    }
                    _ => Ok(()),
                }
            }
            RoomNewsKind::Joined | RoomNewsKind::Presence => Ok(()),
        }
    }

    fn hears(&mut self, room: &RoomName, peer: PeerRef, message: PeerMessage, desk: &mut Desk) -> Result<(), Failure> {
        let Some(party) = self.parties.get_mut(room) else { return Ok(()) };
        if party.hears(peer, message, desk)? {
            let params = json!({"stream": party.stream, "viewer": peer.viewer, "negotiation": peer.negotiation});
            self.ask("live/renegotiate", &params, Asked::Renegotiate, desk);
        }
        Ok(())
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
            LiveSignal::ViewerJoined(joined) => {
                party.has_viewer(PeerRef { viewer: joined.viewer, negotiation: joined.negotiation }, desk)?;
            }
            LiveSignal::ViewerLeft(left) => party.lost_viewer(left.viewer, desk)?,
            LiveSignal::Peer(peer) if party.part == Part::Broadcaster => {
                party.has_viewer(peer, desk)?;
            }
            LiveSignal::Peer(peer) | LiveSignal::Watching(peer) => party.is_let_in(peer),
            LiveSignal::Message(peer, message) => return self.hears(room, peer, message, desk),
            LiveSignal::PeersChanged => {
                party.becomes(Part::Broadcaster);
                party.doubts_viewers();
                self.ask("live/peers", &json!({"stream": stream}), Asked::Peers(stream), desk);
            }
            LiveSignal::Superseded(_) => {
                self.parties.remove(room);
                self.leave(&stream, desk);
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
