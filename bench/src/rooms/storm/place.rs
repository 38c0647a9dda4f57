//! How far a session is in its room, by the frames that it is sent.

use crate::raw::number;

/// What a session has of its room. Counted on the wire, before the client's own bookkeeping could mend anything.
#[derive(Clone, Copy, Default)]
pub(super) struct Place {
    /// The newest event that it has.
    pub(super) last: u64,
    /// Whether it was told that it is in, since its connection was lost.
    pub(super) is_in: bool,
    /// Events up to here come because they were missed.
    away_until: u64,
    pub(super) recovered: u64,
    pub(super) gaps: u64,
    pub(super) duplicates: u64,
}

impl Place {
    /// Reads a frame; `newest` is the newest event of the room that anybody has.
    pub(super) fn hear(&mut self, text: &str, newest: u64) {
        if text.starts_with(r#"{"type":"event""#) {
            // A name and a payload of our own hold no such key.
            self.event(number(text, r#""offset":"#).unwrap_or(0));
        } else if text.starts_with(r#"{"type":"joined""#) {
            self.joined(number(text, r#""offset":"#).unwrap_or(0), text.contains(r#""recovered":true"#), newest);
        } else if text.starts_with(r#"{"type":"skipped""#) {
            self.gaps += 1;
        }
    }

    fn event(&mut self, offset: u64) {
        if offset <= self.last {
            self.duplicates += 1;
        } else {
            self.gaps += u64::from(offset > self.last + 1);
            self.recovered += u64::from(offset <= self.away_until);
            self.last = offset;
        }
    }

    fn joined(&mut self, offset: u64, recovered: bool, newest: u64) {
        // The first join begins in an empty room.
        if self.last > 0 && !recovered || offset > self.last {
            self.gaps += 1;
        }
        self.last = offset.max(self.last);
        self.away_until = newest;
        self.is_in = true;
    }
}
