//! What a token gives: who its holder is, what it may do, and until when.

use std::sync::{Arc, LazyLock};

use samewire_protocol::SessionId;

use super::{Grants, Identity};

/// Who somebody is, what they may do, and until when. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Who it is.
    pub identity: Identity,
    /// What they may do.
    pub grants: Arc<Grants>,
    /// When the token expires, in milliseconds since 1970-01-01 UTC. `None` for what never does: an anonymous session.
    pub expires: Option<u64>,
    /// When the token was issued, in milliseconds since 1970-01-01 UTC, where it says so.
    pub issued: Option<u64>,
    /// The token's id (`jti`), where it has one.
    pub token_id: Option<Arc<str>>,
    /// Where it was got by the ticket of another session: that session, and those by whose tickets that one was begun. With any of
    /// them it is taken back.
    pub origins: Vec<SessionId>,
}

impl Access {
    /// All that needs no grant, for as long as the identity likes: no room that asks for a grant, and every method.
    #[must_use]
    pub fn new(identity: Identity) -> Self {
        // Most accesses of a server without grants are alike in this.
        static NONE: LazyLock<Arc<Grants>> = LazyLock::new(Arc::default);
        Self { identity, grants: NONE.clone(), expires: None, issued: None, token_id: None, origins: Vec::new() }
    }

    /// The access of a session without a token.
    #[must_use]
    pub fn anonymous(session: SessionId) -> Self {
        Self::new(Identity::anonymous(session))
    }

    /// How long it still lasts, in milliseconds; `None` where it does not end.
    #[must_use]
    pub fn lasts(&self, now_ms: u64) -> Option<u64> {
        self.expires.map(|expires| expires.saturating_sub(now_ms))
    }
}
