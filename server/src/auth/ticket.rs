//! Resume tickets: signed, so that a storm of reconnects, or a server that was restarted, needs no look-up to trust one.
//!
//! The text is `2.<what it says>.<mac>`: JSON in base64url, and in hexadecimal digits the keyed hash of BLAKE3 over everything before
//! it. So it is safe in a URL, a header and JSON.
//!
//! A ticket carries what the token allowed under which it was issued, so that alone it never gives more, nor for longer, than that
//! token did. Grants beyond [`MAX_GRANTED`] bytes do not fit; such a ticket says so, and is good alone only while the server still has
//! its session.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use samewire_protocol::{Code, Failure, SessionId};
use serde::{Deserialize, Serialize};

use super::{Access, Grants, Identity, Key, Owner};

/// The most bytes of grants, as JSON, that a ticket carries.
pub const MAX_GRANTED: usize = 2048;

/// The most sessions that a ticket names besides its own, of [those of other families](Access::origins).
pub(crate) const MAX_ORIGINS: usize = 8;

/// The longest text that is looked at. A ticket of ours, with the longest of everything, is shorter.
const MAX_TICKET: usize = 6144;

const VERSION: &str = "2.";

/// What a valid ticket says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The session that it continues.
    pub session: SessionId,
    /// Which life of the session welcomed its holder. A session that was lost and made anew has another, and remembers nothing of
    /// what the holder did.
    pub life: u64,
    /// What the holder could do when it was issued.
    pub access: Access,
    /// Whether the access holds all grants. Without them nobody can tell what the holder may do.
    pub whole: bool,
    /// Until when it can be used, in milliseconds since 1970-01-01 UTC.
    pub expires_ms: u64,
}

/// A ticket's content, with names as short as it is sent often.
#[derive(Serialize, Deserialize)]
struct Content {
    #[serde(rename = "s")]
    session: SessionId,
    #[serde(rename = "l")]
    life: u64,
    #[serde(rename = "o")]
    owner: String,
    #[serde(rename = "e")]
    expires_ms: u64,
    #[serde(rename = "x", default, skip_serializing_if = "Option::is_none")]
    token_expires: Option<u64>,
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    issued: Option<u64>,
    #[serde(rename = "j", default, skip_serializing_if = "Option::is_none")]
    token_id: Option<String>,
    #[serde(rename = "f", default, skip_serializing_if = "Vec::is_empty")]
    origins: Vec<SessionId>,
    #[serde(rename = "g", default, skip_serializing_if = "Option::is_none")]
    grants: Option<serde_json::Value>,
    /// Grants are left out that do not fit.
    #[serde(rename = "p", default, skip_serializing_if = "std::ops::Not::not")]
    partial: bool,
}

/// Issues and verifies tickets.
#[derive(Clone)]
pub struct Tickets {
    key: Key,
}

impl Tickets {
    /// Tickets under this key. Servers with the same key take each other's.
    #[must_use]
    pub fn new(key: Key) -> Self {
        Self { key }
    }

    /// A ticket with which this life of a session may be continued until `expires_ms`.
    #[must_use]
    pub fn issue(&self, session: SessionId, life: u64, access: &Access, expires_ms: u64) -> String {
        let claim = (!access.grants.is_empty()).then(|| serde_json::to_value(&*access.grants).unwrap_or_default());
        let grants = claim.as_ref().filter(|claim| claim.to_string().len() <= MAX_GRANTED);
        let content = Content {
            session,
            life,
            owner: access.identity.id().to_owned(),
            expires_ms,
            token_expires: access.expires,
            issued: access.issued,
            token_id: access.token_id.as_deref().map(str::to_owned),
            origins: access.origins.clone(),
            grants: grants.cloned(),
            partial: claim.is_some() && grants.is_none(),
        };
        let mut text = String::from(VERSION);
        URL_SAFE_NO_PAD.encode_string(serde_json::to_vec(&content).unwrap_or_default(), &mut text);
        let mac = blake3::keyed_hash(&self.key, text.as_bytes());
        text.push('.');
        text.push_str(&mac.to_hex());
        text
    }

    /// What the ticket says, when this server signed it and its time is not over at `now_ms`. Whether its token has expired is not
    /// looked at: with a newer token it still says which session is meant.
    ///
    /// # Errors
    /// `token-invalid`, whatever is wrong with it.
    pub fn verify(&self, text: &str, now_ms: u64) -> Result<Ticket, Failure> {
        self.parse(text)
            .filter(|ticket| now_ms < ticket.expires_ms)
            .ok_or_else(|| Failure::new(Code::TokenInvalid, "the resume ticket is not valid: open a new session with a token"))
    }

