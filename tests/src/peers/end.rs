//! One of the two: the machine, its engines, and what it did.

use std::collections::VecDeque;

use samewire_protocol::Instant;
use samewire_protocol::live::peer::{Input, Peer, PeerState, Side};
use samewire_protocol::live::{Negotiation, PeerMessage};

use super::engine::Engine;

/// One end.
#[derive(Debug)]
pub struct End {
    /// The machine.
    pub peer: Peer,
    /// Its peer connections.
    pub engines: Vec<Engine>,
    /// Every state that it told.
    pub states: Vec<PeerState>,
    /// How many peer connections it was told to make.
    pub created: usize,
    /// How often it was told to restart ICE.
    pub restarts: usize,
    /// When it asked for a new peer connection.
    pub rebuilds: Vec<Instant>,
    /// Every message that it said.
    pub said: Vec<(Instant, Negotiation, PeerMessage)>,
    pub(super) link: bool,
    /// What the server holds for it while its link is lost.
    pub(super) held: VecDeque<Input>,
    pub(super) wake: Option<Instant>,
    /// Counts its lives: what belongs to one before is nothing to it.
    pub(super) life: u64,
}

impl End {
    pub(super) fn new(side: Side, seed: u64) -> Self {
        Self {
            peer: Peer::new(side, seed),
            engines: Vec::new(),
            states: Vec::new(),
            created: 0,
            restarts: 0,
            rebuilds: Vec::new(),
            said: Vec::new(),
            link: true,
            held: VecDeque::new(),
            wake: None,
            life: 0,
        }
    }
}
