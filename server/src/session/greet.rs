//! From a hello to a session: who the client is, and whether it goes on with a session that is here.

use std::sync::Arc;

use samewire_protocol::wire::{Continuity, Hello};
use samewire_protocol::{Code, Failure, SessionId};

use super::Session;
use super::registry::Most;
use crate::app::{App, millis};
use crate::auth::{Access, Family, Ticket};
use crate::store::now_ms;

/// How long a ticket can be used to come back.
pub(crate) const TICKET_TTL: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);

/// A client that may come in.
pub(crate) struct Greeted {
    pub(crate) session: Arc<Session>,
    pub(crate) continuity: Continuity,
    pub(crate) ticket: String,
}

/// Decides who the client is, and finds or makes its session.
pub(crate) async fn greet(app: &Arc<App>, hello: &Hello<'_>) -> Result<Greeted, Failure> {
    let Admitted { access, ticket } = admit(app, hello.token.as_deref(), hello.ticket.as_deref()).await?;
    let (id, access) = match (&ticket, access) {
        (Some(ticket), access) => (ticket.session, access.unwrap_or_else(|| Arc::new(ticket.access.clone()))),
        (None, access) => {
            let id = SessionId::from_random(random()?);
            (id, access.unwrap_or_else(|| Arc::new(Access::anonymous(id))))
        }
    };
    if hello.anew && ticket.is_some() {
        // As after a restart of the server: its owner and its streams are there, what else it remembered is not.
        app.sessions.forget(id);
    }
    enter(app, id, access, ticket.as_ref())
}

/// A session for anybody, also where they need a token otherwise.
pub(crate) fn greet_anybody(app: &Arc<App>) -> Result<Greeted, Failure> {
    let id = SessionId::from_random(random()?);
    enter(app, id, Arc::new(Access::anonymous(id)), None)
}

/// A session for whoever holds a ticket, besides the one that it is of.
pub(crate) async fn greet_holder(app: &Arc<App>, ticket: &str) -> Result<Greeted, Failure> {
    let Lent { access, by } = lend(app, ticket).await?;
    enter(app, Family::of(by).another(random()?), access, None)
}

/// What a session gives away with its ticket.
pub(crate) struct Lent {
    pub(crate) access: Arc<Access>,
    /// The session. When it is taken back, so is what it gave.
    pub(crate) by: SessionId,
}

/// What whoever holds a ticket may do, besides the session that it is of.
pub(crate) async fn lend(app: &Arc<App>, ticket: &str) -> Result<Lent, Failure> {
    let Admitted { access: Some(access), ticket: Some(ticket) } = admit(app, None, Some(ticket)).await? else {
        return Err(crate::auth::unauthenticated());
    };
    Ok(Lent { access, by: ticket.session })
}

fn enter(app: &Arc<App>, id: SessionId, access: Arc<Access>, ticket: Option<&Ticket>) -> Result<Greeted, Failure> {
    let session = find_or_make(app, id, access.clone())?;
    // A welcome may be lost on its way. So what counts is not whether the session is here, but whether it is the one that welcomed
    // this client last: only that one knows which of the client's calls ran.
    let continuity = match ticket {
        Some(ticket) if ticket.life == session.life => Continuity::Kept,
        Some(_) => Continuity::Restarted,
        None => Continuity::Fresh,
    };
    let before = session.access();
    session.renew(access.clone());
    let ticket = session.ticket();
    if before.grants != access.grants {
        session.recheck(None);
    }
    // It is here for all to see only now: what was revoked in between did not find it.
    if let Err(failure) = app.guard.check(&access, Some(id)) {
        app.sessions.expel(&session, failure.clone());
        return Err(failure);
    }
    Ok(Greeted { session, continuity, ticket })
}

impl Session {
    /// A credential with which the session can be gone on with.
    pub(crate) fn ticket(&self) -> String {
        self.app.tickets.issue(self.id, self.life, &self.access(), now_ms() + millis(TICKET_TTL))
    }
}

/// Who somebody is who came with a token, a ticket, both or neither.
pub(crate) struct Admitted {
    /// What they may do; `None` for somebody without a token where none is needed.
    pub(crate) access: Option<Arc<Access>>,
    /// The ticket, where it is one of the same identity.
    pub(crate) ticket: Option<Ticket>,
}

/// Decides by the token; a ticket alone is its session's own credential.
pub(crate) async fn admit(app: &Arc<App>, token: Option<&str>, ticket: Option<&str>) -> Result<Admitted, Failure> {
    let now = now_ms();
    let ticket = ticket.and_then(|ticket| app.tickets.verify(ticket, now).ok());
    match (token, ticket) {
        (None, Some(ticket)) => {
            app.guard.check(&ticket.access, Some(ticket.session))?;
            let session = app.sessions.find(ticket.session);
            let access = match session {
                Some(session) => {
                    let access = session.access();
                    app.guard.check(&access, Some(session.id))?;
                    access
                }
                None if ticket.whole => Arc::new(ticket.access.clone()),
                None => return Err(crate::auth::unauthenticated()),
            };
            Ok(Admitted { access: Some(access), ticket: Some(ticket) })
        }
        (token, ticket) => {
            let access = app.guard.authenticate(token).await?.map(Arc::new);
            // A ticket of another identity than the token's, or of a revoked session, is of no use, as if there were none.
            let is_same = |ticket: &Ticket| access.as_ref().is_none_or(|access| access.identity == ticket.access.identity);
            let is_good = |ticket: &Ticket| {
                let mut sessions = ticket.access.origins.iter().chain([&ticket.session]);
                !sessions.any(|session| app.guard.revocations.covers_session(*session, now))
            };
            let ticket = ticket.filter(|ticket| is_same(ticket) && is_good(ticket));
            Ok(Admitted { access, ticket })
        }
    }
}

fn find_or_make(app: &Arc<App>, id: SessionId, access: Arc<Access>) -> Result<Arc<Session>, Failure> {
    if let Some(session) = app.sessions.find(id) {
        return Ok(session);
    }
    let [l0, l1, l2, l3, l4, l5, l6, l7, ..] = random()?;
    let life = u64::from_be_bytes([l0, l1, l2, l3, l4, l5, l6, l7]);
    let limits = &app.config.limits;
    let most = Most { all: limits.max_sessions, user: limits.max_sessions_per_user };
    app.sessions.add(Session::new(app, id, life, access), &most)
}

pub(crate) fn random() -> Result<[u8; 16], Failure> {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits).map_err(|error| {
        tracing::error!(%error, "the system gives no randomness");
        Failure::new(Code::Internal, "the server cannot make an id; try again later")
    })?;
    Ok(bits)
}
