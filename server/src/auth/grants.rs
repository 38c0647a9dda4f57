//! What a token allows beyond its user's identity: rooms and live channels with a role, methods, and how much may be stored.

use std::fmt::Write;

use samewire_protocol::rooms::{Pattern, Role, RoomName};
use samewire_protocol::{Code, Failure};
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::limits::Allowance;

/// The most entries in each list of a token's grants.
pub const MAX_GRANTS: usize = 256;

/// How many of the allowed methods a refusal names.
const NAMED: usize = 8;

/// What a token allows: the claim `samewire`.
///
/// ```
/// use samewire_server::auth::Grants;
///
/// let claim = serde_json::json!({
///     "rooms": [{"name": "portal:*", "role": "viewer"}, {"name": "portal:42", "role": "controller"}],
///     "methods": ["files/*", "rooms/*"],
/// });
/// let grants = Grants::from_claim(&claim)?;
/// let role = |room: &str| grants.role_in(&room.parse().unwrap()).map(|role| role.as_str());
/// assert_eq!(role("portal:42"), Some("controller"));
/// assert_eq!(role("portal:7"), Some("viewer"));
/// assert_eq!(role("chat:7"), None);
/// assert!(grants.allows_method("files/list") && !grants.allows_method("system/echo"));
/// # Ok::<(), samewire_server::auth::GrantError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Grants {
    #[serde(skip_serializing_if = "Roles::is_empty")]
    rooms: Roles,
    #[serde(skip_serializing_if = "Option::is_none")]
    methods: Option<Vec<Pattern>>,
    #[serde(skip_serializing_if = "Roles::is_empty")]
    live: Roles,
    #[serde(skip_serializing_if = "Bounds::is_empty")]
    limits: Bounds,
}

/// What the identity may keep and send, where the token says so; in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
struct Bounds {
    #[serde(skip_serializing_if = "Option::is_none")]
    quota: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upload: Option<u64>,
}

/// Patterns with roles, the most special first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Roles(Vec<(Pattern, Role)>);

impl Grants {
    /// Reads the claim. A part that is not known is ignored.
    ///
    /// # Errors
    /// [`GrantError`], which names the place in the claim.
    pub fn from_claim(claim: &Value) -> Result<Self, GrantError> {
        let Value::Object(parts) = claim else { return Err(GrantError::new("", "it is not an object")) };
        let methods = match parts.get("methods") {
            None | Some(Value::Null) => None,
            Some(methods) => Some(list(methods, "methods", |entry, place| text(entry, place)?.parse().map_err(wrong(place)))?),
        };
        let rooms = Roles::read(parts.get("rooms"), "rooms")?;
        let live = Roles::read(parts.get("live"), "live")?;
        Ok(Self { rooms, methods, live, limits: Bounds::read(parts.get("limits"))? })
    }

    /// Adds a role in the rooms that the pattern matches. One for the same pattern is replaced.
    #[must_use]
    pub fn room(mut self, rooms: Pattern, role: Role) -> Self {
        self.rooms.add(rooms, role);
        self
    }

    /// Adds a role in the live channels that the pattern matches. One for the same pattern is replaced.
    #[must_use]
    pub fn live(mut self, channels: Pattern, role: Role) -> Self {
        self.live.add(channels, role);
        self
    }

    /// Allows the methods that the pattern matches. From the first such call on, only those are allowed that a pattern matches.
    #[must_use]
    pub fn method(mut self, methods: Pattern) -> Self {
        self.methods.get_or_insert_default().push(methods);
        self
    }

    /// Sets how many bytes the identity may have in files and streams, whatever the configuration says.
    #[must_use]
    pub fn quota(mut self, bytes: u64) -> Self {
        self.limits.quota = Some(bytes);
        self
    }

    /// Sets the largest stream that the identity may send, in bytes, whatever the configuration says.
    #[must_use]
    pub fn max_upload(mut self, bytes: u64) -> Self {
        self.limits.upload = Some(bytes);
        self
    }

    /// What the identity may keep and send: what the token says, and for the rest `configured`.
    #[must_use]
    pub fn allowance(&self, configured: Allowance) -> Allowance {
        Allowance {
            quota: self.limits.quota.unwrap_or(configured.quota),
            max_upload: self.limits.upload.unwrap_or(configured.max_upload),
        }
    }

    /// The role in this room, by the most special of the patterns that match; `None` without a grant.
    #[must_use]
    pub fn role_in(&self, room: &RoomName) -> Option<&Role> {
        self.rooms.of(room.as_str())
    }

    /// The role in this live channel, by the most special of the patterns that match; `None` without a grant.
    #[must_use]
    pub fn live_role(&self, channel: &str) -> Option<&Role> {
        self.live.of(channel)
    }

