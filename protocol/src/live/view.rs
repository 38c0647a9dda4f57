//! The one state that people are shown who watch, made of all that is known: the session's link, the stream's record, the peer
//! connection and the pictures that arrive.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::peer::PeerState;
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
    /// It is there to be seen.
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
    /// The state of the peer connection has changed.
    Peer(PeerState),
    /// How many pictures were decoded so far. Any number that is not the one before means that pictures flow.
    Frames(u64),
    /// Something that cannot be helped: the watch was refused, the room was left.
    Failed(Failure),
    /// It is tried once more after it failed or ended.
    Retry,
}

/// Makes the one state.
#[derive(Debug, Default)]
pub struct View {
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
    /// The view of a watch that has just begun.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes note, and returns the state.
    pub fn handle_input(&mut self, now: Instant, input: Input) -> ViewState {
        match input {
            Input::Link(up) => self.link = up,
            Input::Record(record) => self.record(&record),
            Input::Peer(state) => self.peer = Some(state),
            Input::Frames(frames) => self.frames(now, frames),
            Input::Failed(failure) => self.failure = Some(failure),
            Input::Retry => *self = Self { link: self.link, ..Self::new() },
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
        match state {
            Some(LiveState::Paused) => ViewState::Paused { hold_until: self.known.as_ref().and_then(|known| known.hold_until) },
            Some(LiveState::Offline) if self.link => ViewState::Connecting { waiting: true },
            Some(LiveState::Live) if self.link => self.judge_media(),
            _ => lost(Lost::Signal),
        }
    }

    /// The link is up and the stream is live.
    fn judge_media(&self) -> ViewState {
        let video = self.known.as_ref().is_none_or(|known| known.video);
        match &self.peer {
            Some(PeerState::Failed(failure)) => ViewState::Failed { failure: failure.clone() },
            // A picture that stands still is one that the broadcaster does not change.
            Some(PeerState::Connected) if !video || self.moved.is_some() => ViewState::Live,
            _ if self.was_live => ViewState::Reconnecting { what: Lost::Media },
            _ => ViewState::Connecting { waiting: false },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::Code;
    use crate::live::Media;

    /// A view on virtual time.
    struct Watcher {
        view: View,
        now: Instant,
        frames: u64,
    }

    impl Watcher {
        fn new() -> Self {
            Self { view: View::new(), now: Instant::default(), frames: 0 }
        }

        fn take(&mut self, input: Input) -> ViewState {
            self.view.handle_input(self.now, input)
        }

        fn record(&mut self, state: LiveState) -> ViewState {
            let mut record = LiveRecord::offline("shop".parse().unwrap(), Timestamp::from_millis(0));
            record.state = state;
            record.media = Some(Media { audio: true, video: true });
            record.end_reason = (state == LiveState::Ended).then_some(EndReason::Stopped);
            self.take(Input::Record(Box::new(record)))
        }

        fn peer(&mut self, state: PeerState) -> ViewState {
            self.take(Input::Peer(state))
        }

        /// Looks at the pictures once a second.
        fn seconds(&mut self, seconds: u64, frames: u64) -> ViewState {
            for _ in 0..seconds {
                self.now = self.now + Duration::from_secs(1);
                self.frames += frames;
                self.take(Input::Frames(self.frames));
            }
            self.view.state(self.now)
        }

        /// A viewer that sees the stream.
        fn live() -> Self {
            let mut watcher = Self::new();
            watcher.take(Input::Link(true));
            watcher.record(LiveState::Live);
            watcher.peer(PeerState::Connected);
            assert_eq!(watcher.seconds(2, 25), ViewState::Live);
            watcher
        }
    }

    const CONNECTING: ViewState = ViewState::Connecting { waiting: false };
    const SIGNAL: ViewState = ViewState::Reconnecting { what: Lost::Signal };
    const MEDIA: ViewState = ViewState::Reconnecting { what: Lost::Media };
    const PAUSED: ViewState = ViewState::Paused { hold_until: None };

    #[test]
    fn from_the_door_to_the_picture() {
        let mut watcher = Watcher::new();
        assert_eq!(watcher.view.state(watcher.now), CONNECTING);
        assert_eq!(watcher.take(Input::Link(true)), CONNECTING);
        assert_eq!(watcher.record(LiveState::Offline), ViewState::Connecting { waiting: true });
        assert_eq!(watcher.record(LiveState::Live), CONNECTING);
        assert_eq!(watcher.peer(PeerState::Connecting), CONNECTING);
        assert_eq!(watcher.peer(PeerState::Connected), CONNECTING, "there is no picture yet");
        assert_eq!(watcher.seconds(1, 25), ViewState::Live);
        assert_eq!(watcher.record(LiveState::Ended), ViewState::Ended { reason: Some(EndReason::Stopped) });
    }

    #[test]
    fn pictures_that_flow_win_over_what_is_said() {
        let mut watcher = Watcher::live();
        watcher.record(LiveState::Paused);
        watcher.take(Input::Link(false));
        watcher.peer(PeerState::Reconnecting);
        assert_eq!(watcher.seconds(60, 25), ViewState::Live);
        assert_eq!(watcher.seconds(2, 0), ViewState::Live, "a moment without one is no news");
        assert_eq!(watcher.seconds(1, 0), PAUSED);
    }

    #[test]
    fn what_was_lost_is_told() {
        let mut watcher = Watcher::live();
        watcher.seconds(5, 0);
        assert_eq!(watcher.view.state(watcher.now), ViewState::Live, "the broadcaster's picture does not change");
        assert_eq!(watcher.peer(PeerState::Reconnecting), MEDIA);
        assert_eq!(watcher.take(Input::Link(false)), SIGNAL);
        assert_eq!(watcher.take(Input::Link(true)), MEDIA);
        assert_eq!(watcher.peer(PeerState::Connected), ViewState::Live);
        assert_eq!(watcher.record(LiveState::Paused), PAUSED);
        assert_eq!(watcher.record(LiveState::Live), ViewState::Live);
    }

    #[test]
    fn a_stream_of_sound_alone_is_live_when_it_is_connected() {
        let mut watcher = Watcher::new();
        watcher.take(Input::Link(true));
        let mut record = LiveRecord::offline("radio".parse().unwrap(), Timestamp::from_millis(0));
        record.state = LiveState::Live;
        record.media = Some(Media { audio: true, video: false });
        watcher.take(Input::Record(Box::new(record)));
        assert_eq!(watcher.peer(PeerState::Connected), ViewState::Live);
    }

    #[test]
    fn another_peer_connection_counts_its_pictures_from_the_beginning() {
        let mut watcher = Watcher::live();
        watcher.frames = 0;
        watcher.peer(PeerState::Connecting);
        assert_eq!(watcher.seconds(3, 0), MEDIA);
        assert_eq!(watcher.seconds(1, 3), ViewState::Live);
    }

    #[test]
    fn a_stream_that_begins_again_begins_anew() {
        let mut watcher = Watcher::live();
        watcher.record(LiveState::Ended);
        assert_eq!(watcher.record(LiveState::Live), CONNECTING, "what was seen before does not count");
        watcher.peer(PeerState::Connected);
        assert_eq!(watcher.seconds(1, 25), ViewState::Live);
    }

    #[test]
    fn what_failed_stays_so_until_it_is_tried_again() {
        let failure = Failure::new(Code::LiveFull, "as many watch as may; try later");
        let mut watcher = Watcher::live();
        assert_eq!(watcher.take(Input::Failed(failure.clone())), ViewState::Failed { failure: failure.clone() });
        assert_eq!(watcher.seconds(3, 25), ViewState::Failed { failure: failure.clone() });
        assert_eq!(watcher.take(Input::Retry), CONNECTING);
        watcher.record(LiveState::Live);
        assert_eq!(watcher.peer(PeerState::Failed(failure.clone())), ViewState::Failed { failure });
        assert_eq!(watcher.peer(PeerState::Connected), CONNECTING);
        assert_eq!(watcher.seconds(1, 25), ViewState::Live);
    }

    #[test]
    fn the_state_is_told_in_a_word_and_what_belongs_to_it() {
        let failure = Failure::new(Code::LiveFull, "try later");
        for (state, told) in [
            (CONNECTING, r#"{"state":"connecting","waiting":false}"#),
            (ViewState::Live, r#"{"state":"live"}"#),
            (SIGNAL, r#"{"state":"reconnecting","what":"signal"}"#),
            (PAUSED, r#"{"state":"paused"}"#),
            (ViewState::Ended { reason: Some(EndReason::Stopped) }, r#"{"state":"ended","reason":"stopped"}"#),
            (
                ViewState::Failed { failure },
                r#"{"state":"failed","failure":{"code":"live-full","message":"try later","retryable":true,"ran":"no"}}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&state).unwrap(), told);
            assert_eq!(serde_json::from_str::<ViewState>(told).unwrap(), state);
        }
    }
}
