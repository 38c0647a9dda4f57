//! What goes on in a live stream, as `{"event", "data"}`: `GET /api/v1/streams/{stream}/ws`. The client says nothing.

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use samewire_protocol::live::{
    EndReason, LiveEvent, LiveRecord, LiveState, QualityChanged, StreamEnded, StreamName, StreamStarted, ViewerCountChanged,
};
use samewire_protocol::rooms::{Joined, RoomEvent, Skipped};
use samewire_protocol::session::{Event, RoomNewsKind};
use samewire_protocol::{Code, Failure};
use serde::Serialize;
use serde_json::value::RawValue;

use super::socket::{Desk, Dialect, Word, unreadable, upgrade};
use crate::app::App;
use crate::http::Problem;

pub(super) fn router(app: &Arc<App>) -> Router {
    Router::new().route("/api/v1/streams/{stream}/ws", any(connect)).with_state(app.clone())
}

async fn connect(State(app): State<Arc<App>>, stream: Result<Path<StreamName>, PathRejection>, request: Request) -> Response {
    let Ok(Path(stream)) = stream else {
        let told = "this is not the address of a stream; its name has letters, digits, `.`, `_`, `~` and `-`";
        return Problem::new(&Failure::new(Code::BadName, told)).into_response();
    };
    let entry = super::entry(app.config.dialects.stream_updates.anonymous, request.uri(), request.headers());
    match entry {
        Ok(entry) => upgrade(&app, request, StreamUpdates { stream }, Some(entry), MOST),
        Err(failure) => Problem::new(&failure).into_response(),
    }
}

/// Nothing that a client says here is of use, and what is longer than this ends its connection.
const MOST: usize = 4 * 1024;

/// What clients of this format know.
const EVENTS: [&str; 4] = ["viewer_count_changed", "stream_started", "stream_ended", "quality_changed"];

struct StreamUpdates {
    stream: StreamName,
}

#[derive(Serialize)]
struct Update<'a> {
    event: &'a str,
    data: &'a RawValue,
}

impl Dialect for StreamUpdates {
    const NAME: &'static str = "stream-updates";

    fn hear(&mut self, _: Word, _: &mut Desk) -> Result<(), Failure> {
        Ok(())
    }

    fn entered(&mut self, outcome: Result<(), Failure>, desk: &mut Desk) -> Result<(), Failure> {
        outcome?;
        if let Some(guest) = desk.guest() {
            guest.join(self.stream.room().clone());
        }
        Ok(())
    }

    fn told(&mut self, event: Event, desk: &mut Desk) -> Result<(), Failure> {
        match event {
            Event::Room(news) => match news.kind {
                RoomNewsKind::Joined => {
                    let joined: Joined<'_> = serde_json::from_str(&news.text).map_err(|_| unreadable())?;
                    begin(joined.state, desk)?;
                }
                RoomNewsKind::Event => {
                    let event: RoomEvent = serde_json::from_str(&news.text).map_err(|_| unreadable())?;
                    if let (Some(name), Some(payload)) =
                        (EVENTS.into_iter().find(|known| *known == event.name.as_str()), event.payload.as_deref())
                    {
                        say(name, payload, desk)?;
                    }
                }
                // Who was too slow hears how things are now.
                RoomNewsKind::Skipped => {
                    let skipped: Skipped<'_> = serde_json::from_str(&news.text).map_err(|_| unreadable())?;
                    begin(skipped.state, desk)?;
                }
                RoomNewsKind::Presence | RoomNewsKind::Signal => {}
            },
            Event::RoomLeft { failure: Some(failure), .. } => return Err(failure),
            _ => {}
        }
        Ok(())
    }
}

fn begin(state: Option<&RawValue>, desk: &mut Desk) -> Result<(), Failure> {
    let record = state.map(|state| serde_json::from_str(state.get()));
    let Some(record) = record.transpose().map_err(|_| unreadable())? else { return Ok(()) };
    for event in beginning(record) {
        say(event.name(), &event.payload().map_err(|_| unreadable())?, desk)?;
    }
    Ok(())
}

