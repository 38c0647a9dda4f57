//! What a client knows of a room that it is in: one for all handles of the room.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use samewire_protocol::Failure;
use samewire_protocol::rooms::{self, Epoch, Joined, Member, Role, RoomName, Skipped, merge};
use samewire_protocol::session::{RoomNews, RoomNewsKind};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::sync::watch;

use super::event::{Message, RoomEvent};
use super::presence::{Change, Presence};
use super::queue::Queue;

/// Where a membership of a room stands.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum RoomStatus {
    /// Not a member yet.
    #[default]
    Joining,
    /// A member, who hears what happens.
    Joined,
    /// The connection is lost. It is joined again when there is one.
    Away,
    /// Over: left, or ended by the server for this reason.
    Left {
        /// Why, where it was not this client that left.
        why: Option<Failure>,
    },
}

#[derive(Debug)]
pub(crate) struct Membership {
    pub(super) name: RoomName,
    pub(super) status: watch::Sender<RoomStatus>,
    pub(super) state: watch::Sender<Option<Arc<Value>>>,
    pub(super) presence: watch::Sender<Presence>,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    standing: Option<Standing>,
    /// The members that this client was in the epoch: messages of theirs are its own.
    own: Vec<Member>,
    queues: Vec<Arc<Queue>>,
    over: bool,
}

/// How the client is in the room.
#[derive(Clone, Debug)]
struct Standing {
    member: Member,
    role: Role,
    epoch: Epoch,
}

impl Membership {
    pub(crate) fn new(name: RoomName) -> Self {
        Self {
            name,
            status: watch::Sender::default(),
            state: watch::Sender::default(),
            presence: watch::Sender::default(),
            inner: Mutex::default(),
        }
    }

    /// A handle begins to hear.
    pub(super) fn attach(&self, queue: Arc<Queue>) {
        self.inner.lock().queues.push(queue);
    }

    /// A handle hears no more. Whether it was the last.
    pub(super) fn detach(&self, queue: &Arc<Queue>) -> bool {
        let mut inner = self.inner.lock();
        inner.queues.retain(|other| !Arc::ptr_eq(other, queue));
        inner.queues.is_empty()
    }

    pub(super) fn is_over(&self) -> bool {
        self.inner.lock().over
    }

    /// It is over from here on, though nobody is told yet. Whether it was not before.
    pub(super) fn end(&self) -> bool {
        !std::mem::replace(&mut self.inner.lock().over, true)
    }

    pub(super) fn member(&self) -> Option<Member> {
        self.inner.lock().standing.as_ref().map(|standing| standing.member)
    }

    pub(super) fn role(&self) -> Option<Role> {
        self.inner.lock().standing.as_ref().map(|standing| standing.role.clone())
    }

    // What the session says. Apps look at what changes here: the session's lock must not be held.

    pub(crate) fn hear(&self, news: &RoomNews) {
        if let Err(error) = self.hear_news(news) {
            tracing::warn!(room = %news.room, kind = ?news.kind, %error, "the server says of a room what cannot be read");
        }
    }

    fn hear_news(&self, news: &RoomNews) -> Result<(), serde_json::Error> {
        let (text, bytes) = (&news.text, news.attachment.clone());
        match news.kind {
            RoomNewsKind::Joined => self.joined(serde_json::from_str(text)?),
            RoomNewsKind::Event => self.event(serde_json::from_str(text)?, bytes),
            RoomNewsKind::Skipped => self.skipped(serde_json::from_str(text)?),
            RoomNewsKind::Presence => self.presence(serde_json::from_str(text)?),
            RoomNewsKind::Signal => self.signal(serde_json::from_str(text)?, bytes),
        }
        Ok(())
    }

