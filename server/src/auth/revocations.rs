//! What was taken back before its time: all that a user has, a session and its family, one token.
//!
//! The records have all of it, so that it survives a restart; what is asked for with every request is in memory.

use std::collections::HashMap;
use std::hash::Hash;

use parking_lot::RwLock;
use samewire_protocol::{Code, Failure, SessionId};

use super::{Access, Family};
use crate::store::{Pending, RevocationRow, Store, StoreError};

/// The most revocations at once.
pub(crate) const MAX_REVOCATIONS: usize = 100_000;

/// What is revoked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Revocation {
    /// All tokens and tickets of a user that were issued up to now.
    User(Box<str>),
    /// A session, whatever was begun with its ticket or what it was begun with, and all their tickets.
    Session(SessionId),
    /// One token, by its `jti`, and the tickets that were issued under it.
    Token(Box<str>),
}

impl Revocation {
    /// Whether an access, of this session where it has one, falls under it when it was declared at `at_ms`.
    #[must_use]
    pub fn covers(&self, access: &Access, session: Option<SessionId>, at_ms: u64) -> bool {
        match self {
            // Whoever signs in again after it gets a token that was issued later.
            Self::User(user) => access.identity.id() == &**user && access.issued.is_none_or(|issued| issued <= at_ms),
            Self::Session(id) => sessions(access, session).any(|session| Family::of(session) == Family::of(*id)),
            Self::Token(id) => access.token_id.as_deref() == Some(id),
        }
    }

    fn row(&self, at: u64, until: Option<u64>) -> RevocationRow {
        let (kind, subject) = match self {
            Self::User(user) => ("user", user.to_string()),
            Self::Session(id) => ("session", id.to_string()),
            Self::Token(id) => ("token", id.to_string()),
        };
        RevocationRow { kind: kind.to_owned(), subject, at, until }
    }

    fn recorded(row: &RevocationRow) -> Option<Self> {
        match row.kind.as_str() {
            "user" => Some(Self::User(row.subject.as_str().into())),
            "session" => row.subject.parse().ok().map(Self::Session),
            "token" => Some(Self::Token(row.subject.as_str().into())),
            _ => None,
        }
    }
}

pub(crate) struct Revocations {
    known: RwLock<Known>,
    store: Store,
}

#[derive(Default)]
struct Known {
    users: HashMap<Box<str>, Span>,
    sessions: HashMap<Family, Span>,
    tokens: HashMap<Box<str>, Span>,
}

/// When something was revoked, and until when that counts.
#[derive(Clone, Copy)]
struct Span {
    at: u64,
    until: Option<u64>,
}

impl Span {
    fn counts(&self, now_ms: u64) -> bool {
        self.until.is_none_or(|until| now_ms < until)
    }
}

impl Known {
    fn len(&self) -> usize {
        self.users.len() + self.sessions.len() + self.tokens.len()
    }

    fn add(&mut self, revocation: &Revocation, span: Span) {
        match revocation {
            Revocation::User(user) => self.users.insert(user.clone(), span),
            Revocation::Session(id) => self.sessions.insert(Family::of(*id), span),
            Revocation::Token(id) => self.tokens.insert(id.clone(), span),
        };
    }
}

impl Revocations {
    /// Those that the records have and that still count.
    pub(crate) async fn load(store: Store, now_ms: u64) -> Result<Self, StoreError> {
        let mut known = Known::default();
        for row in store.records().revocations(now_ms).done().await? {
            if let Some(revocation) = Revocation::recorded(&row) {
                known.add(&revocation, Span { at: row.at, until: row.until });
            }
        }
        Ok(Self { known: RwLock::new(known), store })
    }

    /// Counts from now on, until `until`, or for good. The answer is when it is recorded, too.
    pub(crate) fn declare(&self, revocation: &Revocation, at: u64, until: Option<u64>) -> Result<Pending<()>, Failure> {
        let mut known = self.known.write();
        if known.len() >= MAX_REVOCATIONS {
            let told = format!("there are {MAX_REVOCATIONS} revocations, as many as there may be; give them an `until`");
            return Err(Failure::new(Code::Overloaded, told));
        }
        known.add(revocation, Span { at, until });
        Ok(self.store.records().revoke(revocation.row(at, until)))
    }

