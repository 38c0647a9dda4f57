//! The one state that people are shown, made of all that is known: the session's link, the stream's record, the peer connection and
//! the pictures that arrive.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::peer::{PeerState, Side};
use super::{EndReason, LiveRecord, LiveState, Timestamp};
use crate::failure::Failure;
use crate::time::Instant;

/// Pictures that came within this time are taken to flow. More than two looks at the statistics, which are a second apart.
const FLOWING: Duration = Duration::from_millis(2_500);

/// What people are shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase")]
#[non_exhaustive]
pub enum ViewState {
    /// It is on the way.
    Connecting {
        /// Whether nobody broadcasts yet, and that is what is waited for.
        #[serde(default)]
        waiting: bool,
    },
    /// It goes out, or is there to be seen.
    Live,
    /// It was there and is being brought back.
    Reconnecting {
        /// What was lost.
        what: Lost,
    },
    /// The broadcaster is away, and may come back.
    Paused {
        /// Until when it is waited for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hold_until: Option<Timestamp>,
    },
    /// It is over.
    Ended {
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<EndReason>,
    },
    /// It was given up.
    Failed {
        /// Why, and what to do.
        failure: Failure,
    },
}

/// What was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lost {
    /// The session's link.
    Signal,
    /// The peer connection.
    Media,
}

/// What became known.
#[derive(Clone, Debug)]
pub enum Input {
    /// Whether the session has a link and is in the stream's room. At first it is taken not to be.
    Link(bool),
    /// The stream's record has changed.
    Record(Box<LiveRecord>),
    /// The state of the peer connection has changed. At a broadcaster, that of no single viewer is told.
    Peer(PeerState),
    /// How many pictures were decoded so far; at a broadcaster, sent, to all viewers together. Any number that is not the one before
    /// means that pictures flow.
    Frames(u64),
    /// Something that cannot be helped: the watch was refused, the room was left, the camera is not given.
    Failed(Failure),
    /// It is tried once more after it failed or ended.
    Retry,
}

/// Makes the one state.
#[derive(Debug)]
pub struct View {
    side: Side,
    link: bool,
    known: Option<Known>,
    peer: Option<PeerState>,
    frames: Option<(u64, Instant)>,
    moved: Option<Instant>,
    was_live: bool,
    failure: Option<Failure>,
}

/// What counts of a record.
#[derive(Debug)]
struct Known {
    state: LiveState,
    hold_until: Option<Timestamp>,
    end_reason: Option<EndReason>,
    video: bool,
}

impl View {
    /// The view of an end that has just begun.
    #[must_use]
    pub fn new(side: Side) -> Self {
        Self { side, link: false, known: None, peer: None, frames: None, moved: None, was_live: false, failure: None }
    }

    /// Takes note, and returns the state.
    pub fn handle_input(&mut self, now: Instant, input: Input) -> ViewState {
        match input {
            Input::Link(up) => self.link = up,
            Input::Record(record) => self.record(&record),
            Input::Peer(state) => self.peer = Some(state),
            Input::Frames(frames) => self.frames(now, frames),
            Input::Failed(failure) => self.failure = Some(failure),
            Input::Retry => *self = Self { link: self.link, ..Self::new(self.side) },
        }
        self.state(now)
    }

    /// The state at this point.
    pub fn state(&mut self, now: Instant) -> ViewState {
        let state = self.judge(now);
        self.was_live |= state == ViewState::Live;
        state
    }

    fn record(&mut self, record: &LiveRecord) {
        let before = self.known.as_ref().map(|known| known.state);
        if before.is_some_and(|state| !state.is_on()) && record.state.is_on() {
            // Another run of the stream: nothing of the one before counts.
            (self.peer, self.frames, self.moved, self.was_live) = (None, None, None, false);
        }
        self.known = Some(Known {
            state: record.state,
            hold_until: record.hold_until,
            end_reason: record.end_reason,
            video: record.media.is_none_or(|media| media.video),
        });
    }

    fn frames(&mut self, now: Instant, frames: u64) {
        let before = self.frames.map_or(0, |(before, _)| before);
        if frames != before && frames > 0 {
            self.moved = Some(now);
        }
        self.frames = Some((frames, now));
    }

    fn judge(&self, now: Instant) -> ViewState {
        if let Some(failure) = &self.failure {
            return ViewState::Failed { failure: failure.clone() };
        }
        let state = self.known.as_ref().map(|known| known.state);
        if let (Some(known), Some(LiveState::Ended)) = (&self.known, state) {
            return ViewState::Ended { reason: known.end_reason };
        }
        // What is seen is believed, whatever is said.
        if self.moved.is_some_and(|moved| now.since(moved) < FLOWING) {
            return ViewState::Live;
        }
        let lost =
            |what| if self.was_live { ViewState::Reconnecting { what } } else { ViewState::Connecting { waiting: false } };
        match (self.side, state) {
            (Side::Viewer, Some(LiveState::Paused)) => {
                ViewState::Paused { hold_until: self.known.as_ref().and_then(|known| known.hold_until) }
            }
            (Side::Viewer, Some(LiveState::Offline)) if self.link => ViewState::Connecting { waiting: true },
            (_, Some(LiveState::Live)) if self.link => self.judge_media(),
            _ => lost(Lost::Signal),
        }
    }

    /// The link is up and the stream is live.
    fn judge_media(&self) -> ViewState {
        let video = self.known.as_ref().is_none_or(|known| known.video);
        match (self.side, &self.peer) {
            (Side::Broadcaster, _) => ViewState::Live,
            (Side::Viewer, Some(PeerState::Failed(failure))) => ViewState::Failed { failure: failure.clone() },
            // A picture that stands still is one that the broadcaster does not change.
            (Side::Viewer, Some(PeerState::Connected)) if !video || self.moved.is_some() => ViewState::Live,
            _ if self.was_live => ViewState::Reconnecting { what: Lost::Media },
            _ => ViewState::Connecting { waiting: false },
        }
    }
}