    fn joined(&self, joined: Joined<'_>) {
        let was_in = {
            let mut inner = self.inner.lock();
            if inner.standing.as_ref().is_none_or(|standing| standing.epoch != joined.epoch) {
                inner.own.clear();
            }
            if !inner.own.contains(&joined.member) {
                inner.own.push(joined.member);
            }
            inner.standing.replace(Standing { member: joined.member, role: joined.role, epoch: joined.epoch }).is_some()
        };
        if !joined.recovered {
            self.reset(joined.state);
        }
        if let Some(presence) = joined.presence {
            self.presence.send_replace(Presence::whole(presence));
        }
        self.status.send_if_modified(|status| {
            // The app may have left it meanwhile.
            let goes_on = !matches!(status, RoomStatus::Left { .. });
            if goes_on {
                *status = RoomStatus::Joined;
            }
            goes_on
        });
        if was_in {
            self.tell(match joined.recovered {
                true => RoomEvent::Recovered,
                false => RoomEvent::Lost { missed: joined.missed },
            });
        }
    }

    pub(crate) fn away(&self) {
        self.status.send_if_modified(|status| {
            let was_in = *status == RoomStatus::Joined;
            if was_in {
                *status = RoomStatus::Away;
            }
            was_in
        });
    }

    /// Tells that it is [over](Membership::end).
    pub(crate) fn left(&self, why: Option<Failure>) {
        self.status.send_replace(RoomStatus::Left { why });
        self.inner.lock().queues.iter().for_each(|queue| queue.end());
    }

    fn event(&self, event: rooms::RoomEvent, bytes: Option<Bytes>) {
        if let Some(state) = &event.state {
            self.reset(Some(state));
        } else if let Some(patch) = &event.patch {
            self.patch(patch);
        }
        let message = self.message(event, bytes);
        self.tell(RoomEvent::Message(message));
    }

    fn signal(&self, event: rooms::RoomEvent, bytes: Option<Bytes>) {
        let message = self.message(event, bytes);
        self.tell(RoomEvent::Signal(message));
    }

    fn skipped(&self, skipped: Skipped<'_>) {
        self.reset(skipped.state);
        self.tell(RoomEvent::Lost { missed: Some(skipped.count) });
    }

    fn presence(&self, change: Change) {
        self.presence.send_modify(|presence| presence.change(change));
    }

    pub(crate) fn refused(&self, failure: Failure) {
        self.tell(RoomEvent::Refused(failure));
    }

    pub(super) fn message(&self, event: rooms::RoomEvent, bytes: Option<Bytes>) -> Message {
        let own = event.from.is_some_and(|from| self.inner.lock().own.contains(&from));
        Message::new(event, bytes, own)
    }

    /// The whole state, where the room has one.
    fn reset(&self, state: Option<&RawValue>) {
        if let Some(state) = state.and_then(|state| serde_json::from_str(state.get()).ok()) {
            self.state.send_replace(Some(Arc::new(state)));
        }
    }

    fn patch(&self, patch: &RawValue) {
        let Ok(patch) = serde_json::from_str(patch.get()) else { return };
        // Whoever holds the state as it was keeps it so.
        self.state.send_modify(|state| merge(Arc::make_mut(state.get_or_insert_default()), patch));
    }

