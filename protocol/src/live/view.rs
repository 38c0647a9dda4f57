//! The one state that people are shown who watch, made of all that is known: the session's link, the stream's record, the peer
//! connection and the pictures that arrive.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::peer::PeerState;
use super::{EndReason, LiveRecord, LiveState, Timestamp};
use crate::failure::Failure;
use crate::time::Instant;

/// What came within this time is taken to flow. More than two looks at the statistics, which are a second apart.
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
    /// A peer connection has begun to show what arrives.
    Shown,
    /// A look at the statistics.
    Flow {
        /// How many pictures were decoded so far. Any number that is not the one before means that they flow.
        frames: u64,
        /// Whether any media has arrived since the last look: sound has no pictures, and some pictures do not change.
        media: bool,
    },
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
    frames: u64,
    /// Whether anything was seen of this run.
    seen: bool,
    /// When it flowed last.
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
            Input::Shown => self.flows(now),
            Input::Flow { frames, media } => self.flow(now, frames, media),
            Input::Failed(failure) => self.failure = Some(failure),
            Input::Retry => self.retry(),
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
            self.peer = None;
            self.forget();
        }
        self.known = Some(Known {
            state: record.state,
            hold_until: record.hold_until,
            end_reason: record.end_reason,
            video: record.media.is_none_or(|media| media.video),
        });
    }

    /// Nothing that was seen counts any more. How many pictures there were does: only those that are added are new.
    fn forget(&mut self) {
        (self.seen, self.moved, self.was_live) = (false, None, false);
    }

    fn retry(&mut self) {
        (self.known, self.failure) = (None, None);
        // A connection that goes on tells nothing new of itself.
        self.peer = self.peer.take().filter(|peer| !matches!(peer, PeerState::Failed(_)));
        self.forget();
    }

    fn flow(&mut self, now: Instant, frames: u64, media: bool) {
        let pictures = frames > 0 && frames != self.frames;
        self.frames = frames;
        if pictures || (media && (self.seen || !self.has_video())) {
            self.flows(now);
        }
    }

    fn flows(&mut self, now: Instant) {
        self.seen = true;
        self.moved = Some(now);
    }

    fn has_video(&self) -> bool {
        self.known.as_ref().is_none_or(|known| known.video)
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
        match &self.peer {
            Some(PeerState::Failed(failure)) => ViewState::Failed { failure: failure.clone() },
            // A picture that stands still is one that the broadcaster does not change.
            Some(PeerState::Connected) if self.seen || !self.has_video() => ViewState::Live,
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

        /// Looks at the statistics once a second.
        fn seconds(&mut self, seconds: u64, frames: u64) -> ViewState {
            self.looks(seconds, frames, frames > 0)
        }

        fn looks(&mut self, seconds: u64, frames: u64, media: bool) -> ViewState {
            for _ in 0..seconds {
                self.now = self.now + Duration::from_secs(1);
                self.frames += frames;
                self.take(Input::Flow { frames: self.frames, media });
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
        watcher.take(Input::Link(false));
        assert_eq!(watcher.looks(60, 0, true), ViewState::Live, "it is heard");
        assert_eq!(watcher.looks(3, 0, false), SIGNAL);
    }

    #[test]
    fn a_picture_that_stands_still_flows_as_long_as_anything_arrives() {
        let mut watcher = Watcher::live();
        watcher.record(LiveState::Paused);
        watcher.take(Input::Link(false));
        assert_eq!(watcher.looks(60, 0, true), ViewState::Live);
        assert_eq!(watcher.looks(3, 0, false), PAUSED);
        let mut watcher = Watcher::new();
        watcher.take(Input::Link(true));
        watcher.record(LiveState::Live);
        watcher.peer(PeerState::Connected);
        assert_eq!(watcher.looks(5, 0, true), CONNECTING, "sound is not the picture that is waited for");
        assert_eq!(watcher.take(Input::Shown), ViewState::Live);
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
        assert_eq!(watcher.seconds(3, 0), CONNECTING, "however often it is counted");
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
        assert_eq!(watcher.record(LiveState::Live), CONNECTING);
        assert_eq!(watcher.seconds(3, 0), CONNECTING, "the pictures of before are no picture");
        assert_eq!(watcher.peer(PeerState::Failed(failure.clone())), ViewState::Failed { failure });
        assert_eq!(watcher.take(Input::Retry), CONNECTING);
        assert_eq!(watcher.record(LiveState::Live), CONNECTING, "it failed before this try");
        assert_eq!(watcher.peer(PeerState::Connected), CONNECTING);
        assert_eq!(watcher.seconds(1, 25), ViewState::Live);
    }

    #[test]
    fn a_retry_of_what_goes_on_is_live_with_the_first_picture() {
        let mut watcher = Watcher::live();
        assert_eq!(watcher.take(Input::Retry), CONNECTING);
        assert_eq!(watcher.record(LiveState::Live), CONNECTING);
        assert_eq!(watcher.take(Input::Shown), ViewState::Live);
        assert_eq!(watcher.seconds(5, 0), ViewState::Live, "it is still connected");
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
