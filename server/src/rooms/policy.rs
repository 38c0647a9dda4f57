//! What a kind of room allows: who comes in, who publishes and sees what, how much is kept, and what becomes of a slow reader.

mod roles;

use std::collections::BTreeMap;
use std::time::Duration;

use samewire_protocol::limits::MAX_INFO;
use samewire_protocol::rooms::{EventName, Role};
use serde::{Deserialize, Serialize};

pub use roles::Roles;

use crate::config::human;

/// What a kind of room allows. Every room of the kind follows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KindPolicy {
    /// Who may come in. Default `granted`.
    pub access: Admission,
    /// The role of who comes in without a grant for the room. Default `member`.
    pub role: Role,
    /// Who may publish events that are kept. Default everybody.
    pub publish: Roles,
    /// Who may change the state. Default everybody.
    pub patch: Roles,
    /// Who may cast ephemeral events. Default everybody.
    pub cast: Roles,
    /// Who may send signals to single members. Default everybody.
    pub signal: Roles,
    /// Who sees who is in the room. Default everybody.
    pub see: Roles,
    /// Who may read the history from before they came. Default everybody.
    pub history_for: Roles,
    /// Rules for events of single names, stricter than those above. Default none.
    pub events: BTreeMap<EventName, EventRule>,
    /// Whether only the names in `events` may be used. Default false.
    pub only_events: bool,
    /// How many events are kept for those who come back. Default 100.
    pub history: usize,
    /// How long an event is kept at most. Default `1h`.
    #[serde(with = "human::duration")]
    pub history_age: Duration,
    /// How many bytes of events are kept. Default `1 MiB`.
    #[serde(with = "human::bytes")]
    pub history_bytes: u64,
    /// Whether rooms have a state. Default false.
    pub state: bool,
    /// The largest state, in bytes of JSON. Default `64 KiB`.
    #[serde(with = "human::bytes")]
    pub max_state: u64,
    /// How presence is told. Default `users`.
    pub presence: PresenceMode,
    /// Whether members are told whom an event comes from. Default `shown`.
    pub sender: Sender,
    /// How many messages a second a member may send, in the long run. Default 50.
    pub rate: u32,
    /// How many of them it may send at once. Default 100.
    pub burst: u32,
    /// The largest message, in bytes of payload, patch, state and attachment. Default `64 KiB`.
    #[serde(with = "human::bytes")]
    pub max_message: u64,
    /// What becomes of a reader that is too slow. Default `recover`.
    pub slow: Slow,
    /// How many members a room has at most. Default 10000.
    pub max_members: usize,
    /// How long a member whose link is lost still counts as present. Default `10s`.
    #[serde(with = "human::duration")]
    pub linger: Duration,
    /// Over what time events are gathered into one frame. Default `0ms`: not at all.
    #[serde(with = "human::duration")]
    pub batch: Duration,
}

impl Default for KindPolicy {
    fn default() -> Self {
        Self {
            access: Admission::default(),
            role: role("member"),
            publish: Roles::Everybody,
            patch: Roles::Everybody,
            cast: Roles::Everybody,
            signal: Roles::Everybody,
            see: Roles::Everybody,
            history_for: Roles::Everybody,
            events: BTreeMap::new(),
            only_events: false,
            history: 100,
            history_age: Duration::from_secs(60 * 60),
            history_bytes: 1024 * 1024,
            state: false,
            max_state: 64 * 1024,
            presence: PresenceMode::default(),
            sender: Sender::default(),
            rate: 50,
            burst: 100,
            max_message: 64 * 1024,
            slow: Slow::default(),
            max_members: 10_000,
            linger: Duration::from_secs(10),
            batch: Duration::ZERO,
        }
    }
}

/// Who may come into a room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Admission {
    /// Everybody, anonymous sessions included.
    Open,
    /// Every user.
    Users,
    /// Whose token grants the room.
    #[default]
    Granted,
}

/// How members are told who is in the room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PresenceMode {
    /// Not at all.
    Off,
    /// How many they are.
    Count,
    /// The users, each once however many members it has.
    #[default]
    Users,
    /// The members.
    Members,
}

/// Whether events tell whom they come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sender {
    /// The member and its user.
    #[default]
    Shown,
    /// Neither.
    Hidden,
}

/// What becomes of a reader that does not keep up with its room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Slow {
    /// It joins anew where it was: from the history, or with the state and the word that events are lost.
    #[default]
    Recover,
    /// It loses the oldest events and goes on.
    DropOldest,
    /// Of the events of each key it gets the newest.
    Latest,
    /// It gets the newest event.
    Sample,
}

