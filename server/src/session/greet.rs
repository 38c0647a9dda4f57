//! From a hello to a session: who the client is, and whether it goes on with a session that is here.

use std::sync::Arc;

use samewire_protocol::wire::{Continuity, Hello};
use samewire_protocol::{Code, Failure, SessionId};

use super::Session;
use crate::app::{App, millis};
use crate::auth::Identity;
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
    let now = now_ms();
    let ticket = hello.ticket.as_deref().and_then(|ticket| app.tickets.verify(ticket, now).ok());
    let claimed = match (hello.token.as_deref(), &ticket) {
        // A ticket alone is the session's own credential.
        (None, Some(ticket)) => Some(ticket.identity.clone()),
        (token, _) => app.authenticator.authenticate(token).await?,
    };
    // A ticket of another identity than the token's is of no use, as if there were none.
    let ticket = ticket.filter(|ticket| claimed.as_ref().is_none_or(|identity| identity.owner() == ticket.identity.owner()));
    let (id, identity) = match (&ticket, claimed) {
        (Some(ticket), _) => (ticket.session, ticket.identity.clone()),
        (None, claimed) => {
            let id = SessionId::from_random(random()?);
            (id, claimed.unwrap_or_else(|| Identity::anonymous(id)))
        }
    };
    let session = find_or_make(app, id, identity)?;
    // A welcome may be lost on its way. So what counts is not whether the session is here, but whether it is the one that welcomed
    // this client last: only that one knows which of the client's calls ran.
    let continuity = match ticket {
        Some(ticket) if ticket.life == session.life => Continuity::Kept,
        Some(_) => Continuity::Restarted,
        None => Continuity::Fresh,
    };
    let ticket = app.tickets.issue(session.id, session.life, &session.identity, now + millis(TICKET_TTL));
    Ok(Greeted { session, continuity, ticket })
}

fn find_or_make(app: &Arc<App>, id: SessionId, identity: Identity) -> Result<Arc<Session>, Failure> {
    if let Some(session) = app.sessions.find(id) {
        return Ok(session);
    }
    let [l0, l1, l2, l3, l4, l5, l6, l7, ..] = random()?;
    let life = u64::from_be_bytes([l0, l1, l2, l3, l4, l5, l6, l7]);
    let most = app.config.limits.max_sessions;
    app.sessions.add(Session::new(app, id, life, identity), most).ok_or_else(|| {
        Failure::new(Code::TooManySessions, format!("this server holds {most} sessions, as many as it may; try again later"))
    })
}

pub(crate) fn random() -> Result<[u8; 16], Failure> {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits).map_err(|error| {
        tracing::error!(%error, "the system gives no randomness");
        Failure::new(Code::Internal, "the server cannot make an id; try again later")
    })?;
    Ok(bits)
}
