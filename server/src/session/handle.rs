//! What a handler sees of the session that a call came over.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use bytes::Bytes;
use samewire_protocol::files::FileRecord;
use samewire_protocol::rooms::{Member, RoomName};
use samewire_protocol::streams::StreamSpec;
use samewire_protocol::{CallId, Code, Failure, SessionId, StreamId, StreamRef};
use serde_json::value::RawValue;

use super::Session;
use crate::auth::{Access, Identity};
use crate::rooms::Room;
use crate::streams::{Excerpt, Incoming, Outgoing};

/// One life of a session. A page that is loaded anew may go on with the session of the page before, whose memory is gone: then the id
/// is the same, and the life is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey {
    /// The session.
    pub id: SessionId,
    /// Which of its lives.
    pub life: u64,
}

/// The session that a call came over, or whose credential a call over HTTP carried. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SessionHandle(Arc<Session>);

impl SessionHandle {
    pub(crate) fn new(session: &Arc<Session>) -> Self {
        Self(session.clone())
    }

    /// The session's id.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.0.id
    }

    /// The session and its life, as [`MemberNews`](crate::rooms::core::MemberNews) name it.
    #[must_use]
    pub fn key(&self) -> SessionKey {
        self.0.key()
    }

    /// Whose session it is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.0.identity
    }

    /// What its client may do at present: the token's grants, and until when.
    #[must_use]
    pub fn access(&self) -> Arc<Access> {
        self.0.access()
    }

    /// A stream that this session's client sends. Any other answers `stream-not-found`, whether it exists or not.
    pub async fn incoming(&self, id: StreamId) -> Result<Incoming, Failure> {
        loop {
            // Registered before the look-up, so that no bell is missed in between.
            let mut taken_up = std::pin::pin!(self.0.taken_up.notified());
            taken_up.as_mut().enable();
            // A call may come right behind the frame that opens its stream, which is then still being taken up.
            let last_try = self.0.taking_up.load(Ordering::Acquire) == 0;
            let found = self.0.app.streams.incoming(self.0.identity.owner(), self.0.id, id).await;
            if found.is_ok() || last_try {
                return found;
            }
            taken_up.await;
        }
    }

    /// Opens a stream to the client with the content of one of its owner's stored files, or with an excerpt of it.
    pub async fn open_file(&self, excerpt: impl Into<Excerpt>) -> Result<(StreamRef, FileRecord), Failure> {
        let owner = self.0.identity.owner();
        let (outgoing, file) = self.0.app.streams.open_file(owner, self.0.id, excerpt).await?;
        let spec = spec(&outgoing);
        let mut core = self.0.core.lock();
        if core.ended || core.unread {
            drop(core);
            outgoing.abort();
            return Err(Failure::new(Code::SessionClosed, "nobody reads what goes to this session any more; begin a new one"));
        }
        let Some((no, reference)) = core.machine.open_stream(self.0.app.now(), spec, outgoing.size(), outgoing.digest()) else {
            drop(core);
            outgoing.abort();
            return Err(Failure::new(Code::TooManyStreams, "this session has too many streams open; finish some of them"));
        };
        core.outgoing.insert(no, Arc::new(outgoing));
        drop(core);
        self.0.wake();
        Ok((reference, file))
    }

    /// The member as which the session is in a room. Waits for a join that is under way: a call may come right behind it.
    ///
    /// # Errors
    /// `not-joined`.
    pub async fn member_of(&self, room: &RoomName) -> Result<Member, Failure> {
        self.membership(room).await.map(|(_, member)| member)
    }

    pub(crate) async fn membership(&self, room: &RoomName) -> Result<(Arc<Room>, Member), Failure> {
        self.0.membership(room).await
    }

    pub(crate) fn attach_to_answer(&self, call: CallId, bytes: Bytes) {
        self.0.core.lock().attached.insert(call, bytes);
    }

    pub(crate) fn send_part(&self, call: CallId, payload: &RawValue, context: &Context<'_>) -> Poll<bool> {
        self.0.send_part(call, payload, context)
    }
}

/// What the client is told of a stream that goes to it.
pub(super) fn spec(outgoing: &Outgoing) -> StreamSpec {
    let spec = outgoing.spec();
    StreamSpec { id: outgoing.id(), name: spec.name.clone(), media: spec.media.clone(), size: Some(outgoing.size()) }
}
