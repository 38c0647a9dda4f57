//! The one state for people, for the package's JavaScript.

#![expect(
    missing_docs,
    reason = "wasm-bindgen copies docs into the JavaScript that every page loads; these are for its authors"
)]

use samewire_protocol::live::peer::PeerState;
use samewire_protocol::live::view::{self, Input, Lost, ViewState};
use samewire_protocol::live::{LiveRecord, LiveState, Media, Timestamp};
use samewire_protocol::{Failure, Ran};
use wasm_bindgen::prelude::*;

use super::bridge::read_failure;
use super::web::{get, number, object, text};
use crate::alarm::now;

// What is to be said of a watch.
#[wasm_bindgen]
#[derive(Default)]
pub struct View {
    view: view::View,
    record: JsValue,
}

#[wasm_bindgen]
impl View {
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    // Takes note of something and returns the state: `{ state, what?, reason?, hold_until?, waiting, failure? }`.
    // `kind` and `value`: `link` and whether there is one, `record` and the stream's record, `peer` and `{ state, failure? }`,
    // `shown`, `flow` and the statistics, if there are any, `failed` and an error, `retry`.
    pub fn take(&mut self, kind: &str, value: JsValue) -> JsValue {
        let input = match kind {
            "link" => Some(Input::Link(value.is_truthy())),
            "record" => self.read_record(value).map(|record| Input::Record(Box::new(record))),
            "peer" => read_peer(&value).map(Input::Peer),
            "shown" => Some(Input::Shown),
            "flow" => read_flow(&value),
            "failed" => Some(Input::Failed(read_failure(&value))),
            "retry" => Some(Input::Retry),
            _ => None,
        };
        let state = match input {
            Some(input) => self.view.handle_input(now(), input),
            None => self.view.state(now()),
        };
        self.shown(&state)
    }

    /// What a view looks at. The rest of the record is shown as it came.
    fn read_record(&mut self, value: JsValue) -> Option<LiveRecord> {
        let mut record = LiveRecord::offline(text(&value, "stream_id")?.parse().ok()?, Timestamp::from_millis(0));
        record.state = match text(&value, "state")?.as_str() {
            "offline" => LiveState::Offline,
            "live" => LiveState::Live,
            "paused" => LiveState::Paused,
            "ended" => LiveState::Ended,
            _ => LiveState::Unknown,
        };
        let media = get(&value, "media");
        record.media = media
            .is_object()
            .then(|| Media { audio: get(&media, "audio").is_truthy(), video: get(&media, "video").is_truthy() });
        self.record = value;
        Some(record)
    }

    fn shown(&self, state: &ViewState) -> JsValue {
        let nothing = JsValue::UNDEFINED;
        let told = |name| get(&self.record, name);
        let (state, member) = match state {
            ViewState::Connecting { waiting } => ("connecting", ("waiting", (*waiting).into())),
            ViewState::Live => ("live", ("what", nothing)),
            ViewState::Reconnecting { what: Lost::Signal } => ("reconnecting", ("what", "signal".into())),
            ViewState::Reconnecting { what: Lost::Media } => ("reconnecting", ("what", "media".into())),
            ViewState::Paused { .. } => ("paused", ("hold_until", told("hold_until"))),
            ViewState::Ended { .. } => ("ended", ("reason", told("end_reason"))),
            ViewState::Failed { failure } => ("failed", ("failure", shown(failure))),
            _ => ("connecting", ("what", nothing)),
        };
        object(&[("state", state.into()), member])
    }
}

/// A failure as the wire has it.
pub(crate) fn shown(failure: &Failure) -> JsValue {
    let ran = match failure.ran {
        Ran::No => "no",
        Ran::Yes => "yes",
        Ran::Maybe => "maybe",
    };
    object(&[
        ("code", failure.code.as_str().into()),
        ("message", JsValue::from(failure.message.as_str())),
        ("retryable", failure.retryable.into()),
        ("ran", ran.into()),
    ])
}

/// Of a connection that is not there nothing is known.
fn read_flow(stats: &JsValue) -> Option<Input> {
    let frames = number(stats, "frames")? as u64;
    Some(Input::Flow { frames, media: number(stats, "bitrate").is_some_and(|bitrate| bitrate > 0.0) })
}

fn read_peer(value: &JsValue) -> Option<PeerState> {
    Some(match text(value, "state")?.as_str() {
        "connecting" => PeerState::Connecting,
        "connected" => PeerState::Connected,
        "reconnecting" => PeerState::Reconnecting,
        "failed" => PeerState::Failed(read_failure(&get(value, "failure"))),
        "closed" => PeerState::Closed,
        _ => return None,
    })
}
