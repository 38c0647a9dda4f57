//! The streams that there are, by name, and when each wants to be looked at.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use parking_lot::Mutex;
use samewire_protocol::live::{LiveRecord, LiveState, StreamName, Timestamp};
use samewire_protocol::{Code, Failure};
use tokio::sync::Notify;

use super::core::{Core, Settings};
use super::over::Over;
use super::stream::{Inner, Stream};
use super::{Census, Metrics, over};
use crate::app::millis;
use crate::auth::{Identity, Owner};
use crate::config;
use crate::rooms::core::{MemberNews, Millis};
use crate::session::random;

/// The streams of a server.
pub(crate) struct Streams {
    settings: Settings,
    pub(super) metrics: Metrics,
    /// How many an identity may have live at once.
    most: u32,
    pub(super) by_name: Mutex<BTreeMap<StreamName, Arc<Stream>>>,
    /// Streams by when they want to be looked at, each once.
    due: Mutex<BTreeSet<(Millis, StreamName)>>,
    /// The bell for when there is something earlier.
    pub(super) earlier: Notify,
    /// How many streams of an owner are live or paused.
    owners: Mutex<HashMap<Owner, u32>>,
    pub(super) over: Mutex<Over>,
}

impl Streams {
    pub(crate) fn new(live: &config::Live) -> Arc<Self> {
        Self::keeping(live, over::MOST)
    }

    /// The same, with the records of so many that are over.
    pub(super) fn keeping(live: &config::Live, most_over: usize) -> Arc<Self> {
        let settings = Settings {
            hold: millis(live.hold),
            pause_after: millis(live.pause_after),
            max_viewers: u64::from(live.max_viewers),
        };
        Arc::new(Self {
            settings,
            metrics: Metrics::new(),
            most: live.max_streams,
            by_name: Mutex::default(),
            due: Mutex::default(),
            earlier: Notify::new(),
            owners: Mutex::default(),
            over: Mutex::new(Over::new(most_over)),
        })
    }

    pub(super) fn find(&self, name: &StreamName) -> Option<Arc<Stream>> {
        self.by_name.lock().get(name).cloned()
    }

    /// A stream's record, also of one that is not there.
    pub(super) fn record(&self, name: &StreamName) -> LiveRecord {
        match self.find(name) {
            Some(stream) => stream.with(|inner, now| inner.core.record(now)),
            None => {
                let now = crate::rooms::now();
                LiveRecord::offline(name.clone(), Timestamp::from_millis(now.at.saturating_sub(now.ahead)))
            }
        }
    }

    /// The names after one of them, so many at most.
    pub(super) fn after(&self, name: Option<&StreamName>, most: usize) -> Vec<StreamName> {
        let from = name.map_or(Bound::Unbounded, Bound::Excluded);
        self.by_name.lock().range((from, Bound::Unbounded)).map(|(name, _)| name.clone()).take(most).collect()
    }

    pub(super) fn census(&self, state: LiveState) -> Census {
        let streams: Vec<_> = self.by_name.lock().values().cloned().collect();
        let records = streams.into_iter().map(|stream| stream.with(|inner, now| inner.core.record(now)));
        records.filter(|record| record.state == state).fold(Census::default(), |census, record| Census {
            streams: census.streams + 1,
            viewers: census.viewers + record.viewer_count,
            largest: census.largest.max(record.viewer_count),
        })
    }

    /// Something happened to a member of a stream's room. What follows is told by the task: the room is locked now.
    pub(super) fn heard(&self, news: &MemberNews) {
        let Some(name) = StreamName::of_room(&news.room) else { return };
        loop {
            let Some(stream) = self.find_or_make(&name) else { return };
            let is_heard = stream.with(|inner, now| {
                if !inner.is_gone {
                    inner.core.heard(now, news);
                }
                !inner.is_gone
            });
            if is_heard {
                return self.settle(&stream);
            }
        }
    }

    fn find_or_make(&self, name: &StreamName) -> Option<Arc<Stream>> {
        if let Some(stream) = self.find(name) {
            return Some(stream);
        }
        let [s0, s1, s2, s3, s4, s5, s6, s7, ..] = random().ok()?;
        let seed = u64::from_be_bytes([s0, s1, s2, s3, s4, s5, s6, s7]);
        let mut by_name = self.by_name.lock();
        let make = || Stream::new(name.clone(), Core::new(name.clone(), self.settings, seed, crate::rooms::now().at));
        Some(by_name.entry(name.clone()).or_insert_with(make).clone())
    }

    // Who has how many.

    /// Counts a stream that is about to be started against its owner's number.
    pub(super) fn reserve(&self, who: &Identity) -> Result<(), Failure> {
        let mut owners = self.owners.lock();
        let count = owners.entry(who.owner().clone()).or_default();
        if *count >= self.most {
            let told = format!("you have {} live streams, as many as you may; stop one of them", self.most);
            return Err(Failure::new(Code::TooManyStreams, told));
        }
        *count += 1;
        Ok(())
    }

    pub(super) fn release(&self, owner: &Owner) {
        let mut owners = self.owners.lock();
        if let Some(count) = owners.get_mut(owner) {
            *count -= 1;
            if *count == 0 {
                owners.remove(owner);
            }
        }
    }

    // When each is due.

    /// After something was done with a stream: counts it, and looks at it again when it is due; at once, where something has yet to
    /// be told.
    pub(super) fn settle(&self, stream: &Arc<Stream>) {
        let released = stream.with(|inner, _| {
            let due = if inner.is_gone {
                None
            } else if inner.queue.is_empty() {
                inner.core.due()
            } else {
                Some(0)
            };
            self.schedule(stream, inner, due);
            self.enlist(stream, inner);
            if inner.core.state().is_on() { None } else { inner.counted.take() }
        });
        if let Some(owner) = released {
            self.release(&owner);
        }
        self.make_space();
    }

    pub(super) fn schedule(&self, stream: &Stream, inner: &mut Inner, at: Option<Millis>) {
        if inner.scheduled == at {
            return;
        }
        let mut due = self.due.lock();
        if let Some(before) = inner.scheduled {
            due.remove(&(before, stream.name.clone()));
        }
        inner.scheduled = at;
        let Some(at) = at else { return };
        let is_first = due.first().is_none_or(|(first, _)| at < *first);
        due.insert((at, stream.name.clone()));
        drop(due);
        if is_first {
            self.earlier.notify_one();
        }
    }

    /// When the first of them is due.
    pub(super) fn first_due(&self) -> Option<Millis> {
        self.due.lock().first().map(|(at, _)| *at)
    }

    /// The streams that are due.
    pub(super) fn take_due(&self, now: Millis) -> Vec<Arc<Stream>> {
        let mut names = Vec::new();
        let mut due = self.due.lock();
        while due.first().is_some_and(|(at, _)| *at <= now) {
            names.extend(due.pop_first());
        }
        drop(due);
        let found = names.into_iter().filter_map(|(at, name)| Some((at, self.find(&name)?)));
        let taken = found.inspect(|(at, stream)| stream.with(|inner, _| inner.was_scheduled(*at)));
        taken.map(|(_, stream)| stream).collect()
    }
}

impl std::fmt::Debug for Streams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Streams").finish_non_exhaustive()
    }
}
