//! What a room says goes into its feed: at once, or together with what is said shortly after.

use bytes::Bytes;
use samewire_protocol::rooms::{RoomEvent, RoomFrame};

use super::feed::{About, Entry, Heard};
use super::{Core, Millis, Wakes, framed};

/// So many events, or bytes of them, are gathered at most before they go out.
const MOST_GATHERED: usize = 64;
const MOST_GATHERED_BYTES: usize = 64 * 1024;

/// Events that wait for others, to go out together.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    events: Vec<RoomEvent>,
    frames: Vec<(Bytes, Heard)>,
    bytes: usize,
    pub(super) due: Option<Millis>,
}

impl Core {
    /// Puts a frame in the feed, or among those that wait for others.
    pub(super) fn deliver(&mut self, now: Millis, event: RoomEvent, frame: Bytes, is_text: bool, heard: Heard) {
        if self.policy.batch.is_zero() {
            return self.append(now, Entry { frame, about: About::Event(heard) });
        }
        if !is_text {
            self.flush(now);
            return self.append(now, Entry { frame, about: About::Event(heard) });
        }
        let gathered = &mut self.gathered;
        gathered.bytes += frame.len();
        gathered.events.push(event);
        gathered.frames.push((frame, heard));
        let window = u64::try_from(self.policy.batch.as_millis()).unwrap_or(u64::MAX);
        gathered.due.get_or_insert(now.saturating_add(window));
        if gathered.events.len() >= MOST_GATHERED || gathered.bytes >= MOST_GATHERED_BYTES {
            self.flush(now);
        }
    }

    /// Lets out what was gathered.
    pub(super) fn flush(&mut self, now: Millis) {
        let Gathered { events, mut frames, .. } = std::mem::take(&mut self.gathered);
        match frames.len() {
            0 => {}
            1 => {
                if let Some((frame, heard)) = frames.pop() {
                    self.append(now, Entry { frame, about: About::Event(heard) });
                }
            }
            _ => {
                let frame = framed::about(&self.name, &RoomFrame::Events(&events));
                self.append(now, Entry { frame, about: About::Batch(frames.into()) });
            }
        }
    }

    pub(super) fn tell_presence(&mut self, now: Millis) {
        if let Some(frame) = self.news.take(now, &self.name, &self.members) {
            // What was said before goes out before.
            self.flush(now);
            self.append(now, Entry { frame, about: About::Presence });
        }
    }

    fn append(&mut self, now: Millis, entry: Entry) {
        self.feed.push(now, entry);
        self.version += 1;
        self.wakes = Wakes::All;
    }
}
