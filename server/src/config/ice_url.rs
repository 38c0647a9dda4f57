//! Addresses of ICE servers: `stun:`, `stuns:` (RFC 7064), `turn:` and `turns:` (RFC 7065).
//!
//! A browser refuses a whole peer connection for one address that it cannot read, so they are read here first.

use std::net::Ipv6Addr;
use std::str::FromStr;

/// An address, as far as it matters what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct IceUrl {
    pub(super) scheme: Scheme,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Stun,
    Stuns,
    Turn,
    Turns,
}

impl Scheme {
    pub(super) fn is_turn(self) -> bool {
        matches!(self, Self::Turn | Self::Turns)
    }
}

/// Why a text is no such address: to be read behind the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum IceUrlError {
    #[error(
        "is not the address of a STUN or TURN server; write it as stun:stun.example.com:3478 or turn:turn.example.com:3478"
    )]
    Scheme,
    #[error("must not have `//` behind the colon; write it as turn:turn.example.com:3478")]
    Slashes,
    #[error("has no host name that can be one; an IPv6 address stands in brackets")]
    Host,
    #[error("has no port that can be one; write 1 to 65535, or none for the usual one")]
    Port,
    #[error("may have nothing but ?transport=udp or ?transport=tcp behind it, and only for TURN")]
    Query,
}

impl FromStr for IceUrl {
    type Err = IceUrlError;

    fn from_str(text: &str) -> Result<Self, IceUrlError> {
        let (scheme, rest) = text.split_once(':').ok_or(IceUrlError::Scheme)?;
        let scheme = match scheme {
            "stun" => Scheme::Stun,
            "stuns" => Scheme::Stuns,
            "turn" => Scheme::Turn,
            "turns" => Scheme::Turns,
            _ => return Err(IceUrlError::Scheme),
        };
        if rest.starts_with("//") {
            return Err(IceUrlError::Slashes);
        }
        let (place, query) = match rest.split_once('?') {
            Some((place, query)) => (place, Some(query)),
            None => (rest, None),
        };
        if query.is_some_and(|query| !scheme.is_turn() || !matches!(query, "transport=udp" | "transport=tcp")) {
            return Err(IceUrlError::Query);
        }
        let (is_host, port) = match place.strip_prefix('[') {
            Some(rest) => {
                let (address, port) = rest.split_once(']').ok_or(IceUrlError::Host)?;
                (address.parse::<Ipv6Addr>().is_ok(), port)
            }
            None => {
                let (name, port) = place.split_at(place.find(':').unwrap_or(place.len()));
                (is_name(name) && port.matches(':').count() < 2, port)
            }
        };
        if !is_host {
            return Err(IceUrlError::Host);
        }
        match port.strip_prefix(':').map(str::parse::<u16>) {
            None if port.is_empty() => {}
            Some(Ok(1..)) => {}
            _ => return Err(IceUrlError::Port),
        }
        Ok(Self { scheme })
    }
}

/// A name of the DNS or an IPv4 address.
fn is_name(text: &str) -> bool {
    let is_label = |label: &str| {
        let plain = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        (1..=63).contains(&label.len()) && plain && !label.starts_with('-') && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_browsers_take() {
        for (text, scheme) in [
            ("stun:stun.example.com", Scheme::Stun),
            ("stuns:stun.example.com:5349", Scheme::Stuns),
            ("turn:127.0.0.1:3478?transport=udp", Scheme::Turn),
            ("turn:[2001:db8::1]:3478", Scheme::Turn),
            ("turns:turn.example.com?transport=tcp", Scheme::Turns),
        ] {
            assert_eq!(text.parse::<IceUrl>(), Ok(IceUrl { scheme }), "{text}");
        }
    }

    #[test]
    fn what_a_browser_would_refuse() {
        for (text, error) in [
            ("", IceUrlError::Scheme),
            ("stun.example.com", IceUrlError::Scheme),
            ("https://stun.example.com", IceUrlError::Scheme),
            ("turn://turn.example.com", IceUrlError::Slashes),
            ("stun:", IceUrlError::Host),
            ("stun:a b", IceUrlError::Host),
            ("stun:user@host", IceUrlError::Host),
            ("stun:-a.example", IceUrlError::Host),
            ("stun:2001:db8::1", IceUrlError::Host),
            ("turn:[2001:db8::1", IceUrlError::Host),
            ("turn:[nothing]", IceUrlError::Host),
            ("stun:stun.example.com:", IceUrlError::Port),
            ("stun:stun.example.com:0", IceUrlError::Port),
            ("stun:stun.example.com:65536", IceUrlError::Port),
            ("stun:stun.example.com:3478/path", IceUrlError::Port),
            ("turn:[::1]3478", IceUrlError::Port),
            ("stun:stun.example.com?transport=udp", IceUrlError::Query),
            ("turn:turn.example.com?transport=sctp", IceUrlError::Query),
            ("turn:turn.example.com?", IceUrlError::Query),
        ] {
            assert_eq!(text.parse::<IceUrl>(), Err(error), "{text}");
        }
    }
}
