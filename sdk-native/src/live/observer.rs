//! Who follows a stream without watching it.

use std::fmt;

use samewire_protocol::Failure;
use samewire_protocol::live::{LiveEvent, LiveRecord, StreamName};

use super::stand::{Heard, Stand};
use crate::client::Client;
use crate::rooms::Room;

/// A live stream as it is, and what happens to it. When it is dropped, the stream is followed no more.
pub struct Observer {
    stand: Stand,
}

impl Observer {
    pub(super) async fn begin(client: &Client, stream: StreamName) -> Result<Self, Failure> {
        Ok(Self { stand: Stand::enter(client, stream).await? })
    }

    /// The stream.
    #[must_use]
    pub fn stream(&self) -> &StreamName {
        self.stand.stream()
    }

    /// The stream as it is now, whatever was taken of what happened to it.
    pub fn record(&self) -> Result<LiveRecord, Failure> {
        self.stand.record()
    }

    /// Waits until the stream is like this, and gives it as it is then. Fails when it may no longer be seen.
    pub async fn until(&self, holds: impl FnMut(&LiveRecord) -> bool) -> Result<LiveRecord, Failure> {
        self.stand.until(holds).await
    }

    /// The next thing that happens to it; `None` when this program has left its room. Fails when it may no longer be seen. What was
    /// missed, on a lost connection that was away for long, is not told later: [`Observer::record`] is right all the same.
    pub async fn next(&self) -> Result<Option<LiveEvent>, Failure> {
        loop {
            match self.stand.next().await? {
                Some(Heard::Event(event)) => return Ok(Some(event)),
                Some(Heard::Signal(_) | Heard::Back) => {}
                None => return Ok(None),
            }
        }
    }

    /// The stream's room.
    #[must_use]
    pub fn room(&self) -> &Room {
        self.stand.room()
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Observer").field(self.stream()).finish()
    }
}
