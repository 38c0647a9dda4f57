//! The built-in methods `rooms/…`, by which members speak in their rooms and read them.

use samewire_protocol::rooms::methods::{
    History, HistoryPage, HistoryParams, PresencePage, PresenceParams, Publish, PublishParams, Published, Send, SendParams,
    Sent, State, StateNow, StateParams, WhoIsThere,
};
use samewire_protocol::{Code, Failure};
use serde_json::value::RawValue;

use super::core::{Author, Change, Message, Publication};
use super::decided::Speaker;
use super::{Rooms, count};
use crate::calls::{self, Attachment, Enclosing, Methods};
use crate::session::SessionHandle;

pub(crate) fn methods(methods: &mut Methods) {
    methods.add::<Publish, _, _>(publish);
    methods.add::<Send, _, _>(send);
    methods.add::<History, _, _>(history);
    methods.add::<WhoIsThere, _, _>(presence);
    methods.add::<State, _, _>(state);
}

async fn publish(
    calls::State(rooms): calls::State<Rooms>,
    session: SessionHandle,
    Attachment(attachment): Attachment,
    params: PublishParams,
) -> Result<Published, Failure> {
    let PublishParams { room, name, payload, patch, state, key, expected } = params;
    let (room, member) = session.membership(&room).await?;
    let change = change(patch, state)?;
    let publication = Publication { message: Message { name, payload, attachment }, change, key, expected };
    let published = match &room.kind.own {
        None => room.change(|core, now| core.publish(now, Author::Member(member), publication)),
        Some(own) => rooms.publish_decided(&room, own, Speaker::Member(member, session.access()), publication).await,
    };
    count(&room.kind.metrics, &published);
    published
}

/// An event either patches the state or replaces it.
pub(crate) fn change(patch: Option<Box<RawValue>>, state: Option<Box<RawValue>>) -> Result<Option<Change>, Failure> {
    match (patch, state) {
        (Some(_), Some(_)) => Err(Failure::new(Code::BadParams, "an event has either a `patch` or a whole `state`, not both")),
        (Some(patch), None) => Ok(Some(Change::Patch(patch))),
        (None, Some(state)) => Ok(Some(Change::State(state))),
        (None, None) => Ok(None),
    }
}

async fn send(session: SessionHandle, Attachment(attachment): Attachment, params: SendParams) -> Result<Sent, Failure> {
    let SendParams { room, to, name, payload } = params;
    let (room, member) = session.membership(&room).await?;
    let message = Message { name, payload, attachment };
    let sent = room.change(|core, now| core.send(now, Author::Member(member), &to, message));
    let metrics = &room.kind.metrics;
    match &sent {
        Ok(sent) => metrics.signals.add(sent.delivered + sent.held),
        Err(_) => metrics.rejected.add(1),
    }
    sent
}

async fn history(
    session: SessionHandle,
    enclosing: Enclosing,
    params: HistoryParams,
) -> Result<HistoryPage<Box<RawValue>>, Failure> {
    let (room, member) = session.membership(&params.room).await?;
    let (page, attachments) = room.look(|core, now| core.history(now, member, &params))?;
    if !attachments.is_empty() {
        enclosing.enclose(attachments)?;
    }
    Ok(page)
}

async fn presence(session: SessionHandle, params: PresenceParams) -> Result<PresencePage, Failure> {
    let (room, member) = session.membership(&params.room).await?;
    room.look(|core, _| core.presence(member, params.after.as_deref(), params.limit))
}

async fn state(session: SessionHandle, params: StateParams) -> Result<StateNow, Failure> {
    let (room, member) = session.membership(&params.room).await?;
    room.look(|core, _| core.state(member))
}
