//! What one connection has to do with one stream: the peer connections it signals for.

use std::collections::HashMap;

use samewire_protocol::live::methods::Peer;
use samewire_protocol::live::{Candidate, PeerMessage, PeerRef, StreamName, ViewerId};
use samewire_protocol::{Code, Failure};
use serde_json::{Value, json};

use super::names::Names;
use super::talk::{Heard, Talk};
use super::wire::{ClientId, Description, Told};
use super::{Desk, say};

/// A stream, and what this connection is in it.
#[derive(Debug)]
pub(super) struct Party {
    pub(super) stream: StreamName,
    names: Names,
    pub(super) part: Part,
    /// The broadcaster's peer connections.
    viewers: HashMap<ViewerId, Talk>,
    /// A viewer's, once it is let in.
    own: Option<Talk>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// It has asked to be something.
    Nobody,
    Broadcaster,
    Viewer,
}

/// Something for the other end of a peer connection.
#[derive(Debug)]
pub(super) struct Passed {
    pub(super) peer: PeerRef,
    /// The exchange that it belongs to.
    pub(super) round: u32,
    /// The params of `live/signal`.
    pub(super) params: Value,
}

impl Party {
    pub(super) fn new(stream: StreamName, names: Names) -> Self {
        Self { stream, names, part: Part::Nobody, viewers: HashMap::new(), own: None }
    }

    /// It is this from here on. What it had as something else is over.
    pub(super) fn becomes(&mut self, part: Part) {
        if self.part != part {
            self.is_over();
            self.part = part;
        }
    }

    /// The stream is over, and its peer connections are.
    pub(super) fn is_over(&mut self) {
        self.viewers.clear();
        self.own = None;
    }

    // The broadcaster's.

    /// A viewer wants a peer connection: a first one, or another in place of that which it has.
    pub(super) fn has_viewer(&mut self, peer: PeerRef, desk: &mut Desk) -> Result<(), Failure> {
        self.becomes(Part::Broadcaster);
        if let Some(talk) = self.viewers.get_mut(&peer.viewer) {
            talk.is_doubtful = false;
            if talk.peer().negotiation >= peer.negotiation {
                return Ok(());
            }
        }
        self.lost_viewer(peer.viewer, desk)?;
        let name = self.names.name(peer);
        let viewer_id = name.client;
        self.viewers.insert(peer.viewer, Talk::new(name));
        say(&Told::ViewerJoined { stream_id: &self.stream, viewer_id }, desk)
    }

    pub(super) fn lost_viewer(&mut self, viewer: ViewerId, desk: &mut Desk) -> Result<(), Failure> {
        match self.viewers.remove(&viewer) {
            Some(talk) => say(&Told::ViewerLeft { stream_id: &self.stream, viewer_id: talk.name.client }, desk),
            None => Ok(()),
        }
    }

    /// More has changed than was told: who is still there is asked for.
    pub(super) fn doubts_viewers(&mut self) {
        self.viewers.values_mut().for_each(|talk| talk.is_doubtful = true);
    }

    /// These are its viewers, besides those of whom it has heard since it asked.
    pub(super) fn has_viewers(&mut self, peers: Vec<Peer>, desk: &mut Desk) -> Result<(), Failure> {
        let peers = peers.into_iter().map(|Peer { viewer, negotiation, .. }| PeerRef { viewer, negotiation });
        peers.into_iter().try_for_each(|peer| self.has_viewer(peer, desk))?;
        let gone: Vec<_> = self.viewers.values().filter(|talk| talk.is_doubtful).map(|talk| talk.peer().viewer).collect();
        gone.into_iter().try_for_each(|viewer| self.lost_viewer(viewer, desk))
    }

    // The viewer's.

    pub(super) fn is_let_in(&mut self, peer: PeerRef) {
        self.becomes(Part::Viewer);
        if self.own.as_ref().is_none_or(|talk| talk.peer().negotiation < peer.negotiation) {
            self.own = Some(Talk::new(self.names.name(peer)));
        }
    }

    pub(super) fn is_in(&self) -> bool {
        self.part == Part::Broadcaster || self.own.is_some()
    }

    // What the client says.

    /// # Errors
    /// As for [`Party::candidate`].
    pub(super) fn offer(&mut self, viewer: Option<ClientId>, offer: &Description) -> Result<Passed, Failure> {
        let (stream, talk) = self.talk(viewer)?;
        let message = talk.offer(&offer.sdp);
        Ok(passed(stream, talk, &message))
    }

    /// # Errors
    /// As for [`Party::candidate`].
    pub(super) fn answer(&mut self, viewer: Option<ClientId>, answer: &Description) -> Result<Passed, Failure> {
        let (stream, talk) = self.talk(viewer)?;
        let message = talk.answer(&answer.sdp);
        Ok(passed(stream, talk, &message))
    }

