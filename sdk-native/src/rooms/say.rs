//! What a member says in a room, and what it asks of it.

use bytes::Bytes;
use samewire_protocol::rooms::methods::{
    History, HistoryParams, PresencePage, PresenceParams, Publish, PublishParams, Published, Send, SendParams, Sent, To,
    WhoIsThere,
};
use samewire_protocol::rooms::{Epoch, EventName, RoomEvent};
use samewire_protocol::wire::Cast;
use samewire_protocol::{Code, Failure, Method};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::event::Message;
use super::room::Room;
use crate::call::{Answer, CallOptions, from_raw, to_raw};

/// How often a call is made again that the server refused because this client is not in the room, when it is again.
const MOST_RETURNS: usize = 3;

/// How something is published.
#[derive(Clone, Debug, Default)]
pub struct PublishOptions {
    /// An idempotency key of at most 64 bytes: what was published with it before, by the same user in the last five minutes, is not
    /// published again. Default: a random one.
    pub key: Option<String>,
    /// How it changes the room's state: a JSON merge patch (RFC 7396). Default: not at all.
    pub patch: Option<Value>,
    /// The room's whole new state. Not together with `patch`. Default: none.
    pub state: Option<Value>,
    /// Only if the newest message that the room keeps has this number; else it fails with [`Code::Conflict`]. Default: in any case.
    pub expected: Option<u64>,
    /// Bytes in place of the payload. Default: none.
    pub attachment: Option<Bytes>,
}

/// How something is cast.
#[derive(Clone, Debug, Default)]
pub struct CastOptions {
    /// Of several with the same key only the newest matters: it is what a slow reader gets. Default: none.
    pub key: Option<String>,
    /// Bytes in place of the payload. Default: none.
    pub attachment: Option<Bytes>,
}

/// Which page of a room's history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Messages after this number, from the oldest on.
    pub after: Option<u64>,
    /// Messages before this number; without `after`, those closest to it.
    pub before: Option<u64>,
    /// How many at most, up to 500. Default 100.
    pub limit: Option<u64>,
}

/// A page of a room's history.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HistoryPage {
    /// The messages, the oldest first.
    pub messages: Vec<Message>,
    /// The span in which they are numbered.
    pub epoch: Epoch,
    /// The oldest message that the room has kept; one more than `last` when it has kept none.
    pub first: u64,
    /// The newest message of the room; 0 when there was none.
    pub last: u64,
    /// Whether the room has kept more in the direction that was asked for.
    pub more: bool,
}

impl Room {
    /// Publishes: the message gets the room's next number, is kept, and goes to every member, this one included. `null` as a payload
    /// says nothing. Waits for the connection where there is none.
    ///
    /// It is safe over lost connections and restarts of the server: it carries a key by which the server knows it again.
    pub async fn publish(&self, name: &str, payload: &impl Serialize) -> Result<Published, Failure> {
        self.publish_with(name, payload, PublishOptions::default()).await
    }

    /// Publishes in a particular way.
    pub async fn publish_with(
        &self,
        name: &str,
        payload: &impl Serialize,
        options: PublishOptions,
    ) -> Result<Published, Failure> {
        let params = PublishParams {
            room: self.name().clone(),
            name: name.parse::<EventName>()?,
            payload: said(payload, options.attachment.as_ref())?,
            patch: options.patch.as_ref().map(to_raw).transpose()?,
            state: options.state.as_ref().map(to_raw).transpose()?,
            key: Some(options.key.map_or_else(random_key, Ok)?.into()),
            expected: options.expected,
        };
        self.ask::<Publish>(&params, options.attachment, true).await.map(|(published, _)| published)
    }

    /// Changes the room's state by a JSON merge patch (RFC 7396), published under the name `state`.
    pub async fn patch(&self, patch: &impl Serialize) -> Result<Published, Failure> {
        let patch = Some(to_value(patch)?);
        self.publish_with(STATE, &(), PublishOptions { patch, ..PublishOptions::default() }).await
    }

    /// Replaces the room's state, published under the name `state`.
    pub async fn replace(&self, state: &impl Serialize) -> Result<Published, Failure> {
        let state = Some(to_value(state)?);
        self.publish_with(STATE, &(), PublishOptions { state, ..PublishOptions::default() }).await
    }

    /// Casts: the message goes to the other members who are connected now, and is not kept. False: this client is not connected
    /// itself, and nothing is sent, for what is said late may be wrong. What the server does not let through is told as
    /// [`RoomEvent::Refused`](super::RoomEvent::Refused).
    pub fn cast(&self, name: &str, payload: &impl Serialize) -> Result<bool, Failure> {
        self.cast_with(name, payload, CastOptions::default())
    }

