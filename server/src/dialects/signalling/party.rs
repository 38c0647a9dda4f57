//! What one connection has to do with one stream: the peer connections it signals for, and how far their negotiation is.

use std::collections::HashMap;

use samewire_protocol::live::methods::Peer;
use samewire_protocol::live::{Candidate, Negotiation, PeerMessage, PeerRef, StreamName, ViewerId};
use samewire_protocol::{Code, Failure};
use serde_json::{Value, json};

use super::wire::{ClientId, Description, Told};
use super::{Desk, say};

/// A stream, and what this connection is in it.
#[derive(Debug)]
pub(super) struct Party {
    pub(super) stream: StreamName,
    pub(super) part: Part,
}

#[derive(Debug)]
pub(super) enum Part {
    /// With a peer connection for each viewer.
    Broadcaster(HashMap<ViewerId, Talk>),
    /// With one; none before it is let in.
    Viewer(Option<(ViewerId, Talk)>),
}

/// How far the negotiation of a peer connection is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Talk {
    negotiation: Negotiation,
    /// The newest exchange of offer and answer.
    round: u32,
}

impl Talk {
    fn new(negotiation: Negotiation) -> Self {
        Self { negotiation, round: 0 }
    }
}

impl Part {
    pub(super) fn broadcaster() -> Self {
        Self::Broadcaster(HashMap::new())
    }

    pub(super) fn viewer() -> Self {
        Self::Viewer(None)
    }

    pub(super) fn is_broadcaster(&self) -> bool {
        matches!(self, Self::Broadcaster(_))
    }

    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.is_broadcaster() == other.is_broadcaster()
    }
}

impl Party {
    pub(super) fn new(stream: StreamName, part: Part) -> Self {
        Self { stream, part }
    }

    /// The stream is over, and its peer connections are.
    pub(super) fn is_over(&mut self) {
        match &mut self.part {
            Part::Broadcaster(viewers) => viewers.clear(),
            Part::Viewer(own) => *own = None,
        }
    }

    // The broadcaster's.

    /// A viewer wants a peer connection: a first one, or another.
    pub(super) fn has_viewer(&mut self, viewer: ViewerId, negotiation: Negotiation, desk: &mut Desk) -> Result<(), Failure> {
        let Part::Broadcaster(viewers) = &mut self.part else { return Ok(()) };
        if viewers.get(&viewer).is_some_and(|talk| talk.negotiation == negotiation) {
            return Ok(());
        }
        viewers.insert(viewer, Talk::new(negotiation));
        say(&Told::ViewerJoined { stream_id: &self.stream, viewer_id: ClientId(viewer) }, desk)
    }

    pub(super) fn lost_viewer(&mut self, viewer: ViewerId, desk: &mut Desk) -> Result<(), Failure> {
        let Part::Broadcaster(viewers) = &mut self.part else { return Ok(()) };
        match viewers.remove(&viewer) {
            Some(_) => say(&Told::ViewerLeft { stream_id: &self.stream, viewer_id: ClientId(viewer) }, desk),
            None => Ok(()),
        }
    }

    /// These are all of its viewers.
    pub(super) fn has_viewers(&mut self, peers: Vec<Peer>, desk: &mut Desk) -> Result<(), Failure> {
        let Part::Broadcaster(viewers) = &self.part else { return Ok(()) };
        let gone: Vec<_> = viewers.keys().copied().filter(|known| peers.iter().all(|peer| peer.viewer != *known)).collect();
        gone.into_iter().try_for_each(|viewer| self.lost_viewer(viewer, desk))?;
        peers.into_iter().try_for_each(|peer| self.has_viewer(peer.viewer, peer.negotiation, desk))
    }

    // The viewer's.

    pub(super) fn is_let_in(&mut self, viewer: ViewerId, negotiation: Negotiation) {
        if let Part::Viewer(own) = &mut self.part
            && own.is_none_or(|(_, talk)| talk.negotiation < negotiation)
        {
            *own = Some((viewer, Talk::new(negotiation)));
        }
    }

    // What both say.

