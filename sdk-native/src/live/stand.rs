//! A place in a live stream's room, whatever its holder does there.

use samewire_protocol::live::methods::{
    Get, Ice, Renegotiate, RenegotiateParams, Report, ReportParams, Signal, SignalParams, StreamParams,
};
use samewire_protocol::live::stats::Summary;
use samewire_protocol::live::{
    EndReason, IceConfig, LiveEvent, LiveRecord, LiveSignal, Negotiation, PeerMessage, StreamEnded, StreamName, ViewerId,
};
use samewire_protocol::{Code, Failure, Method};

use crate::client::Client;
use crate::rooms::{JoinOptions, Message, Room, RoomEvent, RoomStatus};

/// A place in a live stream's room.
pub(super) struct Stand {
    client: Client,
    stream: StreamName,
    room: Room,
}

/// What is heard there.
pub(super) enum Heard {
    /// To everybody.
    Event(LiveEvent),
    /// To this member alone.
    Signal(LiveSignal),
    /// The connection was lost and is back, or something was missed: how things are has to be asked for.
    Back,
}

impl Stand {
    pub(super) async fn enter(client: &Client, stream: StreamName) -> Result<Self, Failure> {
        let room = client.join(stream.room().as_str(), JoinOptions::new().presence(false)).await?;
        Ok(Self { client: client.clone(), stream, room })
    }

    pub(super) fn stream(&self) -> &StreamName {
        &self.stream
    }

    pub(super) fn params(&self) -> StreamParams {
        StreamParams { stream: self.stream.clone() }
    }

    pub(super) fn room(&self) -> &Room {
        &self.room
    }

    pub(super) fn record(&self) -> Result<LiveRecord, Failure> {
        self.room.state_as().map_err(|error| unreadable(&error))
    }

    pub(super) async fn until(&self, mut holds: impl FnMut(&LiveRecord) -> bool) -> Result<LiveRecord, Failure> {
        let (mut state, mut status) = (self.room.watch_state(), self.room.watch_status());
        loop {
            state.mark_unchanged();
            let record = self.record()?;
            if holds(&record) {
                return Ok(record);
            }
            if let RoomStatus::Left { why } = status.borrow_and_update().clone() {
                return Err(why.unwrap_or_else(|| Failure::new(Code::NotJoined, "this client has left the stream's room")));
            }
            tokio::select! {
                _ = state.changed() => {}
                _ = status.changed() => {}
            }
        }
    }

    /// What comes next that this version knows; `None` when this client has left the room. Nothing is lost when the future is dropped.
    pub(super) async fn next(&self) -> Result<Option<Heard>, Failure> {
        loop {
            let heard = match self.room.next().await {
                Some(RoomEvent::Message(message)) => {
                    LiveEvent::read(message.name.as_str(), text(&message)).map(|event| event.map(Heard::Event))
                }
                Some(RoomEvent::Signal(message)) => {
                    LiveSignal::read(message.name.as_str(), text(&message)).map(|signal| signal.map(Heard::Signal))
                }
                Some(RoomEvent::Recovered | RoomEvent::Lost { .. }) => Ok(Some(Heard::Back)),
                Some(RoomEvent::Refused(_)) => Ok(None),
                None => {
                    return match self.room.status() {
                        RoomStatus::Left { why: Some(why) } => Err(why),
                        _ => Ok(None),
                    };
                }
            };
            if let Some(heard) = heard.map_err(|error| unreadable(&error))? {
                return Ok(Some(heard));
            }
        }
    }

    /// Calls a method as a member of the room.
    pub(super) async fn ask<M: Method>(&self, params: &M::Params) -> Result<M::Reply, Failure> {
        self.room.ask::<M>(params, None, M::IDEMPOTENT).await.map(|(reply, _)| reply)
    }

    /// The same, and nobody waits for the answer.
    pub(super) fn tell<M: Method>(&self, params: &M::Params) {
        if self.room.status() == RoomStatus::Joined {
            self.client.tell::<M>(params);
        }
    }

    /// The record as the server has it, whatever this member was told.
    pub(super) async fn look(&self) -> Result<LiveRecord, Failure> {
        self.client.call::<Get>(&self.params()).await
    }

    pub(super) async fn ice(&self) -> Result<IceConfig, Failure> {
        self.ask::<Ice>(&self.params()).await
    }

    pub(super) async fn signal(
        &self,
        viewer: Option<ViewerId>,
        negotiation: Negotiation,
        message: &PeerMessage,
    ) -> Result<(), Failure> {
        let params = SignalParams { stream: self.stream.clone(), viewer, negotiation, message: message.clone() };
        self.ask::<Signal>(&params).await.map(drop)
    }

    pub(super) async fn renegotiate(&self, viewer: Option<ViewerId>, negotiation: Negotiation) -> Result<Negotiation, Failure> {
        let params = RenegotiateParams { stream: self.stream.clone(), viewer, negotiation };
        Ok(self.ask::<Renegotiate>(&params).await?.negotiation)
    }

    pub(super) async fn report(&self, viewer: Option<ViewerId>, summary: Summary) -> Result<(), Failure> {
        self.ask::<Report>(&ReportParams { stream: self.stream.clone(), viewer, summary }).await.map(drop)
    }
}

/// The end of a stream, from its record.
pub(super) fn ended(record: LiveRecord) -> LiveEvent {
    let reason = record.end_reason.unwrap_or(EndReason::Unknown);
    LiveEvent::Ended(StreamEnded {
        stream_id: record.stream_id,
        reason,
        timestamp: record.ended_at.unwrap_or(record.timestamp),
    })
}

fn text(message: &Message) -> &str {
    message.json().map_or("null", |json| json.get())
}

fn unreadable(error: &serde_json::Error) -> Failure {
    Failure::new(
        Code::BadRequest,
        format!("what the server says of the stream is not of the form that this client expects: {error}"),
    )
}
