//! The one place where it is decided whether somebody may come in, or stay.

use std::sync::Arc;
use std::time::Duration;

use samewire_protocol::{Code, Failure, SessionId};

use super::revocations::Revocations;
use super::{Access, Authenticator};
use crate::app::millis;
use crate::store::now_ms;

pub(crate) struct Guard {
    authenticator: Arc<dyn Authenticator>,
    pub(crate) revocations: Revocations,
    /// How long after its token's end an access lasts, in milliseconds.
    leeway: u64,
}

impl Guard {
    pub(crate) fn new(authenticator: Arc<dyn Authenticator>, revocations: Revocations, leeway: Duration) -> Self {
        Self { authenticator, revocations, leeway: millis(leeway) }
    }

    /// What a token gives; `None` for no token where none is needed.
    pub(crate) async fn authenticate(&self, token: Option<&str>) -> Result<Option<Access>, Failure> {
        let access = self.authenticator.authenticate(token).await?;
        if let Some(access) = &access {
            self.check(access, None)?;
        }
        Ok(access)
    }

    /// Whether an access, of this session where it has one, is good at present.
    pub(crate) fn check(&self, access: &Access, session: Option<SessionId>) -> Result<(), Failure> {
        let now = now_ms();
        if self.ends(access).is_some_and(|ends| ends <= now) {
            return Err(expired());
        }
        if self.revocations.covers(access, session, now) {
            return Err(revoked());
        }
        Ok(())
    }

    /// When an access is over, in milliseconds since 1970-01-01 UTC.
    pub(crate) fn ends(&self, access: &Access) -> Option<u64> {
        access.expires.map(|expires| expires.saturating_add(self.leeway))
    }
}

/// The failure for what is over with its token.
pub(crate) fn expired() -> Failure {
    Failure::new(Code::TokenExpired, "the token has expired: sign in again and connect with the new one")
}

/// The failure for what was taken back.
pub(crate) fn revoked() -> Failure {
    Failure::new(Code::TokenRevoked, "the token was revoked: sign in again and connect with the new one")
}
