//! What follows from deeds is told: events to the room, signals to single members, of each stream one after the other.

use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::FutureExt;
use samewire_protocol::live::QUALITY_MEASURED;
use samewire_protocol::rooms::RoomName;
use samewire_protocol::{Code, Failure};
use serde_json::value::{RawValue, to_raw_value};

use super::Live;
use super::core::{Change, Core, Out};
use super::stream::Stream;
use super::streams::Streams;
use crate::rooms::Rooms;
use crate::rooms::core::{self, Message, Millis, Publication};

impl Live {
    /// Does something with a stream and tells what follows. `None` when the stream was forgotten meanwhile.
    pub(super) fn act<T>(&self, stream: &Arc<Stream>, deed: impl FnOnce(&mut Core, Millis) -> T) -> Option<T> {
        let done = stream.with(|inner, now| (!inner.is_gone).then(|| deed(&mut inner.core, now)));
        self.tell(stream);
        done
    }

    /// Tells what is to be told.
    pub(super) fn tell(&self, stream: &Arc<Stream>) {
        tell(&self.0.streams, &self.0.rooms, stream);
    }
}

fn tell(streams: &Streams, rooms: &Rooms, stream: &Arc<Stream>) {
    stream.tell(|out| say(streams, rooms, stream.name.room(), out));
    streams.settle(stream);
}

fn say(streams: &Streams, rooms: &Rooms, room: &RoomName, out: Out) -> Result<(), Failure> {
    match out {
        Out::Signal(place, signal, _) => {
            let payload = Some(signal.payload().map_err(unwritable)?);
            let message = Message { payload, ..Message::new(signal.name().parse()?) };
            rooms.send_to(room, place.epoch, place.member, message).map(|_| streams.metrics.told(signal.name()))
        }
        Out::Event(event, change) => {
            let payload = event.payload().map_err(unwritable)?;
            publish(rooms, room, event.name(), Some(payload), &change)
        }
        Out::Measured(patch) => publish(rooms, room, QUALITY_MEASURED, None, &Change::Patch(patch)),
    }
}

fn publish(rooms: &Rooms, room: &RoomName, name: &str, payload: Option<Box<RawValue>>, change: &Change) -> Result<(), Failure> {
    let change = match change {
        Change::Record(record) => to_raw_value(record).map(core::Change::State),
        Change::Patch(patch) => to_raw_value(patch).map(core::Change::Patch),
    };
    let published = change.map_err(unwritable).and_then(|change| {
        let message = Message { payload, ..Message::new(name.parse()?) };
        // The record is there at once, so the room is, too.
        let published = rooms.publish(room, Publication { change: Some(change), ..message.into() }).now_or_never();
        published.unwrap_or_else(|| Err(Failure::new(Code::Internal, "the room of a stream is not there at once")))
    });
    published.map(drop).inspect_err(|failure| {
        tracing::error!(%room, event = name, %failure, "what became of a live stream could not be told");
    })
}

fn unwritable(error: serde_json::Error) -> Failure {
    Failure::new(Code::Internal, error.to_string())
}

/// Does what is due, for as long as there are streams to come.
pub(super) async fn run(streams: Weak<Streams>, rooms: Rooms) {
    loop {
        let Some(there) = streams.upgrade() else { return };
        for stream in there.take_due(crate::rooms::now().at) {
            stream.with(|inner, now| {
                if !inner.is_gone {
                    inner.core.tick(now);
                }
            });
            tell(&there, &rooms, &stream);
            there.tidy(&stream);
        }
        let earlier = there.earlier.notified();
        match there.first_due() {
            Some(at) => {
                let wait = Duration::from_millis(at.saturating_sub(crate::rooms::now().at).max(1));
                // Whether it is time or there is something earlier: it is looked at anew.
                let _ = tokio::time::timeout(wait, earlier).await;
            }
            None => earlier.await,
        }
    }
}
