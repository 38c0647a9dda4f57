//! What a test does with rooms.

use bytes::Bytes;
use samewire_protocol::rooms::RoomName;
use samewire_protocol::session::{CallRequest, JoinRequest};
use samewire_protocol::wire::{Cast, payload};
use samewire_protocol::{CallId, Failure};
use samewire_server::rooms::KindPolicy;
use samewire_server::rooms::core::{Author, Core, Message, Publication};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use super::{Pair, request};
use crate::client::View;

impl Pair {
    /// A live pair, whose server has rooms of the kind `chat`, with users in presence and a history of 100.
    #[must_use]
    pub fn with_rooms(seed: u64) -> Self {
        let mut pair = Self::connected(seed);
        pair.server.kind("chat", KindPolicy::default());
        pair
    }

    /// A client wants to be in a room.
    pub fn join_as(&mut self, who: usize, room: &str) {
        let request = JoinRequest { room: room.parse().expect("a room's name"), presence: true, info: None };
        self.act(who, |client, net| client.session.join(net.now, request));
    }

    /// A client joins a room, and it is waited until it is in it.
    pub fn join(&mut self, who: usize, room: &str) {
        self.join_as(who, room);
        let inside = self.run_until(|pair| pair.clients[who].rooms.get(room).is_some_and(|view| view.inside));
        assert!(inside, "client {who} could not join {room}: {:?}", self.clients[who].rooms.get(room));
    }

    /// A client leaves a room.
    pub fn leave(&mut self, who: usize, room: &str) {
        self.act(who, |client, net| client.session.leave(net.now, room));
    }

    /// A client publishes an event.
    pub fn publish(&mut self, who: usize, room: &str, name: &str, payload: Value) -> CallId {
        self.publish_with(who, room, name, serde_json::json!({ "payload": payload }), None)
    }

    /// A client publishes an event with these fields besides the room and the name.
    pub fn publish_with(&mut self, who: usize, room: &str, name: &str, mut fields: Value, attachment: Option<Bytes>) -> CallId {
        fields["room"] = room.into();
        fields["name"] = name.into();
        // With a key it can be made again.
        let idempotent = fields.get("key").is_some();
        self.call_as(who, CallRequest { attachment, idempotent, ..request("rooms/publish", &fields.to_string()) })
    }

    /// A client says something ephemeral. Whether it went out.
    pub fn cast(&mut self, who: usize, room: &str, name: &str, json: &str) -> bool {
        let cast = Cast { room: room.into(), name: name.into(), payload: payload(json), key: None };
        self.act(who, |client, net| client.session.cast(net.now, cast, None)).expect("not too big")
    }

    /// A client sends a message to single members.
    pub fn signal(&mut self, who: usize, room: &str, to: Value, name: &str, payload: Value) -> CallId {
        let params = serde_json::json!({ "room": room, "to": to, "name": name, "payload": payload });
        self.call_as(who, request("rooms/send", &params.to_string()))
    }

    /// Asks for something about a room and waits for the answer.
    pub fn ask(&mut self, who: usize, method: &str, params: &Value) -> Result<Value, Failure> {
        let call = self.call_as(who, CallRequest { idempotent: true, ..request(method, &params.to_string()) });
        self.result_as(who, call).map(|text| serde_json::from_str(&text).expect("JSON"))
    }

    /// The server itself publishes an event. Its number.
    pub fn announce(&mut self, room: &str, name: &str, payload: Value) -> u64 {
        let payload: Option<Box<RawValue>> = to_raw_value(&payload).ok();
        let message = Message { name: name.parse().expect("a name"), payload, attachment: None };
        let publication: Publication = message.into();
        let published = self
            .in_room(room, |core, now| core.publish(now, Author::Server("test"), publication.clone()))
            .expect("the server may publish");
        self.server.rooms.note(room.parse().expect("a room's name"), published, publication);
        published.offset
    }

    /// Changes a room as the server itself does.
    pub fn in_room<T>(&mut self, room: &str, change: impl FnOnce(&mut Core, u64) -> T) -> T {
        self.server.in_room(&mut self.net, room, change)
    }

    /// Somebody is something else in a room from now on; nothing: may not be in it.
    pub fn set_role(&mut self, owner: &str, room: &str, role: Option<&str>) {
        self.server.set_role(&mut self.net, owner, room, role);
    }

    /// A room of the server's.
    #[must_use]
    pub fn room(&self, room: &str) -> &Core {
        let name: RoomName = room.parse().expect("a room's name");
        self.server.rooms.cores.get(&name).expect("the room is there")
    }

    /// What a client has seen of a room.
    #[must_use]
    pub fn view(&self, who: usize, room: &str) -> &View {
        self.clients[who].view(room)
    }

    /// Waits until a client has heard everything that was published.
    pub fn catch_up(&mut self, who: usize, room: &str) {
        let newest = |pair: &Self| Some((pair.room(room).epoch(), pair.room(room).newest()));
        let caught_up = self.run_until(|pair| pair.clients[who].rooms.get(room).is_some_and(|view| view.place == newest(pair)));
        assert!(caught_up, "client {who} never heard all of {room}: {:?}", self.clients[who].rooms.get(room));
    }
}
