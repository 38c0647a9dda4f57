//! What other servers say in rooms and ask of them, each with an API key: `POST /api/rooms/{room}/publish`, `POST /api/publish` for
//! many events at once, and `GET /api/rooms/{room}`.

use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, header};
use samewire_protocol::limits::MAX_BATCH;
use samewire_protocol::rooms::methods::{PublishParams, Published};
use samewire_protocol::rooms::{Epoch, EventName, RoomName};
use samewire_protocol::{Code, Failure};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::api_key::ApiKey;
use super::{Problem, body};
use crate::app::App;
use crate::rooms::change;
use crate::rooms::core::{Message, Publication};

/// The largest body: of one event, and of a batch of them.
const MAX_EVENT: usize = 4 * 1024 * 1024;
const MAX_EVENTS: usize = 16 * 1024 * 1024;

type Name = Result<Path<String>, PathRejection>;

/// What an address says of an event whose body is its attachment.
#[derive(Deserialize)]
pub(crate) struct Asked {
    name: Option<String>,
    key: Option<Box<str>>,
}

/// One event, as JSON or, with any other type of content, as bytes with its name in the address.
pub(crate) async fn publish(
    State(app): State<Arc<App>>,
    ApiKey(by): ApiKey,
    name: Name,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Published>, Problem> {
    let published = async {
        let room = room(name)?;
        let body = body::read(body, MAX_EVENT, "a room takes no larger events").await?;
        let publication = if is_json(&headers) { event(&body)? } else { bytes(asked, body)? };
        app.rooms.publish_as(&by, &room, publication).await
    };
    published.await.map(Json).map_err(|failure| Problem::new(&failure))
}

#[derive(Deserialize)]
struct Batch {
    items: Vec<Box<RawValue>>,
}

/// What became of the events of a batch, in their order.
#[derive(Serialize)]
pub(crate) struct Results {
    results: Vec<Outcome>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Outcome {
    Published(Published),
    Failed { error: Failure },
}

/// Many events, for one room or several. One that cannot be published does not keep the others back.
pub(crate) async fn publish_all(State(app): State<Arc<App>>, ApiKey(by): ApiKey, body: Body) -> Result<Json<Results>, Problem> {
    let results = async {
        let body = body::read(body, MAX_EVENTS, "send the events in several batches").await?;
        let batch: Batch = serde_json::from_slice(&body).map_err(unreadable("{items: [...]}"))?;
        if batch.items.len() > MAX_BATCH {
            let told = format!("a batch has at most {MAX_BATCH} items; send the events in several batches");
            return Err(Failure::new(Code::TooBig, told));
        }
        let mut results = Vec::with_capacity(batch.items.len());
        for item in batch.items {
            results.push(match publish_item(&app, &by, &item).await {
                Ok(published) => Outcome::Published(published),
                Err(error) => Outcome::Failed { error },
            });
        }
        Ok(Json(Results { results }))
    };
    results.await.map_err(|failure| Problem::new(&failure))
}

async fn publish_item(app: &App, by: &str, item: &RawValue) -> Result<Published, Failure> {
    let params: PublishParams = serde_json::from_str(item.get()).map_err(unreadable("{room, name, ...}"))?;
    let PublishParams { room, name, payload, patch, state, key, expected } = params;
    let message = Message { name, payload, attachment: None };
    app.rooms.publish_as(by, &room, Publication { message, change: change(patch, state)?, key, expected }).await
}

/// How a room is.
#[derive(Serialize)]
pub(crate) struct Told {
    users: u64,
    members: u64,
    offset: u64,
    epoch: Epoch,
}

pub(crate) async fn overview(State(app): State<Arc<App>>, _key: ApiKey, name: Name) -> Result<Json<Told>, Problem> {
    let told = || {
        let room = room(name)?;
        app.rooms.kind(&room)?;
        let overview = app
            .rooms
            .overview(&room)
            .ok_or_else(|| Failure::new(Code::RoomNotFound, format!("nobody is in {room}, and nothing of it is kept")))?;
        let counts = overview.counts;
        Ok(Told { users: counts.users, members: counts.members, offset: overview.offset, epoch: overview.epoch })
    };
    told().map(Json).map_err(|failure: Failure| Problem::new(&failure))
}

/// The room's name, which is one part of the address: a slash in it is written `%2F`.
fn room(name: Name) -> Result<RoomName, Failure> {
    Ok(name.map(|Path(name)| name).unwrap_or_default().parse::<RoomName>()?)
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_none_or(|kind| kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json")))
}

fn event(body: &[u8]) -> Result<Publication, Failure> {
    #[derive(Deserialize)]
    struct Event {
        name: EventName,
        #[serde(default, deserialize_with = "present")]
        payload: Option<Box<RawValue>>,
        #[serde(default, deserialize_with = "present")]
        patch: Option<Box<RawValue>>,
        #[serde(default, deserialize_with = "present")]
        state: Option<Box<RawValue>>,
        key: Option<Box<str>>,
        expected: Option<u64>,
    }
    let Event { name, payload, patch, state, key, expected } =
        serde_json::from_slice(body).map_err(unreadable("{name, payload?, patch? | state?, key?}"))?;
    let message = Message { name, payload, attachment: None };
    Ok(Publication { message, change: change(patch, state)?, key, expected })
}

/// `null` is something, too.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

fn bytes(asked: Asked, body: Bytes) -> Result<Publication, Failure> {
    let name = asked.name.ok_or_else(|| {
        let told = "the body is not JSON, so it is the event's attachment: say in the address what the event is called, ?name=";
        Failure::new(Code::BadParams, told)
    })?;
    let message = Message { name: name.parse::<EventName>()?, payload: None, attachment: Some(body) };
    Ok(Publication { message, change: None, key: asked.key, expected: None })
}

fn unreadable(expected: &str) -> impl Fn(serde_json::Error) -> Failure {
    move |error| Failure::new(Code::BadParams, format!("this is not {expected}: {error}"))
}
