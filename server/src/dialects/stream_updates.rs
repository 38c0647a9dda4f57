//! What goes on in a live stream, as `{"event", "data"}`: `GET /api/v1/streams/{stream}/ws`. The client says nothing.

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use samewire_protocol::live::{LiveRecord, LiveState, StreamName, Timestamp};
use samewire_protocol::rooms::{Joined, RoomEvent};
use samewire_protocol::session::{Event, RoomNewsKind};
use samewire_protocol::{Code, Failure};
use serde::Serialize;
use serde_json::value::RawValue;

use super::socket::{Desk, Dialect, Word, upgrade};
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

/// Nothing that a client says here is of use.
const MOST: usize = 4 * 1024;

/// What clients of this format know.
const EVENTS: [&str; 4] = ["viewer_count_changed", "stream_started", "stream_ended", "quality_changed"];

struct StreamUpdates {
    stream: StreamName,
}

#[derive(Serialize)]
struct Update<'a, T: ?Sized> {
    event: &'a str,
    data: &'a T,
}

/// How many watch, as an event has it.
#[derive(Serialize)]
struct Counts<'a> {
    stream_id: &'a StreamName,
    viewer_count: u64,
    peak_viewers: u64,
    timestamp: &'a Timestamp,
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
                    if let Some(state) = joined.state {
                        begin(state, desk)?;
                    }
                }
                RoomNewsKind::Event => {
                    let event: RoomEvent = serde_json::from_str(&news.text).map_err(|_| unreadable())?;
                    if let (Some(name), Some(payload)) =
                        (EVENTS.into_iter().find(|known| *known == event.name.as_str()), event.payload.as_deref())
                    {
                        say(name, payload, desk);
                    }
                }
                RoomNewsKind::Skipped | RoomNewsKind::Presence | RoomNewsKind::Signal => {}
            },
            Event::RoomLeft { failure: Some(failure), .. } => return Err(failure),
            _ => {}
        }
        Ok(())
    }
}

/// How things are for who comes now.
fn begin(state: &RawValue, desk: &mut Desk) -> Result<(), Failure> {
    let record: LiveRecord = serde_json::from_str(state.get()).map_err(|_| unreadable())?;
    let LiveRecord { stream_id, viewer_count, peak_viewers, timestamp, .. } = &record;
    let counts = Counts { stream_id, viewer_count: *viewer_count, peak_viewers: *peak_viewers, timestamp };
    if record.state.is_on() {
        say("stream_started", &record, desk);
    }
    say("viewer_count_changed", &counts, desk);
    if record.state == LiveState::Ended {
        say("stream_ended", &record, desk);
    }
    Ok(())
}

fn say<T: Serialize + ?Sized>(event: &str, data: &T, desk: &mut Desk) {
    if let Ok(text) = serde_json::to_string(&Update { event, data }) {
        desk.say(text);
    }
}

fn unreadable() -> Failure {
    Failure::new(Code::Internal, "the server cannot read its own record of this stream; try again later")
}
