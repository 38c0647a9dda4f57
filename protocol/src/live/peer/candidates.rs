//! Candidates on their way: this end's own, put together for a moment before they are told, and the other end's, which wait for the
//! description that they belong to.

use std::mem;

use crate::limits::MAX_CANDIDATES;
use crate::live::{Candidate, Candidates, PeerMessage};
use crate::time::Instant;

use super::timing::BATCH;

/// Of the other end's candidates no more wait than this: a well-behaved end has a few dozen.
const MOST_WAITING: usize = 256;

/// This end's own.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    untold: Vec<Candidate>,
    untold_end: bool,
    /// Those told since the description was, to be told again with it.
    told: Vec<Candidate>,
    told_end: bool,
    due: Option<Instant>,
}

impl Gathered {
    /// The engine found one; none is the end of them.
    pub(super) fn add(&mut self, now: Instant, candidate: Option<Candidate>) {
        match candidate {
            Some(candidate) => {
                self.untold.push(candidate);
                self.due.get_or_insert(now + BATCH);
            }
            None if self.told_end || self.untold_end => {}
            None => {
                self.untold_end = true;
                self.due = Some(now);
            }
        }
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Another description was told: what was told before belongs to the one before.
    pub(super) fn described(&mut self) {
        self.told.clear();
        self.told_end = false;
    }

    /// The description that they belong to was taken back.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// What is to be told now of those not told yet.
    pub(super) fn tell(&mut self, round: u32, messages: &mut Vec<PeerMessage>) {
        self.due = None;
        let (fresh, end) = (mem::take(&mut self.untold), mem::take(&mut self.untold_end));
        in_parts(round, &fresh, end, messages);
        self.told.extend(fresh);
        self.told_end |= end;
    }

    /// All of them once more.
    pub(super) fn retell(&mut self, round: u32, messages: &mut Vec<PeerMessage>) {
        in_parts(round, &self.told, self.told_end, messages);
        self.tell(round, messages);
    }
}

fn in_parts(round: u32, candidates: &[Candidate], end: bool, messages: &mut Vec<PeerMessage>) {
    let parts = candidates.chunks(MAX_CANDIDATES);
    let last = parts.len().saturating_sub(1);
    let part = |(at, part): (usize, &[Candidate])| {
        PeerMessage::Candidates(Candidates { round: Some(round), candidates: part.to_vec(), end: end && at == last })
    };
    messages.extend(parts.enumerate().map(part));
    if end && candidates.is_empty() {
        messages.push(PeerMessage::Candidates(Candidates { round: Some(round), candidates: Vec::new(), end }));
    }
}

/// The other end's.
#[derive(Debug, Default)]
pub(super) struct Remote {
    /// The round of the remote description that is set.
    set: Option<u32>,
    /// The round of the last offer of the other end's that was ignored.
    ignored: Option<u32>,
    waiting: Vec<(u32, Option<Candidate>)>,
}

impl Remote {
    pub(super) fn is_set(&self) -> bool {
        self.set.is_some()
    }

    /// An offer was ignored: its candidates are of no use.
    pub(super) fn ignore(&mut self, round: u32) {
        self.ignored = Some(round);
        self.waiting.retain(|(of, _)| *of != round);
    }

    /// A remote description was set. Returns what can be added now.
    pub(super) fn described(&mut self, round: u32) -> Vec<Option<Candidate>> {
        self.set = Some(round);
        let (due, later) = mem::take(&mut self.waiting).into_iter().partition(|(of, _)| *of <= round);
        self.waiting = later;
        let due: Vec<(u32, Option<Candidate>)> = due;
        // The end of an earlier round says nothing of this one.
        due.into_iter().filter(|(of, candidate)| candidate.is_some() || *of == round).map(|(_, candidate)| candidate).collect()
    }

    /// Some were heard. Returns what can be added now.
    pub(super) fn heard(&mut self, heard: Candidates) -> Vec<Option<Candidate>> {
        let round = heard.round.or(self.set).unwrap_or(0);
        if self.ignored == Some(round) {
            return Vec::new();
        }
        let end = heard.end.then_some(None);
        let all = heard.candidates.into_iter().map(Some).chain(end);
        match self.set {
            Some(set) if round <= set => all.filter(|candidate| candidate.is_some() || round == set).collect(),
            _ => {
                let room = MOST_WAITING.saturating_sub(self.waiting.len());
                self.waiting.extend(all.take(room).map(|candidate| (round, candidate)));
                Vec::new()
            }
        }
    }
}
