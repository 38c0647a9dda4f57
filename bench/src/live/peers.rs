//! The two ends of a peer connection, without the connection: they say what ends say, each thing marked with whom it is for, and
//! look at the mark of all that they hear.

use std::collections::HashMap;

use samewire_protocol::live::methods::{SignalParams, Started, Watched};
use samewire_protocol::live::{
    Candidate, Candidates, Description, LiveSignal, Negotiation, PeerMessage, PeerRef, StreamName, ViewerId,
};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::flock::{Part, Speech};
use crate::Outcome;

/// About what a browser's offer of a picture and sound takes.
const SDP: usize = 4 * 1024;

/// What all ends have heard.
#[derive(Default)]
pub(super) struct Tally {
    /// Streams that are live.
    pub(super) live: usize,
    /// Viewers that were let in.
    pub(super) watching: usize,
    pub(super) offers: usize,
    pub(super) answers: usize,
    pub(super) candidates: usize,
    /// Messages of another stream, viewer or peer connection.
    pub(super) misrouted: usize,
}

/// A broadcaster, or a viewer.
pub(super) struct End {
    stream: StreamName,
    broadcasts: bool,
    /// The peer connections: to each viewer, or the one.
    peers: HashMap<ViewerId, Negotiation>,
}

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow, rename = "type")]
    kind: &'a str,
    name: Option<&'a str>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
}

impl End {
    pub(super) fn new(stream: StreamName, broadcasts: bool) -> Self {
        Self { stream, broadcasts, peers: HashMap::new() }
    }

    /// Asks to be let in, as a viewer.
    pub(super) fn watch(&mut self, out: &mut Speech<'_>) {
        out.call("live/watch", &format!(r#"{{"stream":"{}"}}"#, self.stream));
    }

    /// What a message says of whom it is for. `from` is the end that says it.
    fn mark(&self, peer: PeerRef, from_broadcaster: bool) -> String {
        let from = if from_broadcaster { "broadcaster" } else { "viewer" };
        format!("{} {} {} of the {from}", self.stream, peer.viewer, peer.negotiation)
    }

    fn say(&self, peer: PeerRef, description: fn(Description) -> PeerMessage, out: &mut Speech<'_>) -> Outcome {
        let mark = self.mark(peer, self.broadcasts);
        let mut sdp = format!("v=0\r\ns={mark}\r\n");
        while sdp.len() < SDP {
            sdp.push_str("a=rtpmap:96 VP8/90000\r\n");
        }
        let candidate = Candidate { candidate: format!("candidate:{mark}").into(), ..Candidate::default() };
        let candidates = Candidates { round: Some(1), candidates: vec![candidate], end: true };
        for message in [description(Description { round: 1, made: None, sdp: sdp.into() }), PeerMessage::Candidates(candidates)]
        {
            let viewer = self.broadcasts.then_some(peer.viewer);
            let params = SignalParams { stream: self.stream.clone(), viewer, negotiation: peer.negotiation, message };
            out.call("live/signal", &serde_json::to_string(&params)?);
        }
        Ok(())
    }

    /// Whether a message is of a peer connection of this end's, and says so itself.
    fn is_for_us(&self, peer: PeerRef, message: &PeerMessage) -> bool {
        let mark = self.mark(peer, !self.broadcasts);
        let says = match message {
            PeerMessage::Offer(description) | PeerMessage::Answer(description) => {
                description.sdp.lines().nth(1).and_then(|line| line.strip_prefix("s=")) == Some(&mark)
            }
            PeerMessage::Candidates(said) => match said.candidates.as_slice() {
                [one] => one.candidate.strip_prefix("candidate:") == Some(&mark),
                _ => false,
            },
        };
        says && self.peers.get(&peer.viewer) == Some(&peer.negotiation)
    }

    fn begin(&mut self, peer: PeerRef, out: &mut Speech<'_>) -> Outcome {
        self.peers.insert(peer.viewer, peer.negotiation);
        if self.broadcasts { self.say(peer, PeerMessage::Offer, out) } else { Ok(()) }
    }

    fn answered(&mut self, payload: &str, tally: &mut Tally, out: &mut Speech<'_>) -> Outcome {
        if payload == "{}" {
            // That a message was passed on.
        } else if self.broadcasts {
            tally.live += 1;
            for peer in serde_json::from_str::<Started>(payload)?.peers {
                self.begin(PeerRef { viewer: peer.viewer, negotiation: peer.negotiation }, out)?;
            }
        } else if let Watched { viewer: Some(viewer), negotiation: Some(negotiation), .. } = serde_json::from_str(payload)? {
            tally.watching += 1;
            self.begin(PeerRef { viewer, negotiation }, out)?;
        }
        Ok(())
    }
}

impl Part for End {
    type Tally = Tally;

    fn stream(&self) -> &str {
        self.stream.as_str()
    }

    fn joined(&mut self, _: &str, out: &mut Speech<'_>, _: &mut Tally) -> Outcome {
        if self.broadcasts {
            out.call("live/start", &format!(r#"{{"stream":"{}"}}"#, self.stream));
        }
        Ok(())
    }

    fn hear(&mut self, text: &str, out: &mut Speech<'_>, tally: &mut Tally) -> Outcome {
        let Frame { kind, name, payload } = serde_json::from_str(text)?;
        let payload = payload.map_or("null", RawValue::get);
        match kind {
            "result" => return self.answered(payload, tally, out),
            "signal" => {}
            _ => return Ok(()),
        }
        match LiveSignal::read(name.unwrap_or_default(), payload)? {
            Some(LiveSignal::ViewerJoined(joined)) if self.broadcasts => {
                self.begin(PeerRef { viewer: joined.viewer, negotiation: joined.negotiation }, out)?;
            }
            Some(LiveSignal::Message(peer, message)) if self.is_for_us(peer, &message) => match message {
                PeerMessage::Offer(_) if !self.broadcasts => {
                    tally.offers += 1;
                    self.say(peer, PeerMessage::Answer, out)?;
                }
                PeerMessage::Answer(_) if self.broadcasts => tally.answers += 1,
                PeerMessage::Candidates(_) => tally.candidates += 1,
                PeerMessage::Offer(_) | PeerMessage::Answer(_) => tally.misrouted += 1,
            },
            _ => tally.misrouted += 1,
        }
        Ok(())
    }
}
