//! Names of things: newtypes, so that a call's number can never be passed where a stream's is meant.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The number of a call: rises by one with each call of a session, below 2^53.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallId(pub u64);

/// The short number that stands for a stream inside its session: odd when the client opened it, even when the server did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StreamNo(pub u32);

impl StreamNo {
    /// Whether the client opened the stream.
    #[must_use]
    pub fn is_clients(self) -> bool {
        self.0 % 2 == 1
    }
}

/// The number of one socket in the life of a session. Events of an older socket are ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link(pub u32);

impl Link {
    /// The socket after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for StreamNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The text does not follow the grammar of the id: its prefix, then 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id: expected the prefix `{0}` and 32 lower-case hexadecimal digits")]
pub struct IdError(&'static str);

macro_rules! long_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// What the text form starts with.
            pub const PREFIX: &'static str = $prefix;

            /// Makes the id from 128 bits, which the caller draws from a secure source of randomness.
            #[must_use]
            pub const fn from_random(bits: [u8; 16]) -> Self {
                Self(bits)
            }

            /// The 128 bits.
            #[must_use]
            pub const fn bits(self) -> [u8; 16] {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($prefix)?;
                write_hex(f, &self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                text.strip_prefix($prefix).and_then(hex16).map(Self).ok_or(IdError($prefix))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

long_id! {
    /// The public id of a stream: 128 random bits, `st_` and 32 hexadecimal digits. Whoever opens the stream draws it, and
    /// a server looks it up only among the streams of the identity that asks.
    StreamId, "st_"
}
long_id! {
    /// The id of a session.
    SessionId, "se_"
}
long_id! {
    /// The id of a stored file.
    FileId, "fi_"
}
long_id! {
    /// The id of a job: one piece of work on a stored file.
    JobId, "jb_"
}

pub(crate) fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            let digit = if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
            fmt::Write::write_char(f, char::from(digit))?;
        }
    }
    Ok(())
}

pub(crate) fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

fn hex16(text: &str) -> Option<[u8; 16]> {
    hex(text)
}

pub(crate) fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let text = text.as_bytes();
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        let &[high, low] = <&[u8; 2]>::try_from(pair).ok()?;
        *byte = hex_digit(high)? << 4 | hex_digit(low)?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_text_form() {
        let id = StreamId::from_random([0xa5; 16]);
        assert_eq!(id.to_string(), format!("st_{}", "a5".repeat(16)));
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn what_is_not_an_id_is_refused() {
        let hex = "0".repeat(32);
        for text in
            ["", "st_", &hex, &format!("fi_{hex}"), &format!("st_{hex}0"), &format!("st_{}G", &hex[1..]), &format!("ST_{hex}")]
        {
            assert!(text.parse::<StreamId>().is_err(), "{text}");
        }
    }
}
