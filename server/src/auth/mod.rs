//! Who is on the other end and what they may do: tokens to accesses, and the tickets with which a session is resumed.

mod access;
mod api_keys;
mod family;
mod grants;
mod guard;
mod jwt;
mod key;
mod revocations;
mod ticket;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use samewire_protocol::{Code, Failure, SessionId};

pub use access::Access;
pub(crate) use api_keys::ApiKeys;
pub(crate) use family::Family;
pub use grants::{GrantError, Grants, MAX_GRANTS};
pub(crate) use guard::{Guard, expired, revoked};
pub(crate) use jwt::MAX_TOKEN_ID;
pub use jwt::{Algorithm, Jwks, JwksError, JwtAuthenticator, JwtOptions, KeyError, Keys, MintError, NewToken, PublicKey};
pub use key::{Key, load_or_make};
pub use revocations::Revocation;
pub(crate) use revocations::Revocations;
pub use ticket::{MAX_GRANTED, Ticket, Tickets};

/// What the ids of anonymous identities start with. No user's id may.
pub const ANONYMOUS_PREFIX: &str = "anon:";

/// The longest id of a user, in characters.
pub const MAX_USER: usize = 128;

/// Whose something is: streams, files and quotas belong to an owner. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Owner(Arc<str>);

impl Owner {
    /// The owner as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this owner is a session without a user.
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        self.0.starts_with(ANONYMOUS_PREFIX)
    }

    /// Takes back what [`Owner::as_str`] gave: from the server's own records and tickets only.
    pub(crate) fn recorded(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Who a session or a request belongs to: a user, or nobody that is known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity(Owner);

impl Identity {
    /// The identity of a user. Ids are 1 to 128 characters, none of them a control character, and do not begin with
    /// `anon:`.
    ///
    /// # Errors
    /// [`UserError`] when the id breaks this grammar.
    pub fn user(id: &str) -> Result<Self, UserError> {
        check_user(id)?;
        Ok(Self(Owner(id.into())))
    }

    /// The identity of a session without a user: what it owns, no other session can reach.
    #[must_use]
    pub fn anonymous(session: SessionId) -> Self {
        Self(Owner(format!("{ANONYMOUS_PREFIX}{session}").into()))
    }

    /// The identity of an owner that the server's own records name.
    pub(crate) fn recorded(owner: &Owner) -> Self {
        Self(owner.clone())
    }

    /// The id as text: a user's, or `anon:` and the session's.
    #[must_use]
    pub fn id(&self) -> &str {
        self.0.as_str()
    }

    /// Whether no user stands behind it.
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        self.0.is_anonymous()
    }

    /// Under which name streams and files are kept for it.
    #[must_use]
    pub fn owner(&self) -> &Owner {
        &self.0
    }
}

/// Why an id was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserError {
    /// Empty, or more than 128 characters.
    #[error("a user id has 1 to {MAX_USER} characters")]
    Length,
    /// A control character, or a space at an end.
    #[error("a user id holds no control characters and has no space at its ends")]
    Unprintable,
    /// It begins with `anon:`.
    #[error("a user id does not begin with `{ANONYMOUS_PREFIX}`")]
    Reserved,
}

/// Checks a user's id against the grammar that [`Identity::user`] tells.
pub fn check_user(id: &str) -> Result<(), UserError> {
    if id.is_empty() || id.chars().nth(MAX_USER).is_some() {
        return Err(UserError::Length);
    }
    if id.chars().any(samewire_protocol::name::is_unsafe_to_show) || id.trim() != id {
        return Err(UserError::Unprintable);
    }
    if id.starts_with(ANONYMOUS_PREFIX) {
        return Err(UserError::Reserved);
    }
    Ok(())
}

/// What [`Authenticator::authenticate`] answers with.
pub type Authenticating<'a> = Pin<Box<dyn Future<Output = Result<Option<Access>, Failure>> + Send + 'a>>;

/// Turns the token of a hello or a request into an access. An embedding program brings its own, or uses
/// [`JwtAuthenticator`].
pub trait Authenticator: Send + Sync + 'static {
    /// Who the token stands for and what it allows; `None` where there is no token and anonymous sessions are allowed.
    ///
    /// Failures: `unauthenticated` for no token where one is needed, `token-expired`, and `token-invalid` for all else. The
    /// token itself is never part of a message or a log line.
    fn authenticate<'a>(&'a self, token: Option<&'a str>) -> Authenticating<'a>;
}

/// The failure for a missing token.
pub(crate) fn unauthenticated() -> Failure {
    Failure::new(Code::Unauthenticated, "this server needs a token: sign in and send it with the hello or the request")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_anonymous_sessions_never_share_a_name() {
        let session = SessionId::from_random([7; 16]);
        let anonymous = Identity::anonymous(session);
        assert!(anonymous.is_anonymous() && anonymous.owner().is_anonymous());
        assert_eq!(Identity::user(anonymous.id()), Err(UserError::Reserved));
        assert!(!Identity::user("maria").expect("a plain id").is_anonymous());
    }

    #[test]
    fn the_grammar_of_user_ids() {
        for good in ["a", "maria@example.com", "Jürgen 😀", &"x".repeat(128)] {
            assert_eq!(check_user(good), Ok(()), "{good}");
        }
        assert_eq!(check_user(""), Err(UserError::Length));
        assert_eq!(check_user(&"x".repeat(129)), Err(UserError::Length));
        for bad in ["a\0b", "a\nb", " a", "a ", " "] {
            assert_eq!(check_user(bad), Err(UserError::Unprintable), "{bad:?}");
        }
    }
}
