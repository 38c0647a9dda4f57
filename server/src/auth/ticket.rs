//! Resume tickets: signed, so that a storm of reconnects, or a server that was restarted, needs no look-up to trust one.
//!
//! The text is `1.<session>.<life>.<expires>.<owner>.<mac>`, all in hexadecimal digits: safe in a URL, a header and JSON. The MAC is
//! the keyed hash of BLAKE3 over everything before it.

use std::fmt;
use std::fmt::Write;

use samewire_protocol::{Code, Failure, SessionId};

use super::{Identity, Key, Owner};

/// The longest text that is looked at. A ticket of ours, with the longest owner, is shorter.
const MAX_TICKET: usize = 2048;

/// What a valid ticket says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The session that it continues.
    pub session: SessionId,
    /// Which life of the session welcomed its holder. A session that was lost and made anew has another, and remembers nothing of
    /// what the holder did.
    pub life: u64,
    /// Whose session it is.
    pub identity: Identity,
    /// Until when it can be used, in milliseconds since 1970-01-01 UTC.
    pub expires_ms: u64,
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

    /// A ticket with which this identity may continue this life of a session until `expires_ms`.
    #[must_use]
    pub fn issue(&self, session: SessionId, life: u64, identity: &Identity, expires_ms: u64) -> String {
        let mut text = String::with_capacity(128 + 2 * identity.id().len());
        text.push_str("1.");
        push_hex(&mut text, &session.bits());
        // Writing to a String cannot fail.
        let _ = write!(text, ".{life:x}.{expires_ms:x}.");
        push_hex(&mut text, identity.id().as_bytes());
        let mac = blake3::keyed_hash(&self.key, text.as_bytes());
        text.push('.');
        text.push_str(&mac.to_hex());
        text
    }

    /// What the ticket says, when this server signed it and its time is not over at `now_ms`.
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
        let mut parts = signed.split('.');
        let ("1", session, life, expires, owner, None) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next())
        else {
            return None;
        };
        Some(Ticket {
            session: SessionId::from_random(unhex(session)?.try_into().ok()?),
            life: u64::from_str_radix(life, 16).ok()?,
            identity: Identity(Owner::recorded(std::str::from_utf8(&unhex(owner)?).ok()?)),
            expires_ms: u64::from_str_radix(expires, 16).ok()?,
        })
    }
}

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tickets").finish_non_exhaustive()
    }
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |digit: &u8| char::from(*digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| if let [high, low] = pair { Some(digit(high)? << 4 | digit(low)?) } else { None }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> (Tickets, SessionId, Identity) {
        (Tickets::new([9; 32]), SessionId::from_random([3; 16]), Identity::user("Jürgen@example.com").expect("an id"))
    }

    #[test]
    fn a_ticket_says_what_it_was_issued_for() {
        let (tickets, session, identity) = sample();
        let text = tickets.issue(session, 7, &identity, 5_000);
        let ticket = tickets.verify(&text, 4_999).expect("valid");
        assert_eq!(ticket, Ticket { session, life: 7, identity, expires_ms: 5_000 });
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.'));

        let anonymous = Identity::anonymous(session);
        let ticket = tickets.verify(&tickets.issue(session, 7, &anonymous, 5_000), 0).expect("valid");
        assert!(ticket.identity.is_anonymous());
        assert_eq!(ticket.identity, anonymous);
    }

    #[test]
    fn every_change_every_cut_and_every_other_key_is_refused_in_the_same_words() {
        let (tickets, session, identity) = sample();
        let text = tickets.issue(session, 7, &identity, 5_000);
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
