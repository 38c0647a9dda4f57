//! What follows from deeds is told: events to the room, signals to single members, of each stream one after the other.

use std::panic::{AssertUnwindSafe, catch_unwind};
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

/// Looks after streams, each by itself: one that breaks is broken off, and the others are not touched by it.
fn look_after(streams: &Streams, rooms: &Rooms, due: Vec<Arc<Stream>>, tick: impl Fn(&mut Core, Millis)) {
    let look = |stream: &Arc<Stream>, deed: &dyn Fn(&mut Core, Millis)| {
        let look = AssertUnwindSafe(|| {
            stream.with(|inner, now| {
                if !inner.is_gone {
                    deed(&mut inner.core, now);
                }
            });
            tell(streams, rooms, stream);
            streams.tidy(stream);
        });
        catch_unwind(look).is_ok()
    };
    for stream in due {
        if !look(&stream, &tick) {
            tracing::error!(stream = %stream.name, "a live stream broke and is broken off; its broadcaster starts it again");
            look(&stream, &Core::break_off);
        }
    }
}

/// Does what is due, for as long as there are streams to come.
pub(super) async fn run(streams: Weak<Streams>, rooms: Rooms) {
    loop {
        let Some(there) = streams.upgrade() else { return };
        look_after(&there, &rooms, there.take_due(crate::rooms::now().at), Core::tick);
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

#[cfg(test)]
mod tests {
    use samewire_protocol::SessionId;
    use samewire_protocol::live::methods::StartParams;
    use samewire_protocol::live::{EndReason, LiveState, StreamName};
    use samewire_protocol::rooms::{Epoch, Member};

    use super::*;
    use crate::auth::Identity;
    use crate::rooms::core::{MemberNews, What};
    use crate::rooms::policy::role;
    use crate::session::SessionKey;
    use crate::{Config, Server};

    #[tokio::test]
    async fn a_stream_that_breaks_is_begun_again_and_the_others_go_on() {
        let data = tempfile::tempdir().expect("a folder");
        let config = Config { dev: true, data: data.path().into(), ..Config::default() };
        let server = Server::builder().config(config).build().await.expect("a server");
        let live = server.live();
        let (streams, rooms) = (&live.0.streams, &live.0.rooms);
        let session = SessionKey { id: SessionId::from_random([7; 16]), life: 0 };
        let [broken, sound] = ["broken", "sound"].map(|name| name.parse::<StreamName>().expect("a name"));
        let start = |name: &StreamName| {
            let stream = streams.find(name).expect("somebody is there");
            let started = live.act(&stream, |core, now| core.start(now, session, &StartParams::new(name.clone())).map(drop));
            started.expect("it is there").expect("started");
            stream
        };
        let both = [&broken, &sound].map(|name| {
            streams.heard(&MemberNews {
                room: name.room().clone(),
                epoch: Epoch::from_random(1),
                member: Member(1),
                session: Some(session),
                identity: Identity::user("maria").expect("a user"),
                what: What::Came { role: role("broadcaster") },
            });
            start(name)
        });
        let breaks = broken.clone();
        look_after(streams, rooms, both.into(), move |core, now| {
            assert_ne!(core.record(now).stream_id, breaks, "a fault");
            core.tick(now);
        });
        let record = live.get(&broken);
        assert_eq!((record.state, record.end_reason), (LiveState::Ended, Some(EndReason::BroadcasterGone)));
        let told = rooms.state(broken.room()).expect("the room was told");
        assert!(told.get().contains(r#""state":"ended""#), "{told}");
        assert_eq!(live.get(&sound).state, LiveState::Live);
        start(&broken);
        assert_eq!(live.get(&broken).state, LiveState::Live);
    }
}