    /// Whether the method may be called. Without a list of methods, every one may.
    #[must_use]
    pub fn allows_method(&self, method: &str) -> bool {
        self.methods.as_ref().is_none_or(|methods| methods.iter().any(|pattern| pattern.matches(method)))
    }

    /// Whether nothing is granted and nothing is withheld.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rooms.is_empty() && self.live.is_empty() && self.methods.is_none() && self.limits.is_empty()
    }

    /// `forbidden` where the method may not be called, with the methods that may.
    pub(crate) fn check_method(&self, method: &str) -> Result<(), Failure> {
        if self.allows_method(method) {
            return Ok(());
        }
        let methods = self.methods.as_deref().unwrap_or_default();
        let mut told = format!("the token does not allow the method {method:?}; it allows ");
        for (index, pattern) in methods.iter().take(NAMED).enumerate() {
            // Writing to a String cannot fail.
            let _ = write!(told, "{}`{pattern}`", if index == 0 { "" } else { ", " });
        }
        match methods.len() {
            0 => told.push_str("no method at all"),
            count if count > NAMED => drop(write!(told, " and {} more", count - NAMED)),
            _ => {}
        }
        Err(Failure::new(Code::Forbidden, told))
    }
}

impl Roles {
    fn read(entries: Option<&Value>, name: &str) -> Result<Self, GrantError> {
        let entries = match entries {
            None | Some(Value::Null) => return Ok(Self::default()),
            Some(entries) => list(entries, name, |entry, place| {
                let part = |name: &str| {
                    let place = format!("{place}.{name}");
                    text(entry.get(name).unwrap_or(&Value::Null), &place).map(|text| (text, place))
                };
                let (pattern, at) = part("name")?;
                let pattern: Pattern = pattern.parse().map_err(wrong(&at))?;
                let (role, at) = part("role")?;
                Ok((pattern, role.parse::<Role>().map_err(wrong(&at))?))
            })?,
        };
        let mut roles = Self::default();
        entries.into_iter().for_each(|(pattern, role)| roles.add(pattern, role));
        Ok(roles)
    }

    fn add(&mut self, pattern: Pattern, role: Role) {
        match self.0.binary_search_by(|(known, _)| known.cmp(&pattern)) {
            Ok(at) => self.0[at].1 = role,
            Err(at) => self.0.insert(at, (pattern, role)),
        }
    }