    /// The params of `live/signal` for an offer of the client's.
    ///
    /// # Errors
    /// There is no such viewer, or it is not told which.
    pub(super) fn offer(&mut self, viewer: Option<ClientId>, offer: Description) -> Result<Value, Failure> {
        let (named, talk) = self.talk(viewer)?;
        talk.round += 1;
        let message = json!({"type": "offer", "round": talk.round, "sdp": offer.sdp});
        let negotiation = talk.negotiation;
        Ok(self.params(named, negotiation, message))
    }

    /// The same for an answer.
    pub(super) fn answer(&mut self, viewer: Option<ClientId>, answer: Description) -> Result<Value, Failure> {
        let (named, talk) = self.talk(viewer)?;
        let message = json!({"type": "answer", "round": talk.round, "sdp": answer.sdp});
        let negotiation = talk.negotiation;
        Ok(self.params(named, negotiation, message))
    }

    /// The same for a candidate, or for the word that there are no more.
    pub(super) fn candidate(&mut self, viewer: Option<ClientId>, candidate: Option<Candidate>) -> Result<Value, Failure> {
        let (named, talk) = self.talk(viewer)?;
        let candidate = candidate.filter(|candidate| !candidate.candidate.is_empty());
        let end = candidate.is_none();
        let message = json!({"type": "candidates", "round": talk.round, "candidates": Vec::from_iter(candidate), "end": end});
        let negotiation = talk.negotiation;
        Ok(self.params(named, negotiation, message))
    }

    fn params(&self, viewer: Option<ViewerId>, negotiation: Negotiation, message: Value) -> Value {
        json!({"stream": self.stream, "viewer": viewer, "negotiation": negotiation, "message": message})
    }

    /// The peer connection that is meant. A viewer has one only; whom it names, the server looks at.
    fn talk(&mut self, viewer: Option<ClientId>) -> Result<(Option<ViewerId>, &mut Talk), Failure> {
        match &mut self.part {
            Part::Broadcaster(viewers) => {
                let told = "say which viewer is meant: `viewerId`, as `viewer-joined` told it";
                let ClientId(viewer) = viewer.ok_or_else(|| Failure::new(Code::BadParams, told))?;
                let told = "this stream has no such viewer; `viewer-joined` and `viewer-left` tell which there are";
                let talk = viewers.get_mut(&viewer).ok_or_else(|| Failure::new(Code::PeerNotFound, told))?;
                Ok((Some(viewer), talk))
            }
            Part::Viewer(own) => {
                let told = "this viewer is not let in yet; wait for the offer";
                let (_, talk) = own.as_mut().ok_or_else(|| Failure::new(Code::PeerNotFound, told))?;
                Ok((viewer.map(|ClientId(viewer)| viewer), talk))
            }
        }
    }

    // What both hear.

    pub(super) fn hears(&mut self, peer: PeerRef, message: PeerMessage, desk: &mut Desk) -> Result<(), Failure> {
        let talk = match &mut self.part {
            Part::Broadcaster(viewers) => viewers.get_mut(&peer.viewer),
            Part::Viewer(own) => own.as_mut().filter(|(viewer, _)| *viewer == peer.viewer).map(|(_, talk)| talk),
        };
        let Some(talk) = talk.filter(|talk| talk.negotiation == peer.negotiation) else { return Ok(()) };
        let (stream_id, viewer_id) = (&self.stream, ClientId(peer.viewer));
        let description = |kind: &str, sdp| Description { kind: kind.into(), sdp };
        match message {
            PeerMessage::Offer(offer) => {
                talk.round = talk.round.max(offer.round);
                say(&Told::WebrtcOffer { offer: description("offer", offer.sdp), stream_id, viewer_id }, desk)
            }
            // An answer to an offer that a newer one followed.
            PeerMessage::Answer(answer) if answer.round != talk.round => Ok(()),
            PeerMessage::Answer(answer) => {
                say(&Told::WebrtcAnswer { answer: description("answer", answer.sdp), stream_id, viewer_id }, desk)
            }
            PeerMessage::Candidates(said) => {
                let tell = |candidate| say(&Told::WebrtcIceCandidate { candidate, stream_id, viewer_id }, desk);
                said.candidates.iter().try_for_each(tell)
            }
        }
    }
}