    fn tell(&self, event: RoomEvent) {
        self.inner.lock().queues.iter().for_each(|queue| queue.push(event.clone()));
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use serde_json::json;

    use super::*;

    fn membership() -> (Membership, Arc<Queue>) {
        let membership = Membership::new("demo:1".parse().expect("a name"));
        let queue = Arc::new(Queue::default());
        membership.attach(queue.clone());
        (membership, queue)
    }

    fn joined(membership: &Membership, more: Value) {
        let mut text = json!({"member": 7, "role": "member", "epoch": "00000000000000aa", "offset": 0, "recovered": false});
        text.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        membership.joined(serde_json::from_str(&text.to_string()).expect("a joined"));
    }

    fn event(more: Value) -> rooms::RoomEvent {
        let mut text = json!({"name": "a", "at": 1});
        text.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        serde_json::from_str(&text.to_string()).expect("an event")
    }

    fn next(queue: &Queue) -> Option<RoomEvent> {
        queue.next().now_or_never().flatten()
    }

    #[test]
    fn the_state_follows_every_word_of_it() {
        let (membership, _queue) = membership();
        let now = |membership: &Membership| membership.state.borrow().as_deref().cloned();
        assert_eq!(now(&membership), None);
        joined(&membership, json!({"state": null}));
        assert_eq!(now(&membership), Some(Value::Null));
        membership.event(event(json!({"offset": 1, "patch": {"a": 1, "b": {"c": 2}}})), None);
        let held = membership.state.borrow().clone().expect("a state");
        membership.event(event(json!({"offset": 2, "patch": {"a": null}})), None);
        assert_eq!((now(&membership), &*held), (Some(json!({"b": {"c": 2}})), &json!({"a": 1, "b": {"c": 2}})));
        membership.event(event(json!({"offset": 3, "state": [1]})), None);
        assert_eq!(now(&membership), Some(json!([1])));
        joined(&membership, json!({"recovered": true, "offset": 3}));
        assert_eq!(now(&membership), Some(json!([1])), "what is recovered is not told again");
        membership.skipped(serde_json::from_str(r#"{"offset":9,"count":6,"state":null}"#).expect("a word"));
        assert_eq!(now(&membership), Some(Value::Null));
    }

    #[test]
    fn recovery_is_told_but_not_the_first_join() {
        let (membership, queue) = membership();
        joined(&membership, json!({}));
        assert!(next(&queue).is_none());
        membership.away();
        assert_eq!(*membership.status.borrow(), RoomStatus::Away);
        joined(&membership, json!({"recovered": true}));
        assert!(matches!(next(&queue), Some(RoomEvent::Recovered)));
        joined(&membership, json!({"missed": 3}));
        assert!(matches!(next(&queue), Some(RoomEvent::Lost { missed: Some(3) })));
        joined(&membership, json!({"epoch": "00000000000000bb"}));
        assert!(matches!(next(&queue), Some(RoomEvent::Lost { missed: None })));
        assert!(membership.end() && !membership.end() && membership.is_over());
        membership.left(None);
        joined(&membership, json!({}));
        membership.away();
        assert_eq!(*membership.status.borrow(), RoomStatus::Left { why: None });
        assert!(next(&queue).is_none());
    }

    #[test]
    fn own_messages_are_those_of_any_number_that_it_had_in_the_epoch() {
        let (membership, queue) = membership();
        let own = |from: u64| {
            membership.event(event(json!({"from": from})), None);
            matches!(next(&queue), Some(RoomEvent::Message(message)) if message.own)
        };
        joined(&membership, json!({}));
        assert!(own(7) && !own(8));
        joined(&membership, json!({"member": 8, "recovered": true}));
        assert!(matches!(next(&queue), Some(RoomEvent::Recovered)));
        assert!(own(7) && own(8) && !own(9));
        joined(&membership, json!({"member": 1, "epoch": "00000000000000bb"}));
        assert!(matches!(next(&queue), Some(RoomEvent::Lost { .. })));
        assert!(own(1) && !own(7));
    }

    #[test]
    fn presence_follows_what_is_told() {
        let (membership, _queue) = membership();
        let entry = |id: &str| json!({"id": id, "role": "member"});
        joined(&membership, json!({"presence": {"entries": [entry("ada")], "users": 1, "members": 2}}));
        let now = || {
            let presence = membership.presence.borrow();
            let ids = presence.entries.keys().map(ToString::to_string).collect::<Vec<_>>();
            (ids.join(" "), presence.users, presence.members)
        };
        let told = |change: Value| membership.presence(serde_json::from_value(change).expect("a change"));
        assert_eq!(now(), ("ada".to_owned(), 1, 2));
        told(json!({"set": [entry("bob"), entry("ada")], "users": 2, "members": 3}));
        told(json!({"gone": ["ada"], "users": 1, "members": 1}));
        assert_eq!(now(), ("bob".to_owned(), 1, 1));
        told(json!({"users": 1, "members": 5}));
        assert_eq!(now(), ("bob".to_owned(), 1, 5));
    }
}