    fn parse(&self, text: &str) -> Option<Ticket> {
        if text.len() > MAX_TICKET {
            return None;
        }
        let (signed, mac) = text.rsplit_once('.')?;
        // The comparison of two blake3 hashes takes the same time wherever they differ.
        if blake3::Hash::from_hex(mac).ok()? != blake3::keyed_hash(&self.key, signed.as_bytes()) {
            return None;
        }
        let content = URL_SAFE_NO_PAD.decode(signed.strip_prefix(VERSION)?).ok()?;
        let content: Content = serde_json::from_slice(&content).ok()?;
        let mut access = Access::new(Identity(Owner::recorded(&content.owner)));
        access.expires = content.token_expires;
        access.issued = content.issued;
        access.token_id = content.token_id.map(Into::into);
        access.origins = content.origins;
        if let Some(claim) = content.grants {
            access.grants = Arc::new(Grants::from_claim(&claim).ok()?);
        }
        Some(Ticket {
            session: content.session,
            life: content.life,
            access,
            whole: !content.partial,
            expires_ms: content.expires_ms,
        })
    }
}

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tickets").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> (Tickets, SessionId, Access) {
        let mut access = Access::new(Identity::user("Jürgen@example.com").expect("an id"));
        access.expires = Some(4_000);
        access.issued = Some(1_000);
        access.token_id = Some("t-1".into());
        (Tickets::new([9; 32]), SessionId::from_random([3; 16]), access)
    }

    fn viewer(rooms: usize) -> Arc<Grants> {
        let add = |grants: Grants, no| {
            grants.room(format!("portal:{no}").parse().expect("a pattern"), "viewer".parse().expect("a role"))
        };
        Arc::new((0..rooms).fold(Grants::default(), add))
    }

    #[test]
    fn a_ticket_says_what_it_was_issued_for() {
        let (tickets, session, mut access) = sample();
        access.grants = viewer(2);
        access.origins = vec![SessionId::from_random([4; 16]), SessionId::from_random([5; 16])];
        let text = tickets.issue(session, u64::MAX, &access, 5_000);
        let ticket = tickets.verify(&text, 4_999).expect("valid");
        assert_eq!(ticket, Ticket { session, life: u64::MAX, access, whole: true, expires_ms: 5_000 });
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)));

        let anonymous = Access::anonymous(session);
        let ticket = tickets.verify(&tickets.issue(session, 7, &anonymous, 5_000), 0).expect("valid");
        assert!(ticket.access.identity.is_anonymous() && ticket.whole);
        assert_eq!(ticket.access, anonymous);
    }

    #[test]
    fn grants_that_do_not_fit_are_missed() {
        let (tickets, session, mut access) = sample();
        access.grants = viewer(200);
        let text = tickets.issue(session, 7, &access, 5_000);
        assert!(text.len() < MAX_TICKET);
        let ticket = tickets.verify(&text, 0).expect("valid");
        assert!(!ticket.whole);
        assert_eq!(ticket.access.expires, Some(4_000));
        // The longest ticket with grants is one that is looked at.
        let mut access = Access::new(Identity::user(&"😀".repeat(128)).expect("an id"));
        access.token_id = Some("\u{1}".repeat(128).into());
        access.grants = viewer(40);
        access.origins = vec![session; MAX_ORIGINS];
        let text = tickets.issue(session, u64::MAX, &access, u64::MAX);
        assert!(tickets.verify(&text, 0).expect("valid").whole, "{}", text.len());
    }

    #[test]
    fn every_change_every_cut_and_every_other_key_is_refused_in_the_same_words() {
        let (tickets, session, access) = sample();
        let text = tickets.issue(session, 7, &access, 5_000);
        let refusal = tickets.verify(&text, 5_000).expect_err("expired");
        assert_eq!(refusal.code, Code::TokenInvalid);
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
            let tampered = String::from_utf8(bytes).expect("ASCII");
            assert_eq!(tickets.verify(&tampered, 0).expect_err("tampered"), refusal, "{tampered}");
            assert_eq!(tickets.verify(&text[..at], 0).expect_err("cut"), refusal);
        }
        assert_eq!(Tickets::new([8; 32]).verify(&text, 0).expect_err("another key"), refusal);
        assert_eq!(tickets.verify(&"1".repeat(MAX_TICKET + 1), 0).expect_err("long"), refusal);
        assert_eq!(tickets.verify("é.é", 0).expect_err("not ASCII"), refusal);
    }
}