/// A rule for events of one name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EventRule {
    /// Who may say it. Default everybody who may publish, cast or send at all.
    pub from: Roles,
    /// Who hears it. Default everybody. What only some hear is not kept: its number would be a gap to the others. An event that
    /// changes the state is always heard by all.
    pub to: Roles,
    /// Whether it is kept: `true`, it cannot be cast; `false`, it is not kept even when it is published. Default as it is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep: Option<bool>,
}

impl KindPolicy {
    /// Says what cannot be right, as the key and what it must be.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), String> {
        let at_least = |key: &str, value: u64, least: u64| {
            if value < least { Err(format!("{key} must be at least {least}")) } else { Ok(()) }
        };
        let at_most = |key: &str, value: u64, most: u64| {
            if value > most { Err(format!("{key} must be at most {most}")) } else { Ok(()) }
        };
        at_least("rate", self.rate.into(), 1)?;
        at_least("burst", self.burst.into(), 1)?;
        at_least("max_members", self.max_members as u64, 1)?;
        at_least("max_message", self.max_message, 256)?;
        at_most("max_message", self.max_message, MOST_MESSAGE)?;
        at_most("max_state", self.max_state, MOST_MESSAGE)?;
        at_most("history", self.history as u64, MOST_HISTORY)?;
        at_least("history_bytes", self.history_bytes, self.max_message)?;
        if self.state && self.max_state < MAX_INFO as u64 {
            return Err(format!("max_state must be at least {MAX_INFO} bytes"));
        }
        if self.history > 0 && self.history_age.is_zero() {
            return Err("history_age must be longer than nothing; write history = 0 to keep no events".to_owned());
        }
        if self.batch > MOST_BATCH {
            return Err("batch must be at most 1s: so long does an event wait for others".to_owned());
        }
        if self.linger > MOST_LINGER {
            return Err("linger must be at most 1h".to_owned());
        }
        let partial = |rule: &EventRule| rule.to != Roles::Everybody && rule.keep != Some(false);
        if let Some((name, _)) = self.events.iter().find(|(_, rule)| partial(rule)) {
            return Err(format!("events.{name}: what only some roles hear is not kept; write keep = false, or leave out `to`"));
        }
        Ok(())
    }

    /// The rule for events of this name.
    #[must_use]
    pub fn rule(&self, name: &EventName) -> Option<&EventRule> {
        self.events.get(name)
    }
}

const MOST_MESSAGE: u64 = 1024 * 1024;
const MOST_HISTORY: u64 = 10_000;
const MOST_BATCH: Duration = Duration::from_secs(1);
const MOST_LINGER: Duration = Duration::from_secs(60 * 60);

/// A role that the program itself names.
///
/// # Panics
/// When the text is no role.
pub(crate) fn role(text: &str) -> Role {
    match text.parse() {
        Ok(role) => role,
        Err(error) => panic!("{text:?} is {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<KindPolicy, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_policy_survives_its_text_form() {
        let mut policy = KindPolicy { publish: Roles::only(&["a", "b"]), slow: Slow::DropOldest, ..KindPolicy::default() };
        let rule = EventRule { from: Roles::only(&["a"]), keep: Some(false), ..EventRule::default() };
        policy.events.insert("tick".parse().unwrap(), rule);
        assert_eq!(read(&toml::to_string(&policy).unwrap()), Ok(policy));
        assert_eq!(read(""), Ok(KindPolicy::default()));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, named) in [
            ("publish = 'everybody'", "[\"everybody\"]"),
            ("publish = ['Big']", "`Big` is not a role"),
            ("publish = 3", "a list of roles"),
            ("slow = 'fast'", "drop-oldest"),
            ("access = 'closed'", "granted"),
            ("histroy = 3", "histroy"),
            ("[events]\n'a b' = {}", "not an event's name"),
            ("[events.tick]\nform = '*'", "form"),
        ] {
            let told = read(text).expect_err(text);
            assert!(told.contains(named), "{text}: {told}");
        }
        for (text, named) in [
            ("rate = 0", "rate"),
            ("max_message = '2 MiB'", "max_message"),
            ("history = 100000", "history"),
            ("history_age = '0s'", "history_age"),
            ("batch = '2s'", "batch"),
            ("[events.tick]\nto = ['a']", "events.tick"),
            ("state = true\nmax_state = 10", "max_state"),
        ] {
            let told = read(text).expect(text).check().expect_err(text);
            assert!(told.contains(named), "{text}: {told}");
        }
        assert_eq!(KindPolicy::default().check(), Ok(()));
    }

    #[test]
    fn a_refusal_says_who_may() {
        assert_eq!(Roles::only(&[]).to_string(), "only the server may");
        assert_eq!(Roles::only(&["a"]).to_string(), "only the role a may");
        assert_eq!(Roles::only(&["a", "b", "c"]).to_string(), "only the roles a, b and c may");
    }
}
