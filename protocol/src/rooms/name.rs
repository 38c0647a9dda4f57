//! The grammar of rooms' names, of patterns over names, and of roles.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::code::Code;
use crate::failure::Failure;
use crate::limits::{MAX_EVENT_NAME, MAX_ROLE, MAX_ROOM_KIND, MAX_ROOM_REST};

/// A room's name: a kind, `:` and what tells it from other rooms of the kind, as `portal:42`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomName(Arc<str>);

impl RoomName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the colon.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.0.split_once(':').map_or("", |(kind, _)| kind)
    }

    /// The part after the colon.
    #[must_use]
    pub fn rest(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, rest)| rest)
    }
}

/// The text is no room's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a room's name: expected a kind (a lower-case letter, then up to {} of a-z, 0-9 and -), a colon, and 1 to {MAX_ROOM_REST} of A-Z, \
     a-z, 0-9 and ._~@:/-", MAX_ROOM_KIND - 1
)]
pub struct RoomNameError;

impl FromStr for RoomName {
    type Err = RoomNameError;

    fn from_str(text: &str) -> Result<Self, RoomNameError> {
        let (kind, rest) = text.split_once(':').ok_or(RoomNameError)?;
        let fits =
            is_word(kind, MAX_ROOM_KIND, b"-") && (1..=MAX_ROOM_REST).contains(&rest.len()) && rest.bytes().all(is_of_rest);
        if fits { Ok(Self(text.into())) } else { Err(RoomNameError) }
    }
}

/// A pattern over names, of rooms or of methods: a name, a beginning of names with `*` behind it (`portal:*`), or `*` alone. Ordered
/// from the most special to the most general: where several match, the first is the one that counts.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Pattern(Arc<str>);

impl Pattern {
    /// The pattern as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the name is one of those that are meant.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => *self.0 == *name,
        }
    }
}

impl Ord for Pattern {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let rank = |pattern: &Self| {
            let beginning = pattern.0.strip_suffix('*');
            (std::cmp::Reverse(beginning.unwrap_or(&pattern.0).len()), beginning.is_some())
        };
        rank(self).cmp(&rank(other)).then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for Pattern {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// The text is no pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a pattern: expected a name, the beginning of names with one `*` at its end, or `*`")]
pub struct PatternError;

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let beginning = text.strip_suffix('*');
        let name = beginning.unwrap_or(text);
        let fits = (beginning.is_some() || !name.is_empty())
            && name.len() <= MAX_ROOM_KIND + 1 + MAX_ROOM_REST
            && name.bytes().all(|byte| is_of_rest(byte) || byte == b'_');
        if fits { Ok(Self(text.into())) } else { Err(PatternError) }
    }
}

/// What a member may be in a room: a lower-case letter, then up to 31 of `a-z`, `0-9`, `_` and `-`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Role(Arc<str>);

impl Role {
    /// The role as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text is no role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a role: expected a lower-case letter, then up to {} of a-z, 0-9, _ and -", MAX_ROLE - 1)]
pub struct RoleError;

impl FromStr for Role {
    type Err = RoleError;

    fn from_str(text: &str) -> Result<Self, RoleError> {
        if is_word(text, MAX_ROLE, b"_-") { Ok(Self(text.into())) } else { Err(RoleError) }
    }
}

/// What an event, or a signal, is called in its room: 1 to 64 of `A-Z`, `a-z`, `0-9` and `._:/-`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventName(Arc<str>);

impl EventName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text is no event's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an event's name: expected 1 to {MAX_EVENT_NAME} of A-Z, a-z, 0-9 and ._:/-")]
pub struct EventNameError;

impl FromStr for EventName {
    type Err = EventNameError;

    fn from_str(text: &str) -> Result<Self, EventNameError> {
        let fits = (1..=MAX_EVENT_NAME).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:/-".contains(&byte));
        if fits { Ok(Self(text.into())) } else { Err(EventNameError) }
    }
}

fn is_of_rest(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._~@:/-".contains(&byte)
}

fn is_word(text: &str, most: usize, marks: &[u8]) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || marks.contains(&byte);
    text.len() <= most && text.starts_with(|first: char| first.is_ascii_lowercase()) && text.bytes().all(inner)
}

macro_rules! as_text {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

as_text!(RoomName, Pattern, Role, EventName);

macro_rules! bad_name {
    ($($error:ident),*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::new(Code::BadName, error.to_string())
            }
        }
    )*};
}

bad_name!(RoomNameError, PatternError, RoleError, EventNameError);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_rooms() {
        let long = format!("a:{}", "x".repeat(MAX_ROOM_REST));
        for name in ["portal:42", "chat:team-1/general", "file:fi_0".replace('_', "-").as_str(), "a:b:c", "live:A.b~c@d", &long]
        {
            assert_eq!(name.parse::<RoomName>().map(|name| name.to_string()).as_deref(), Ok(name));
        }
        let longer = format!("{long}x");
        for name in ["", "portal", "portal:", ":42", "Portal:42", "1a:b", "a b:c", "a:b c", "a:é", "a:*", "a:b?c", &longer] {
            assert_eq!(name.parse::<RoomName>(), Err(RoomNameError), "{name}");
        }
        let name: RoomName = "a:b:c".parse().expect("a name");
        assert_eq!((name.kind(), name.rest()), ("a", "b:c"));
    }

    #[test]
    fn patterns_from_the_most_special_to_the_most_general() {
        let mut patterns: Vec<Pattern> =
            ["*", "portal:*", "portal:42*", "portal:42", "files/*"].map(|text| text.parse().expect("a pattern")).into();
        patterns.sort();
        assert_eq!(
            patterns.iter().map(Pattern::as_str).collect::<Vec<_>>(),
            ["portal:42", "portal:42*", "portal:*", "files/*", "*"]
        );
        let first = |name: &str| patterns.iter().find(|pattern| pattern.matches(name)).map(Pattern::as_str);
        assert_eq!(first("portal:42"), Some("portal:42"));
        assert_eq!(first("portal:421"), Some("portal:42*"));
        assert_eq!(first("portal:7"), Some("portal:*"));
        assert_eq!(first("chat:1"), Some("*"));
        for text in ["", "**", "a*b", "a b", "a*b*", &"x".repeat(200)] {
            assert_eq!(text.parse::<Pattern>(), Err(PatternError), "{text}");
        }
    }

    #[test]
    fn roles() {
        for role in ["viewer", "a", "co-host", "level_2"] {
            assert!(role.parse::<Role>().is_ok(), "{role}");
        }
        for role in ["", "Viewer", "2nd", "a b", "é", &"x".repeat(33)] {
            assert_eq!(role.parse::<Role>(), Err(RoleError), "{role}");
        }
    }

    #[test]
    fn events() {
        let longest = "x".repeat(MAX_EVENT_NAME);
        for name in ["a", "portal-view-update", "cursor:move", "a/b.c_d", &longest] {
            assert!(name.parse::<EventName>().is_ok(), "{name}");
        }
        for name in ["", "a b", "é", "a*", "a\n", &format!("{longest}x")] {
            assert_eq!(name.parse::<EventName>(), Err(EventNameError), "{name}");
        }
    }
}