    /// Takes a candidate, and says of which peer connection it is, and whether it waits for more. None for the word that there are
    /// no more.
    ///
    /// # Errors
    /// There is no such viewer, it is another one, or it is not told which; this client is none of the stream's.
    pub(super) fn candidate(
        &mut self,
        viewer: Option<ClientId>,
        candidate: Option<Candidate>,
    ) -> Result<Option<(PeerRef, bool)>, Failure> {
        let (_, talk) = self.talk(viewer)?;
        let candidate = candidate.filter(|candidate| !candidate.candidate.is_empty());
        Ok(candidate.map(|candidate| {
            let waits = talk.candidate(candidate);
            (talk.peer(), waits)
        }))
    }

    /// The candidates that wait.
    pub(super) fn candidates(&mut self, peer: PeerRef) -> Option<Passed> {
        let stream = self.stream.clone();
        let talk = self.talk_of(peer)?;
        let message = talk.candidates()?;
        Some(passed(&stream, talk, &message))
    }

    /// An offer could not be passed on.
    pub(super) fn offer_lost(&mut self, peer: PeerRef, round: u32) {
        if let Some(talk) = self.talk_of(peer) {
            talk.offer_lost(round);
        }
    }

    /// An answer could not be passed on.
    pub(super) fn answer_lost(&mut self, peer: PeerRef) {
        if let Some(talk) = self.talk_of(peer) {
            talk.answer_lost();
        }
    }

    /// The peer connection that the client means. A viewer has one only.
    fn talk(&mut self, viewer: Option<ClientId>) -> Result<(&StreamName, &mut Talk), Failure> {
        let stream = &self.stream;
        let failure = |code, told: &'static str| Failure::new(code, told);
        match self.part {
            Part::Broadcaster => {
                let told = "say which viewer is meant: `viewerId`, as `viewer-joined` told it";
                let viewer = viewer.ok_or_else(|| failure(Code::BadParams, told))?;
                let talk = self
                    .names
                    .peer(viewer)
                    .and_then(|peer| self.viewers.get_mut(&peer.viewer).filter(|talk| talk.peer() == peer));
                let told = "this stream has no such viewer; `viewer-joined` and `viewer-left` tell which there are";
                talk.map(|talk| (stream, talk)).ok_or_else(|| failure(Code::PeerNotFound, told))
            }
            Part::Viewer | Part::Nobody => {
                let told = "this client is not let in yet; wait for the offer, or for `viewer-joined`";
                let talk = self.own.as_mut().ok_or_else(|| failure(Code::PeerNotFound, told))?;
                let told = "a viewer speaks for itself only; leave out `viewerId`, or say it as the newest offer told it";
                if viewer.is_some_and(|viewer| viewer != talk.name.client) {
                    return Err(failure(Code::Forbidden, told));
                }
                Ok((stream, talk))
            }
        }
    }

    fn talk_of(&mut self, peer: PeerRef) -> Option<&mut Talk> {
        let talk = match self.part {
            Part::Broadcaster => self.viewers.get_mut(&peer.viewer),
            Part::Viewer | Part::Nobody => self.own.as_mut(),
        };
        talk.filter(|talk| talk.peer() == peer)
    }

    // What it hears.

    /// What the other end of a peer connection says. True when a new connection is to be asked for in place of this one.
    pub(super) fn hears(&mut self, peer: PeerRef, message: PeerMessage, desk: &mut Desk) -> Result<bool, Failure> {
        // What is said by a new connection may come before word of it.
        match self.part {
            Part::Broadcaster => self.has_viewer(peer, desk)?,
            Part::Viewer | Part::Nobody => self.is_let_in(peer),
        }
        let broadcasts = self.part == Part::Broadcaster;
        let Some(talk) = self.talk_of(peer) else { return Ok(false) };
        let heard = if broadcasts { talk.hear_viewer(message) } else { talk.hear_broadcaster(message) };
        let viewer_id = talk.name.client;
        let stream_id = &self.stream;
        match heard {
            Heard::Nothing => {}
            Heard::Renegotiate => return Ok(true),
            Heard::Offer(sdp) => {
                say(&Told::WebrtcOffer { offer: Description { kind: "offer".into(), sdp }, stream_id, viewer_id }, desk)?;
            }
            Heard::Answer(sdp) => {
                say(&Told::WebrtcAnswer { answer: Description { kind: "answer".into(), sdp }, stream_id, viewer_id }, desk)?;
            }
            Heard::Candidates(candidates) => {
                let tell = |candidate| say(&Told::WebrtcIceCandidate { candidate, stream_id, viewer_id }, desk);
                candidates.iter().try_for_each(tell)?;
            }
        }
        Ok(false)
    }
}

fn passed(stream: &StreamName, talk: &Talk, message: &Value) -> Passed {
    let peer = talk.peer();
    let params = json!({"stream": stream, "viewer": peer.viewer, "negotiation": peer.negotiation, "message": message});
    Passed { peer, round: talk.round(), params }
}
