//! Tokens of the model: a name, and when they expire. `ada`, or `ada@5000`; whoever is `forged` is nobody.

use samewire_protocol::{Code, Failure, Instant, SessionId};

use super::rooms::millis;
use super::{Due, Held, Server};
use crate::net::{Happening, Net};

/// What a token says: whose it is, and when it expires.
pub(crate) fn read_token(token: &str) -> Result<(&str, Option<u64>), Failure> {
    let (name, expires) = token.split_once('@').map_or((token, None), |(name, at)| (name, at.parse().ok()));
    match name {
        "forged" => Err(Failure::new(Code::TokenInvalid, "this server did not sign the token")),
        _ => Ok((name, expires)),
    }
}

pub(crate) fn expired() -> Failure {
    Failure::new(Code::TokenExpired, "the token has expired; come back with a new one")
}

impl Server {
    pub(super) fn refreshed(&mut self, net: &mut Net, held: &mut Held, token: &str) {
        let now = millis(net.now);
        let read = read_token(token).and_then(|(name, expires)| match expires {
            _ if name != held.owner => Err(Failure::new(Code::TokenInvalid, "the token is somebody else's")),
            Some(at) if at <= now => Err(expired()),
            expires => Ok(expires),
        });
        match read {
            Ok(expires) => {
                held.machine.token_taken(net.now, expires.map(|at| at - now));
                self.expires(net, held, expires);
            }
            Err(failure) => held.machine.trouble(net.now, failure, None),
        }
    }

    /// From when on the session's token is worth nothing.
    pub(super) fn expires(&self, net: &mut Net, held: &mut Held, at: Option<u64>) {
        held.expires = at;
        if let Some(at) = at {
            let due = Due::TokenExpired { session: held.machine.id(), at };
            net.at(Instant::from_micros(at * 1_000), Happening::Server(due));
        }
    }

    pub(super) fn token_expired(&mut self, net: &mut Net, session: SessionId, at: u64) {
        self.with(net, session, |_, held, _| {
            if held.expires == Some(at) {
                held.machine.dismiss(expired(), None);
            }
        });
    }
}