    fn of(&self, name: &str) -> Option<&Role> {
        self.0.iter().find(|(pattern, _)| pattern.matches(name)).map(|(_, role)| role)
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Bounds {
    fn read(limits: Option<&Value>) -> Result<Self, GrantError> {
        let limits = match limits {
            None | Some(Value::Null) => return Ok(Self::default()),
            Some(Value::Object(limits)) => limits,
            Some(_) => return Err(GrantError::new("limits", "it is not an object")),
        };
        let bytes = |name: &str| match limits.get(name) {
            None | Some(Value::Null) => Ok(None),
            // What is counted in bytes stays below 2^53, as everywhere.
            Some(value) => value
                .as_u64()
                .filter(|bytes| *bytes < 1 << 53)
                .map(Some)
                .ok_or_else(|| GrantError::new(&format!("limits.{name}"), "it is not a whole number of bytes below 2^53")),
        };
        Ok(Self { quota: bytes("quota")?, upload: bytes("upload")? })
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Serialize for Roles {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Entry<'a> {
            name: &'a Pattern,
            role: &'a Role,
        }
        serializer.collect_seq(self.0.iter().map(|(name, role)| Entry { name, role }))
    }
}

/// Why grants cannot be used: what is wrong, and where in the claim.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`samewire{place}`: {why}")]
pub struct GrantError {
    place: Box<str>,
    why: Box<str>,
}

impl GrantError {
    fn new(place: &str, why: &str) -> Self {
        Self { place: if place.is_empty() { "".into() } else { format!(".{place}").into() }, why: why.into() }
    }
}

fn wrong<E: std::fmt::Display>(place: &str) -> impl FnOnce(E) -> GrantError {
    move |error| GrantError::new(place, &error.to_string())
}

fn list<T>(entries: &Value, name: &str, read: impl Fn(&Value, &str) -> Result<T, GrantError>) -> Result<Vec<T>, GrantError> {
    let Value::Array(entries) = entries else { return Err(GrantError::new(name, "it is not a list")) };
    if entries.len() > MAX_GRANTS {
        return Err(GrantError::new(name, &format!("it has more than {MAX_GRANTS} entries")));
    }
    entries.iter().enumerate().map(|(index, entry)| read(entry, &format!("{name}[{index}]"))).collect()
}

fn text<'a>(value: &'a Value, place: &str) -> Result<&'a str, GrantError> {
    value.as_str().ok_or_else(|| GrantError::new(place, "it is missing, or no text"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn room(name: &str) -> RoomName {
        name.parse().expect("a room's name")
    }

    #[test]
    fn the_longest_pattern_wins_whatever_its_place() {
        let claim = json!({"rooms": [
            {"name": "*", "role": "guest"},
            {"name": "portal:42", "role": "controller"},
            {"name": "portal:*", "role": "viewer"},
        ], "live": [{"name": "stage-*", "role": "audience"}, {"name": "stage-1", "role": "broadcaster"}]});
        let grants = Grants::from_claim(&claim).expect("grants");
        for (name, role) in [("portal:42", "controller"), ("portal:421", "viewer"), ("chat:1", "guest")] {
            assert_eq!(grants.role_in(&room(name)).map(Role::as_str), Some(role), "{name}");
        }
        assert_eq!(grants.live_role("stage-1").map(Role::as_str), Some("broadcaster"));
        assert_eq!(grants.live_role("stage-2").map(Role::as_str), Some("audience"));
        assert_eq!(grants.live_role("elsewhere"), None);
        assert!(grants.allows_method("any/method"));
    }

    #[test]
    fn methods_are_all_allowed_or_those_that_are_named() {
        let grants = |methods| Grants::from_claim(&json!({ "methods": methods })).expect("grants");
        let some = grants(json!(["files/*", "system/echo"]));
        assert!(some.allows_method("files/list") && some.allows_method("system/echo"));
        assert!(!some.allows_method("system/introspect"));
        let told = some.check_method("system/introspect").expect_err("not allowed");
        assert_eq!(told.code, Code::Forbidden);
        assert!(told.message.ends_with("it allows `files/*`, `system/echo`"), "{}", told.message);
        let none = grants(json!([]));
        assert!(none.check_method("a").expect_err("not allowed").message.ends_with("no method at all"));
        let many = grants((0..20).map(|n| format!("m/{n}")).collect());
        assert!(many.check_method("a").expect_err("not allowed").message.ends_with("`m/7` and 12 more"));
        assert!(grants(Value::Null).allows_method("a"));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (claim, told) in [
            (json!([]), "`samewire`: it is not an object"),
            (json!({"rooms": {}}), "`samewire.rooms`: it is not a list"),
            (json!({"rooms": [{"role": "viewer"}]}), "`samewire.rooms[0].name`: it is missing, or no text"),
            (
                json!({"rooms": [{"name": "a:*", "role": "viewer"}, {"name": "a:**", "role": "b"}]}),
                "`samewire.rooms[1].name`: not a",
            ),
            (json!({"rooms": [{"name": "a:*", "role": "Viewer"}]}), "`samewire.rooms[0].role`: not a role"),
            (json!({"live": [{"name": "a"}]}), "`samewire.live[0].role`: it is missing"),
            (json!({"limits": 7}), "`samewire.limits`: it is not an object"),
            (json!({"limits": {"quota": -1}}), "`samewire.limits.quota`: it is not a whole number of bytes"),
            (json!({"limits": {"upload": "1 GiB"}}), "`samewire.limits.upload`: it is not a whole number of bytes"),
            (json!({"methods": ["a", 1]}), "`samewire.methods[1]`: it is missing, or no text"),
            (json!({"methods": vec!["a"; MAX_GRANTS + 1]}), "`samewire.methods`: it has more than 256"),
        ] {
            let error = Grants::from_claim(&claim).expect_err(told).to_string();
            assert!(error.starts_with(told), "{error}");
        }
    }

    #[test]
    fn limits_of_the_token_count_before_those_of_the_configuration() {
        let configured = Allowance { quota: 100, max_upload: 10 };
        let allowance = |claim| Grants::from_claim(&claim).expect("grants").allowance(configured);
        assert_eq!(allowance(json!({})), configured);
        assert_eq!(allowance(json!({"limits": {"quota": 7}})), Allowance { quota: 7, ..configured });
        assert_eq!(allowance(json!({"limits": {"upload": 1000}})), Allowance { max_upload: 1000, ..configured });
        assert!(!Grants::from_claim(&json!({"limits": {"quota": 0}})).expect("grants").is_empty());
    }

    #[test]
    fn grants_survive_being_written() {
        let empty = Grants::default();
        assert_eq!(serde_json::to_value(&empty).expect("written"), json!({}));
        let grants = empty
            .room("portal:*".parse().expect("a pattern"), "viewer".parse().expect("a role"))
            .live("*".parse().expect("a pattern"), "audience".parse().expect("a role"))
            .method("files/*".parse().expect("a pattern"))
            .quota(0)
            .max_upload(7);
        let written = serde_json::to_value(&grants).expect("written");
        assert_eq!(Grants::from_claim(&written), Ok(grants));
        // What a newer server writes is no reason to refuse a token.
        assert!(Grants::from_claim(&json!({"future": 1})).expect("grants").is_empty());
    }
}
