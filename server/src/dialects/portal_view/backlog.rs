//! Changes that wait, because their client asks for more of them than it may. Of what it changes over and over only the newest waits,
//! so nothing is stored long after it was said.

use std::collections::VecDeque;

use samewire_protocol::{Code, Failure};

use super::change::Change;

/// How many changes may wait: more than a view has items.
const MOST: usize = 256;
/// How many bytes of them.
const MOST_BYTES: usize = super::MOST;
/// How many pings that came behind them.
const MOST_PINGS: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Backlog {
    waiting: VecDeque<Waiting>,
    /// No fewer than it has.
    bytes: usize,
    pings: usize,
    /// It has taken all the bytes that it takes until one of them is not waiting any more.
    is_full: bool,
}

#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) change: Change,
    /// No fewer than it has.
    bytes: usize,
    /// How many pings are answered when this has come to its end.
    pub(super) pings: usize,
}

impl Waiting {
    pub(super) fn new(change: Change, bytes: usize) -> Self {
        Self { change, bytes, pings: 0 }
    }

    fn take(&mut self, later: Self) {
        self.change.take(later.change);
        self.bytes += later.bytes;
    }
}

impl Backlog {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// One more, behind the others or as a part of one of them. Whether it is another one.
    ///
    /// # Errors
    /// `rate-limited`.
    pub(super) fn put(&mut self, next: Waiting) -> Result<bool, Failure> {
        if !self.has_room(next.bytes) {
            return Err(crowded());
        }
        let mut met = self.waiting.iter_mut().rev();
        if let Some(there) = met.find(|there| !there.change.commutes_with(&next.change))
            && there.change.takes(&next.change)
        {
            self.bytes += next.bytes;
            there.take(next);
            return Ok(false);
        }
        if self.waiting.len() >= MOST {
            return Err(crowded());
        }
        self.bytes += next.bytes;
        self.waiting.push_back(next);
        Ok(true)
    }

    /// The first one, which did not get through. Whether it is another one; if not, what came later has taken its place.
    pub(super) fn put_back(&mut self, mut first: Waiting) -> bool {
        self.bytes += first.bytes;
        self.pings += first.pings;
        let met = self.waiting.iter().position(|there| !first.change.commutes_with(&there.change));
        let met = met.filter(|at| self.waiting.get(*at).is_some_and(|there| first.change.takes(&there.change)));
        let joined = met.and_then(|at| Some((at, self.waiting.remove(at)?)));
        let is_one_more = joined.is_none();
        if let Some((at, later)) = joined {
            // What was said before those pings is not settled before what waits before them.
            let before = at.checked_sub(1).and_then(|before| self.waiting.get_mut(before));
            before.unwrap_or(&mut first).pings += later.pings;
            first.take(later);
        }
        self.waiting.push_front(first);
        is_one_more
    }

    /// The one that has waited longest.
    pub(super) fn pop(&mut self) -> Option<Waiting> {
        let first = self.waiting.pop_front()?;
        self.bytes = self.bytes.saturating_sub(first.bytes);
        self.pings = self.pings.saturating_sub(first.pings);
        self.is_full = false;
        Some(first)
    }

    /// Somebody asks to be told when all that waits now has come to its end. `false` where nothing waits.
    ///
    /// # Errors
    /// `rate-limited`.
    pub(super) fn ping(&mut self) -> Result<bool, Failure> {
        let Some(last) = self.waiting.back_mut() else { return Ok(false) };
        if self.pings >= MOST_PINGS {
            return Err(Failure::new(Code::RateLimited, "earlier pings wait for an answer; ask again when they have one"));
        }
        self.pings += 1;
        last.pings += 1;
        Ok(true)
    }

    /// Makes one change of all, without what does not go into one.
    pub(super) fn join(&mut self) {
        let all = std::mem::take(self).waiting.into_iter().map(|there| there.change);
        let joined = all.reduce(|mut first, mut later| {
            if !first.takes(&later) {
                (first, later) = (first.into_view(), later.into_view());
            }
            if first.takes(&later) {
                first.take(later);
            }
            first
        });
        self.waiting.extend(joined.map(|change| Waiting::new(change, 0)));
    }

    fn has_room(&mut self, more: usize) -> bool {
        if !self.is_full && self.bytes + more > MOST_BYTES {
            // Counted anew, which costs as much as they are long: so not again before as many have come.
            for there in &mut self.waiting {
                there.bytes = there.change.size();
            }
            self.bytes = self.waiting.iter().map(|there| there.bytes).sum();
            self.is_full = self.bytes + more > MOST_BYTES / 2;
        }
        !self.is_full
    }
}

fn crowded() -> Failure {
    let told = "too many of your changes wait to be stored; this one was not taken, change less at once";
    Failure::new(Code::RateLimited, told)
}
