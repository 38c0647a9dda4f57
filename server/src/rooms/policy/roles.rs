//! Some of the roles in a room, as they are written and as they are told.

use std::fmt;
use std::sync::Arc;

use samewire_protocol::rooms::Role;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::role;

/// Some of the roles in a room. Written `"*"`, or as a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Roles {
    /// Every role.
    #[default]
    Everybody,
    /// These, which may be none at all: then only the server may.
    Only(Arc<[Role]>),
}

impl Roles {
    /// These roles.
    ///
    /// # Panics
    /// When one of them is no role: they are written in a program, not read.
    #[must_use]
    pub fn only(roles: &[&str]) -> Self {
        Self::Only(roles.iter().map(|text| role(text)).collect())
    }

    /// Whether this role is one of them.
    #[must_use]
    pub fn has(&self, role: &Role) -> bool {
        match self {
            Self::Everybody => true,
            Self::Only(roles) => roles.contains(role),
        }
    }
}

/// The roles in words, as a refusal tells them.
impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everybody => f.write_str("every role may"),
            Self::Only(roles) => match &**roles {
                [] => f.write_str("only the server may"),
                [role] => write!(f, "only the role {role} may"),
                [first @ .., last] => {
                    let first = first.iter().map(Role::as_str).collect::<Vec<_>>().join(", ");
                    write!(f, "only the roles {first} and {last} may")
                }
            },
        }
    }
}

impl Serialize for Roles {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Everybody => serializer.serialize_str("*"),
            Self::Only(roles) => serializer.collect_seq(roles.iter()),
        }
    }
}

impl<'de> Deserialize<'de> for Roles {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "`\"*\"` or a list of roles")]
        enum Written {
            All(String),
            Only(Vec<String>),
        }
        match Written::deserialize(deserializer)? {
            Written::All(text) if text == "*" => Ok(Self::Everybody),
            Written::All(text) => {
                Err(serde::de::Error::custom(format!("`{text}` is neither `\"*\"` nor a list of roles; write [\"{text}\"]")))
            }
            Written::Only(roles) => {
                let parsed = roles.iter().map(|text| text.parse().map_err(|error| (text, error))).collect::<Result<_, _>>();
                parsed.map(Self::Only).map_err(|(text, error)| serde::de::Error::custom(format!("`{text}` is {error}")))
            }
        }
    }
}
