//! Uploads over HTTP. A [`Door`] is what every protocol for them has in common: who comes, the upload that it holds, a body that is
//! taken as fast as the disk takes it, and the file at the end. The protocols are folders here; what they store is a stream like any
//! other, so an upload may be begun at one door and finished at another.

mod body;
mod discovery;
pub(crate) mod draft;
mod fresh;
pub(crate) mod tus;

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName};
use samewire_protocol::files::FileRecord;
use samewire_protocol::wire::SESSION_HEADER;
use samewire_protocol::{Code, Digest, Failure, SessionId, StreamId};

use crate::app::App;
use crate::auth::{Access, Owner, unauthenticated};
use crate::http::{bearer, origin};
use crate::limits::Allowance;
use crate::session::{Admitted, admit};
use crate::streams::{StreamSpec, StreamState, Upload, UploadStatus, no_upload};

pub(crate) use discovery::{Discovery, mark_discovery};
pub(crate) use fresh::Fresh;

/// Says which file an upload became, on the answer to the request that finished it and on every later one about it.
pub(crate) const FILE_HEADER: HeaderName = HeaderName::from_static("samewire-file");

/// The method whose grant an upload asks for, and that to remove the file which it became.
const METHOD: &str = "files/upload";
const REMOVAL: &str = "files/remove";

/// The name of a file whose uploader gave none.
const UNNAMED: &str = "upload";

/// A way in for uploads over HTTP. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    pub(crate) app: Arc<App>,
}

/// Who sends a request.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    access: Arc<Access>,
    session: Option<SessionId>,
    /// What it may keep and send.
    pub(crate) allowance: Allowance,
}

impl Caller {
    /// What it may do.
    pub(crate) fn access(&self) -> &Arc<Access> {
        &self.access
    }

    /// Under which name its uploads are kept.
    pub(crate) fn owner(&self) -> &Owner {
        self.access.identity.owner()
    }
}

fn named(spec: StreamSpec) -> StreamSpec {
    StreamSpec { name: spec.name.or_else(|| Some(UNNAMED.to_owned())), ..spec }
}

impl Door {
    pub(crate) fn new(app: &Arc<App>) -> Self {
        Self { app: app.clone() }
    }

    /// Who sends the request: by its bearer token, or the credential of a session. There must be one.
    ///
    /// # Errors
    /// `origin-refused`, `unauthenticated`, and what is wrong with the token.
    pub(crate) async fn who(&self, headers: &HeaderMap) -> Result<Caller, Failure> {
        origin::allowed(&self.app.config, headers)?;
        self.identify(headers).await.inspect_err(|failure| self.app.metrics.refused(failure))
    }

    async fn identify(&self, headers: &HeaderMap) -> Result<Caller, Failure> {
        let ticket = headers.get(SESSION_HEADER).and_then(|value| value.to_str().ok());
        let Admitted { access, ticket } = admit(&self.app, bearer(headers)?, ticket).await?;
        let access = access.ok_or_else(unauthenticated)?;
        let allowance = self.app.streams.allowance(&access);
        Ok(Caller { access, session: ticket.map(|ticket| ticket.session), allowance })
    }

    /// Opens an upload; with an id that the caller has already, it is continued. One without a name gets one, so that every session
    /// of the caller's can make a file of it too.
    ///
    /// # Errors
    /// Those of [`Streams::open_upload`](crate::streams::Streams::open_upload).
    pub(crate) async fn create(&self, caller: &Caller, id: Option<StreamId>, spec: StreamSpec) -> Result<Upload, Failure> {
        caller.access.grants.check_method(METHOD)?;
        self.app.streams.open_upload(caller.owner(), caller.allowance, id, named(spec)).await
    }

    /// Makes one whole upload of others, which are given up.
    ///
    /// # Errors
    /// Those of [`Streams::concat`](crate::streams::Streams::concat).
    pub(crate) async fn join(
        &self,
        caller: &Caller,
        id: StreamId,
        parts: &[StreamId],
        spec: StreamSpec,
    ) -> Result<Upload, Failure> {
        caller.access.grants.check_method(METHOD)?;
        self.app.streams.concat(caller.owner(), caller.allowance, Some(id), parts, named(spec)).await
    }

    /// How far an upload of the caller's is. Whoever holds it goes on.
    ///
    /// # Errors
    /// `stream-not-found`, in the same words whatever the reason.
    pub(crate) async fn look(&self, caller: &Caller, id: StreamId) -> Result<UploadStatus, Failure> {
        self.app.streams.look(caller.owner(), id).await?.ok_or_else(|| no_upload(id))
    }

    /// Takes hold of an upload of the caller's. Whoever held it is ended, and what he had sent is written: so it is known exactly how
    /// far it is.
    ///
    /// # Errors
    /// `stream-not-found`, in the same words whatever the reason; `superseded` when a newer hold came meanwhile.
    pub(crate) async fn hold(&self, caller: &Caller, id: StreamId) -> Result<Upload, Failure> {
        caller.access.grants.check_method(METHOD)?;
        self.app.streams.continue_upload(caller.owner(), caller.allowance, id).await
    }

    /// Takes a body as it comes, not faster than it is written, and answers its trailers. `seen` is shown each piece before it is
    /// taken. What came before a failure stays, unless it is of a part that is not proven.
    ///
    /// # Errors
    /// `superseded` as soon as there is a newer hold; `size-mismatch` for more than was declared; `bad-request` when the body breaks
    /// off; `heartbeat-timeout` when nothing of it comes for too long; `restart`; and why the stream was given up.
    pub(crate) async fn write(
        &self,
        upload: &mut Upload,
        body: &mut Body,
        seen: impl FnMut(&Bytes),
    ) -> Result<Option<HeaderMap>, Failure> {
        body::write(&self.app, upload, body, seen).await
    }

    /// Makes a file of an upload whose bytes were all taken, under its own name. Of one that is a file already, it is the same file.
    ///
    /// # Errors
    /// `size-mismatch`, with the upload as it was, when bytes are missing; `digest-mismatch`; what has become wrong with the caller's
    /// token since the request began, so that nobody finishes what they may no longer begin.
    pub(crate) async fn finish(
        &self,
        caller: &Caller,
        upload: &mut Upload,
        digest: Option<Digest>,
    ) -> Result<FileRecord, Failure> {
        self.app.guard.check(&caller.access, caller.session)?;
        upload.finish(digest).await?;
        upload.commit(None).await
    }

    /// Gives an upload of the caller's up: whoever holds it is ended, its bytes are deleted and their quota is free. The file that was
    /// made of it is removed.
    ///
    /// # Errors
    /// `stream-not-found`, in the same words whatever the reason; `forbidden` for a file, to who may remove none.
    pub(crate) async fn cancel(&self, caller: &Caller, id: StreamId) -> Result<(), Failure> {
        let status = self.look(caller, id).await?;
        match (status.state, status.file) {
            (StreamState::Committed { .. }, Some(file)) => {
                caller.access.grants.check_method(REMOVAL)?;
                let removed = self.app.files.remove(caller.owner(), file).await?;
                if removed { Ok(()) } else { Err(no_upload(id)) }
            }
            (StreamState::Committed { .. }, None) => Err(no_upload(id)),
            (StreamState::Open | StreamState::Whole { .. }, _) => {
                let told = "the upload was canceled; begin a new one";
                self.app.streams.give_up(caller.owner(), id, Failure::new(Code::Canceled, told));
                Ok(())
            }
        }
    }
}