/// How things are for who comes now: the events that would have told so.
fn beginning(record: LiveRecord) -> Vec<LiveEvent> {
    let LiveRecord { stream_id, viewer_count, peak_viewers, timestamp, .. } = record;
    let (started, ended) = (record.started_at.unwrap_or(timestamp), record.ended_at.unwrap_or(timestamp));
    let mut events = Vec::new();
    if record.state.is_on() {
        let broadcaster = record.broadcaster;
        events.push(LiveEvent::Started(StreamStarted { stream_id: stream_id.clone(), broadcaster, timestamp: started }));
    }
    events.push(LiveEvent::ViewerCount(ViewerCountChanged {
        stream_id: stream_id.clone(),
        viewer_count,
        peak_viewers,
        timestamp,
    }));
    if let Some(quality) = record.quality {
        events.push(LiveEvent::Quality(QualityChanged { stream_id: stream_id.clone(), quality, timestamp }));
    }
    if record.state == LiveState::Ended {
        let reason = record.end_reason.unwrap_or(EndReason::Unknown);
        events.push(LiveEvent::Ended(StreamEnded { stream_id, reason, timestamp: ended }));
    }
    events
}

fn say(event: &str, data: &RawValue, desk: &mut Desk) -> Result<(), Failure> {
    let text = serde_json::to_string(&Update { event, data }).map_err(|_| unreadable())?;
    desk.say(text);
    Ok(())
}

#[cfg(test)]
mod tests {
    use samewire_protocol::live::{Quality, QualityLevel, Timestamp};

    use super::*;

    /// What somebody is told who comes now.
    fn told(change: impl FnOnce(&mut LiveRecord)) -> Vec<String> {
        let mut record = LiveRecord::offline("shop".parse().expect("a name"), Timestamp::from_millis(1_761_042_645_000));
        change(&mut record);
        let text = |event: LiveEvent| {
            let data = event.payload().expect("JSON");
            serde_json::to_string(&Update { event: event.name(), data: &data }).expect("JSON")
        };
        beginning(record).into_iter().map(text).collect()
    }

    const NOBODY: &str = r#"{"event":"viewer_count_changed","data":{"stream_id":"shop","viewer_count":0,"peak_viewers":0,"timestamp":"2025-10-21T10:30:45.000Z"}}"#;

    #[test]
    fn who_comes_is_told_how_things_are() {
        assert_eq!(told(|_| {}), [NOBODY]);
        let live = told(|record| {
            record.state = LiveState::Live;
            record.broadcaster = Some("ada".into());
            record.started_at = Some(Timestamp::from_millis(1_761_042_600_000));
            (record.viewer_count, record.peak_viewers) = (123, 150);
            record.quality = Some(Quality {
                level: QualityLevel::High,
                width: None,
                height: Some(720),
                fps: None,
                bitrate: None,
                limited_by: None,
            });
        });
        assert_eq!(
            live,
            [
                r#"{"event":"stream_started","data":{"stream_id":"shop","broadcaster":"ada","timestamp":"2025-10-21T10:30:00.000Z"}}"#,
                r#"{"event":"viewer_count_changed","data":{"stream_id":"shop","viewer_count":123,"peak_viewers":150,"timestamp":"2025-10-21T10:30:45.000Z"}}"#,
                r#"{"event":"quality_changed","data":{"stream_id":"shop","quality":{"level":"high","height":720},"timestamp":"2025-10-21T10:30:45.000Z"}}"#,
            ]
        );
        let ended = told(|record| {
            record.state = LiveState::Ended;
            record.ended_at = Some(Timestamp::from_millis(1_761_042_640_000));
            record.end_reason = Some(EndReason::Stopped);
        });
        let end =
            r#"{"event":"stream_ended","data":{"stream_id":"shop","reason":"stopped","timestamp":"2025-10-21T10:30:40.000Z"}}"#;
        assert_eq!(ended, [NOBODY, end]);
    }
}
