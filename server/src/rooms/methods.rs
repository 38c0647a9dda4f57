//! The built-in methods `rooms/…`, by which members speak in their rooms and read them.

use std::sync::Arc;

use samewire_protocol::rooms::Member;
use samewire_protocol::rooms::methods::{
    History, HistoryPage, HistoryParams, PresencePage, PresenceParams, Publish, PublishParams, Published, Send, SendParams,
    Sent, State, StateNow, StateParams, WhoIsThere,
};
use samewire_protocol::{Code, Failure};
use serde_json::value::RawValue;

use super::core::{Author, Change, Message, Publication};
use super::kind::{Publishing, RoomKind};
use super::{Room, count};
use crate::auth::Access;
use crate::calls::{Attachment, Enclosing, Methods};
use crate::session::SessionHandle;

pub(crate) fn methods(methods: &mut Methods) {
    methods.add::<Publish, _, _>(publish);
    methods.add::<Send, _, _>(send);
    methods.add::<History, _, _>(history);
    methods.add::<WhoIsThere, _, _>(presence);
    methods.add::<State, _, _>(state);
}

async fn publish(
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
        Some(own) => {
            let (own, there, access) = (own.clone(), room.clone(), session.access());
            // What the program has stored goes out, although the caller may not wait for it any more.
            let task = tokio::spawn(async move { publish_own(&*own, &there, member, access, publication).await });
            task.await.unwrap_or_else(|_| Err(Failure::new(Code::Internal, "the room could not decide on the event")))
        }
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

/// Publishes in a room whose kind decides for itself, one event after the other.
async fn publish_own(
    own: &dyn RoomKind,
    room: &Arc<Room>,
    member: Member,
    access: Arc<Access>,
    publication: Publication,
) -> Result<Published, Failure> {
    let _turn = room.in_turn.lock().await;
    let author = Author::Member(member);
    let considered = room.change(|core, now| {
        let known = core.consider(now, author, &publication)?;
        let role = core.role(member).cloned();
        Ok::<_, Failure>((known, role))
    })?;
    let role = match considered {
        (Some(published), _) => return Ok(published),
        (None, Some(role)) => role,
        (None, None) => return Err(Failure::new(Code::NotJoined, "this session is not in the room any more")),
    };
    let Publication { message, change, key, .. } = publication;
    let publishing = Publishing { access, role, room: room.name.clone(), message, change };
    let Publishing { message, change, .. } = own.publish(publishing).await?;
    // It is stored, so it goes out, whatever has become of the member meanwhile.
    let publication = Publication { message, change, key, expected: None };
    room.change(|core, now| core.commit(now, author, publication))
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
