//! What a session's client may do, and how that changes while the session goes on.

use std::sync::Arc;

use samewire_protocol::limits::MAX_SAFE_INTEGER;
use samewire_protocol::{Code, Failure};

use super::Session;
use super::expiry::Due;
use super::greet::{Lent, admit, lend};
use crate::auth::Access;
use crate::metrics::TokenEvent;
use crate::store::now_ms;

/// The present access, and when the session ends with it.
pub(super) struct Held {
    pub(super) access: Arc<Access>,
    due: Option<Due>,
    /// The session is over: it does not end once more.
    over: bool,
}

impl Held {
    pub(super) fn new(access: Arc<Access>) -> Self {
        Self { access, due: None, over: false }
    }
}

/// Tokens that a client sends on its live session: one is looked at at a time, and of those that wait only the newest counts.
#[derive(Default)]
pub(super) struct Renewal {
    waiting: Option<Box<str>>,
    busy: bool,
}

impl Session {
    /// What its client may do at present.
    pub(crate) fn access(&self) -> Arc<Access> {
        self.held.lock().access.clone()
    }

    /// How long the client is told that it may stay, in milliseconds.
    pub(crate) fn lasts(&self) -> Option<u64> {
        self.access().lasts(now_ms()).map(|lasts| lasts.min(MAX_SAFE_INTEGER))
    }

    /// Takes another access of the same identity; what runs already goes on under the one before.
    pub(crate) fn renew(&self, access: Arc<Access>) {
        let mut held = self.held.lock();
        let due = self.app.guard.ends(&access).filter(|_| !held.over).map(|at| (at, self.id, self.life));
        self.app.expiries.moved(held.due, due);
        held.due = due;
        held.access = access.clone();
        drop(held);
        let most = self.app.streams.allowance(&access).max_upload;
        self.core.lock().machine.limit_uploads(most);
    }

    /// The session no longer ends by itself.
    pub(super) fn is_over(&self) {
        let mut held = self.held.lock();
        held.over = true;
        let due = held.due.take();
        self.app.expiries.moved(due, None);
    }

    /// The client sends a newer token.
    pub(super) fn newer_token(self: &Arc<Self>, token: Box<str>) {
        let mut core = self.core.lock();
        core.renewal.waiting = Some(token);
        if !std::mem::replace(&mut core.renewal.busy, true) {
            drop(core);
            tokio::spawn(self.clone().renewals());
        }
    }

    async fn renewals(self: Arc<Self>) {
        loop {
            let token = {
                let mut core = self.core.lock();
                let token = core.renewal.waiting.take().filter(|_| !core.ended);
                core.renewal.busy = token.is_some();
                token
            };
            let Some(token) = token else { return };
            match self.taken(&token).await {
                Ok(()) => {
                    self.app.metrics.token(TokenEvent::Refreshed);
                    let lasts = self.lasts();
                    self.machine(|machine, now| machine.token_taken(now, lasts));
                    self.recheck(None);
                }
                // The one before is good until its own end.
                Err(failure) => {
                    self.app.metrics.token(TokenEvent::Refused);
                    self.machine(|machine, now| machine.trouble(now, failure, None));
                }
            }
        }
    }

    async fn taken(self: &Arc<Self>, token: &str) -> Result<(), Failure> {
        let access = self.app.guard.authenticate(Some(token)).await?;
        let access = access.filter(|access| access.identity == self.identity).ok_or_else(|| {
            Failure::new(Code::TokenInvalid, "the token is not of this session's user: open a new session with it")
        })?;
        self.take(Arc::new(access));
        Ok(())
    }

    /// Takes a credential that its client shows anew, where it is of the same identity: whether it is.
    pub(crate) async fn renewed_by(self: &Arc<Self>, token: Option<&str>, ticket: Option<&str>) -> Result<bool, Failure> {
        let access = match ticket {
            Some(ticket) => {
                let Lent { access, by } = lend(&self.app, ticket).await?;
                if access.identity != self.identity {
                    return Ok(false);
                }
                // Its own ticket says nothing new, and what its own could not tell the origins of is not taken.
                let Some(access) = access.lent(by, self.id).filter(|_| by != self.id) else { return Ok(true) };
                Some(Arc::new(access))
            }
            None => admit(&self.app, token, None).await?.access,
        };
        let Some(access) = access.filter(|access| access.identity == self.identity) else { return Ok(false) };
        self.take(access);
        self.recheck(None);
        Ok(true)
    }

    fn take(self: &Arc<Self>, access: Arc<Access>) {
        self.renew(access.clone());
        // What was revoked in between found the session with the one before.
        if let Err(failure) = self.app.guard.check(&access, Some(self.id)) {
            self.app.sessions.expel(self, failure);
        }
    }
}