    /// Whether an access, of this session where it has one, was revoked.
    pub(crate) fn covers(&self, access: &Access, session: Option<SessionId>, now_ms: u64) -> bool {
        fn span<K: Hash + Eq + std::borrow::Borrow<Q>, Q: Hash + Eq + ?Sized>(
            known: &HashMap<K, Span>,
            key: &Q,
            now_ms: u64,
        ) -> Option<Span> {
            known.get(key).copied().filter(|span| span.counts(now_ms))
        }
        let known = self.known.read();
        span(&known.users, access.identity.id(), now_ms)
            .is_some_and(|span| access.issued.is_none_or(|issued| issued <= span.at))
            || sessions(access, session).any(|id| span(&known.sessions, &Family::of(id), now_ms).is_some())
            || access.token_id.as_deref().is_some_and(|id| span(&known.tokens, id, now_ms).is_some())
    }

    /// Whether this session, or one of its family, was revoked.
    pub(crate) fn covers_session(&self, session: SessionId, now_ms: u64) -> bool {
        self.known.read().sessions.get(&Family::of(session)).is_some_and(|span| span.counts(now_ms))
    }

    /// Forgets those that no longer count.
    pub(crate) async fn sweep(&self, now_ms: u64) -> Result<(), StoreError> {
        let before;
        let after;
        {
            let mut known = self.known.write();
            before = known.len();
            known.users.retain(|_, span| span.counts(now_ms));
            known.sessions.retain(|_, span| span.counts(now_ms));
            known.tokens.retain(|_, span| span.counts(now_ms));
            after = known.len();
        }
        if before == after { Ok(()) } else { self.store.records().forget_revocations(now_ms).done().await }
    }
}

/// The sessions with which an access, of this session where it has one, is taken back.
fn sessions(access: &Access, session: Option<SessionId>) -> impl Iterator<Item = SessionId> {
    session.into_iter().chain(access.origins.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Identity;

    fn access(user: &str, issued: Option<u64>, token: Option<&str>) -> Access {
        let mut access = Access::new(Identity::user(user).expect("an id"));
        (access.issued, access.token_id) = (issued, token.map(Into::into));
        access
    }

    #[tokio::test]
    async fn what_is_revoked_stays_so_over_a_restart_and_until_its_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let session = SessionId::from_random([1; 16]);
        {
            let store = Store::open(folder.path()).expect("a store");
            let revocations = Revocations::load(store, 0).await.expect("loaded");
            for (revocation, until) in [
                (Revocation::User("maria".into()), None),
                (Revocation::Session(session), Some(2_000)),
                (Revocation::Token("t-1".into()), Some(3_000)),
            ] {
                let recorded = revocations.declare(&revocation, 1_000, until).expect("room for it");
                recorded.done().await.expect("recorded");
            }
        }
        let store = Store::open(folder.path()).expect("a store");
        let revocations = Revocations::load(store, 1_500).await.expect("loaded");
        let covers = |access: &Access, session, now| revocations.covers(access, session, now);
        // Of the user, what was issued before; of others nothing.
        assert!(covers(&access("maria", Some(1_000), None), None, 1_500));
        assert!(covers(&access("maria", None, None), None, 1_500));
        assert!(!covers(&access("maria", Some(1_001), None), None, 1_500));
        assert!(!covers(&access("mario", Some(1), Some("t-2")), None, 1_500));
        // The session and the token, whoever has them, for a time.
        let other = access("mario", Some(9_000), None);
        assert!(covers(&other, Some(session), 1_999) && !covers(&other, Some(session), 2_000));
        assert!(revocations.covers_session(session, 1_999) && !revocations.covers_session(session, 2_000));
        // And whoever began, or went on, with its tickets.
        let next = Family::of(session).another([5; 16]);
        assert!(covers(&other, Some(next), 1_999) && Revocation::Session(session).covers(&other, Some(next), 1_000));
        assert!(Revocation::Session(next).covers(&other, Some(session), 1_000));
        let lent = access("mario", Some(9_000), None);
        let lent = lent.lent(next, SessionId::from_random([2; 16])).expect("few origins");
        assert!(covers(&lent, None, 1_999) && !covers(&lent, None, 2_000));
        assert!(Revocation::Session(session).covers(&lent, None, 1_000));
        let token = access("mario", Some(9_000), Some("t-1"));
        assert!(covers(&token, None, 2_999) && !covers(&token, None, 3_000));

        revocations.sweep(2_500).await.expect("swept");
        assert_eq!(revocations.known.read().len(), 2);
        assert_eq!(revocations.store.records().revocations(0).done().await.expect("rows").len(), 2);
    }
}
