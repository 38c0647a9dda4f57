//! What a token gives: who its holder is, what it may do, and until when.

use std::sync::{Arc, LazyLock};

use samewire_protocol::SessionId;

use super::ticket::MAX_ORIGINS;
use super::{Family, Grants, Identity};

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
    /// Where a session that had begun by itself got it with the ticket of another one: that one, and those from whom it was got there.
    /// With any of them, or of whose tickets began them, it is taken back.
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

    /// The same for a session that is `to` and shows the ticket of `by`. `None` where a ticket of it could not name all its origins.
    pub(crate) fn lent(&self, by: SessionId, to: SessionId) -> Option<Self> {
        let mut origins: Vec<SessionId> = Vec::new();
        for origin in self.origins.iter().chain([&by]) {
            if !origins.iter().chain([&to]).any(|known| Family::of(*known) == Family::of(*origin)) {
                origins.push(*origin);
            }
        }
        (origins.len() <= MAX_ORIGINS).then(|| Self { origins, ..self.clone() })
    }

    /// How long it still lasts, in milliseconds; `None` where it does not end.
    #[must_use]
    pub fn lasts(&self, now_ms: u64) -> Option<u64> {
        self.expires.map(|expires| expires.saturating_sub(now_ms))
    }
}