    /// Casts in a particular way.
    pub fn cast_with(&self, name: &str, payload: &impl Serialize, options: CastOptions) -> Result<bool, Failure> {
        let CastOptions { key, attachment } = options;
        let (name, payload) = (name.parse::<EventName>()?, said(payload, attachment.as_ref())?);
        let cast = Cast {
            room: self.name().as_str().into(),
            name: name.as_str().into(),
            payload: payload.as_deref(),
            key: key.as_deref().map(Into::into),
        };
        self.handle.client.shared().change(|core, now| core.session.cast(now, cast, attachment.as_deref()))
    }

    /// Says something to one member, or to all members of a user or role. One whose connection is lost is told when it is back within
    /// 30 seconds.
    pub async fn send(&self, to: To, name: &str, payload: &impl Serialize) -> Result<Sent, Failure> {
        self.send_params(to, name, said(payload, None)?, None).await
    }

    /// Says bytes to one member, or to all members of a user or role.
    pub async fn send_bytes(&self, to: To, name: &str, bytes: Bytes) -> Result<Sent, Failure> {
        self.send_params(to, name, None, Some(bytes)).await
    }

    async fn send_params(
        &self,
        to: To,
        name: &str,
        payload: Option<Box<RawValue>>,
        attachment: Option<Bytes>,
    ) -> Result<Sent, Failure> {
        let params = SendParams { room: self.name().clone(), to, name: name.parse::<EventName>()?, payload };
        self.ask::<Send>(&params, attachment, false).await.map(|(sent, _)| sent)
    }

    /// Reads a page of what the room has kept.
    pub async fn history(&self, page: Page) -> Result<HistoryPage, Failure> {
        let Page { after, before, limit } = page;
        let params = HistoryParams { room: self.name().clone(), after, before, limit };
        let (page, attachment) = self.ask::<History>(&params, None, true).await?;
        // What events say in bytes comes as one attachment, one after the other.
        let mut bytes = attachment.unwrap_or_default();
        let mut message = |event: RoomEvent| {
            let len = event.attached.map(|len| usize::try_from(len).unwrap_or(usize::MAX));
            let own = len.map(|len| bytes.split_to(len.min(bytes.len())));
            self.membership().message(event, own)
        };
        Ok(HistoryPage {
            messages: page.events.into_iter().map(&mut message).collect(),
            epoch: page.epoch,
            first: page.first,
            last: page.last,
            more: page.more,
        })
    }

    /// Reads who is in the room, by id: those after the given one, `limit` at most (100 by default, up to 500).
    pub async fn presence_page(&self, after: Option<&str>, limit: Option<u64>) -> Result<PresencePage, Failure> {
        let params = PresenceParams { room: self.name().clone(), after: after.map(Into::into), limit };
        self.ask::<WhoIsThere>(&params, None, true).await.map(|(page, _)| page)
    }

    /// Calls a method as a member. A call that was made again on a new connection may come before the room is joined again:
    /// that it was refused for.
    pub(crate) async fn ask<M: Method>(
        &self,
        params: &M::Params,
        attachment: Option<Bytes>,
        idempotent: bool,
    ) -> Result<(M::Reply, Option<Bytes>), Failure> {
        let params = to_raw(params)?;
        let options = CallOptions { timeout: None, idempotent };
        let mut returns = 0;
        loop {
            self.joined().await?;
            let answer = self.handle.client.call_attached(M::NAME, Some(params.clone()), attachment.clone(), options).await;
            match answer {
                Err(failure) if failure.code == Code::NotJoined && returns < MOST_RETURNS => returns += 1,
                answer => {
                    let Answer { result, attachment } = answer?;
                    return Ok((from_raw(&result)?, attachment));
                }
            }
        }
    }
}

/// The name under which the state is changed where the app gives none.
const STATE: &str = "state";

/// A payload as it is sent: `null` is nothing, and bytes go in its place.
fn said(payload: &impl Serialize, attachment: Option<&Bytes>) -> Result<Option<Box<RawValue>>, Failure> {
    match attachment {
        Some(_) => Ok(None),
        None => to_raw(payload).map(|json| Some(json).filter(|json| json.get() != RawValue::NULL.get())),
    }
}

fn to_value(value: &impl Serialize) -> Result<Value, Failure> {
    serde_json::to_value(value)
        .map_err(|error| Failure::new(Code::BadParams, format!("the state cannot be written as JSON: {error}")))
}

fn random_key() -> Result<String, Failure> {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits).map_err(|error| {
        Failure::new(Code::Internal, format!("the system gives no randomness, so nothing can be published safely: {error}"))
    })?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bits)))
}
