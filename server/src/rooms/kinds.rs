//! The kinds of rooms that a server knows: the built-in ones, and what the configuration says of them and adds.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use samewire_protocol::rooms::RoomName;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::policy::{Admission, KindPolicy, PresenceMode, Roles, Slow, role};

/// Policies by kind, as the configuration has them under `[rooms.kinds.NAME]`: what a table does not say is as in the built-in
/// kind of that name, or as in [`KindPolicy::default`] where there is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kinds(BTreeMap<Box<str>, Configured>);

/// One kind, as it is written and as what it comes to.
#[derive(Clone, Debug, PartialEq)]
struct Configured {
    table: toml::Table,
    policy: Arc<KindPolicy>,
}

impl Kinds {
    /// Sets the policy of a kind.
    pub fn insert(&mut self, kind: &str, policy: KindPolicy) {
        let table = table(&policy);
        self.0.insert(kind.into(), Configured { table, policy: Arc::new(policy) });
    }

    /// The policy of a kind that the configuration tells of.
    #[must_use]
    pub fn get(&self, kind: &str) -> Option<&Arc<KindPolicy>> {
        self.0.get(kind).map(|kind| &kind.policy)
    }

    /// What the configuration makes of a program's own kind.
    pub(super) fn over(&self, kind: &str, policy: KindPolicy) -> Result<Arc<KindPolicy>, String> {
        let policy = match self.0.get(kind) {
            Some(configured) => over(policy, configured.table.clone()).map_err(|error| error.to_string())?,
            None => policy,
        };
        policy.check().map_err(|told| format!("rooms.kinds.{kind}.{told}"))?;
        Ok(Arc::new(policy))
    }

    /// Says what cannot be right, with the key.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), String> {
        for (kind, policy) in self.iter() {
            // A kind is the first part of its rooms' names.
            if format!("{kind}:1").parse::<RoomName>().map(|name| name.kind() != kind).unwrap_or(true) {
                let told = "a kind is a lower-case letter, then up to 31 of a-z, 0-9 and -";
                return Err(format!("rooms.kinds: `{kind}` cannot be a kind of rooms: {told}"));
            }
            policy.check().map_err(|told| format!("rooms.kinds.{kind}.{told}"))?;
        }
        Ok(())
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Arc<KindPolicy>)> {
        self.0.iter().map(|(kind, configured)| (&**kind, &configured.policy))
    }

    /// These, and the built-in kinds that they do not tell of: `chat`, `file`, `live` and `portal`, and with `dev` also `demo`.
    #[must_use]
    pub fn with_built_in(&self, dev: bool) -> Self {
        let mut all = self.clone();
        for kind in BUILT_IN.iter().copied().chain(dev.then_some(DEMO)) {
            if let Some(policy) = built_in(kind, dev)
                && !all.0.contains_key(kind)
            {
                // Nothing is written of it, so nothing lies over a program's own kind of this name.
                all.0.insert(kind.into(), Configured { table: toml::Table::new(), policy: Arc::new(policy) });
            }
        }
        all
    }
}

impl Serialize for Kinds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(kind, configured)| (kind, &*configured.policy)))
    }
}

impl<'de> Deserialize<'de> for Kinds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let tables = BTreeMap::<String, toml::Table>::deserialize(deserializer)?;
        let mut kinds = Self::default();
        for (kind, table) in tables {
            let base = built_in(&kind, false).unwrap_or_default();
            let policy = over(base, table.clone()).map_err(|error| {
                let error = error.to_string();
                serde::de::Error::custom(format!("rooms.kinds.{kind}: {}", error.trim_end()))
            })?;
            kinds.0.insert(kind.into(), Configured { table, policy: Arc::new(policy) });
        }
        Ok(kinds)
    }
}

/// Lays what is written over a policy.
fn over(policy: KindPolicy, written: toml::Table) -> Result<KindPolicy, toml::de::Error> {
    let mut table = table(&policy);
    table.extend(written);
    toml::Value::Table(table).try_into()
}

fn table(policy: &KindPolicy) -> toml::Table {
    toml::Table::try_from(policy).unwrap_or_default()
}

const BUILT_IN: [&str; 4] = ["chat", "file", "live", "portal"];
/// With `dev` only: everybody may do everything in it.
const DEMO: &str = "demo";

fn built_in(kind: &str, dev: bool) -> Option<KindPolicy> {
    let plain = KindPolicy::default();
    Some(match kind {
        "chat" => KindPolicy { history: 200, history_age: Duration::from_secs(24 * 60 * 60), ..plain },
        // The server tells how a file is coming along; who watches sees the newest.
        "file" => KindPolicy {
            role: role("viewer"),
            publish: Roles::only(&[]),
            patch: Roles::only(&[]),
            cast: Roles::only(&[]),
            signal: Roles::only(&[]),
            presence: PresenceMode::Off,
            state: true,
            history: 20,
            slow: Slow::Latest,
            ..plain
        },
        "live" => crate::live::policy(dev),
        "portal" => crate::portal::policy(),
        DEMO => KindPolicy { access: Admission::Open, state: true, presence: PresenceMode::Members, ..plain },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_lies_over_the_built_in_kind() {
        let kinds: Kinds = toml::from_str("[portal]\nhistory = 7\n[own]\nstate = true").expect("two kinds");
        let portal = kinds.get("portal").expect("one of them");
        assert_eq!((portal.history, portal.state, portal.events.len()), (7, true, 6));
        assert_eq!(**kinds.get("own").expect("the other"), KindPolicy { state: true, ..KindPolicy::default() });
        let all = kinds.with_built_in(false);
        assert_eq!(all.iter().map(|(kind, _)| kind).collect::<Vec<_>>(), ["chat", "file", "live", "own", "portal"]);
        assert_eq!(all.get("portal"), kinds.get("portal"));
        assert!(kinds.with_built_in(true).get(DEMO).is_some());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_kind() {
        let told = toml::from_str::<Kinds>("[chat]\nslow = 'fast'").expect_err("no such policy").to_string();
        assert!(told.contains("rooms.kinds.chat") && told.contains("fast"), "{told}");
    }

    #[test]
    fn the_built_in_kinds_are_right() {
        assert_eq!(Kinds::default().with_built_in(true).check(), Ok(()));
    }

    #[test]
    fn what_cannot_be_is_named() {
        for (text, named) in [("[Big]", "`Big` cannot be a kind"), ("[own]\nrate = 0", "rooms.kinds.own.rate must be")] {
            let told = toml::from_str::<Kinds>(text).expect(text).check().expect_err(text);
            assert!(told.contains(named), "{told}");
        }
    }
}
