//! Which methods there are for a client, and those that this format brings itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use samewire_protocol::rooms::RoomName;
use samewire_protocol::{Code, Failure, FileId, Route};
use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::app::App;
use crate::auth::Access;
use crate::calls::Registered;

/// A method as it is called.
pub(super) enum Target<'a> {
    /// This format's own.
    Own(Own),
    /// The server's, under its name there.
    Server(&'a Registered),
}

/// Methods of this format. But for the first two, one of the server's of the same name comes before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Own {
    Introspect,
    Upload,
    Download,
    Join,
    Leave,
    Restore,
    Status,
    SignOut,
}

/// Their names, and those of their arguments.
const OWN: [(&str, &[&str], Own); 8] = [
    ("system/introspect", &["units"], Own::Introspect),
    (UPLOAD, &["streamId", "name"], Own::Upload),
    ("files/download", &["id", "name", "part"], Own::Download),
    ("rooms/join", &["room"], Own::Join),
    ("rooms/leave", &["room"], Own::Leave),
    ("auth/restore", &["token"], Own::Restore),
    ("auth/status", &[], Own::Status),
    ("auth/signout", &[], Own::SignOut),
];

/// The server's method that makes a file of a stream.
pub(super) const UPLOAD: &str = "files/upload";

/// Of how many units a client may ask at once what there is in them, and how long their names are at most.
const MOST_UNITS: usize = 64;
const LONGEST_UNIT: usize = 128;

/// What is called by `unit/method`, or `unit.VERSION/method`.
///
/// # Errors
/// `method-not-found`.
pub(super) fn find<'a>(app: &'a App, method: &str) -> Result<Target<'a>, Failure> {
    let plain = plain(method);
    let own = OWN.iter().find(|(name, ..)| *name == plain).map(|(.., own)| *own);
    if let Some(own @ (Own::Introspect | Own::Upload)) = own {
        return Ok(Target::Own(own));
    }
    match (app.methods.find(method).or_else(|| app.methods.find(&plain)), own) {
        (Some(registered), _) => Ok(Target::Server(registered)),
        (None, Some(own)) => Ok(Target::Own(own)),
        (None, None) => {
            let method: String = method.chars().take(64).collect();
            Err(Failure::new(Code::MethodNotFound, format!("there is no method {method:?}; `system/introspect` lists them")))
        }
    }
}

/// The name without the version of the unit.
fn plain(method: &str) -> String {
    match method.split_once('/') {
        Some((unit, name)) => format!("{}/{name}", unit.split('.').next().unwrap_or(unit)),
        None => method.to_owned(),
    }
}

/// Whether somebody who has not signed in may make the call: methods that sign in, and the question what there is.
pub(super) fn is_public(method: &str) -> bool {
    let plain = plain(method);
    plain.starts_with("auth/") || plain == "system/introspect"
}

/// Whether the result of the method may be a session's beginning.
pub(super) fn signs_in(method: &str) -> bool {
    plain(method).starts_with("auth/")
}

/// Whether a call of the method belongs on a WebSocket.
pub(super) fn needs_socket(target: &Target<'_>) -> bool {
    match target {
        Target::Own(own) => matches!(own, Own::Upload | Own::Download | Own::Join | Own::Leave),
        Target::Server(registered) => registered.info.route == Route::Session,
    }
}

/// What there is in units, `{unit: {method: [argument]}}`, for somebody with this access; for who has not signed in, all that there is,
/// for clients ask before they do. The kinds of rooms are units too, for a client hears events of those units only that it has loaded.
pub(super) fn introspect(app: &App, args: &RawValue, access: Option<&Access>) -> Result<String, Failure> {
    let Units(units) = serde_json::from_str(args.get()).map_err(|error| {
        let told = format!("`system/introspect` takes an array of at most {MOST_UNITS} units: {error}");
        Failure::new(Code::BadParams, told)
    })?;
    let may = |method: &str| access.is_none_or(|access| access.grants.allows_method(method));
    let mut told = BTreeSet::new();
    let mut answer: BTreeMap<&str, BTreeMap<&str, &[&str]>> = BTreeMap::new();
    for unit in &units {
        let name = unit.split('.').next().unwrap_or(unit);
        // By whatever versions it is asked for, it is the same.
        if !told.insert(name) {
            continue;
        }
        let mut methods = BTreeMap::new();
        for registered in app.methods.all().filter(|registered| may(&registered.info.name)) {
            if let Some((_, method)) = registered.info.name.split_once('/').filter(|(unit, _)| *unit == name) {
                methods.insert(method, registered.fields);
            }
        }
        for (full, fields, own) in OWN {
            let is_served = matches!(own, Own::Introspect | Own::Upload) || app.methods.find(full).is_none();
            if let Some((_, method)) = full.split_once('/').filter(|(unit, _)| *unit == name)
                && is_served
                && own.needs().is_none_or(may)
            {
                methods.insert(method, fields);
            }
        }
        if !methods.is_empty() || app.rooms.metrics().any(|(kind, _)| kind == name) {
            answer.insert(unit, methods);
        }
    }
    serde_json::to_string(&answer).map_err(|_| Failure::new(Code::Internal, "the methods cannot be listed"))
}

impl Own {
    /// The method of the server that it stands on, which a token has to grant.
    fn needs(self) -> Option<&'static str> {
        match self {
            Self::Upload => Some(UPLOAD),
            Self::Download => Some("files/open"),
            Self::Introspect | Self::Join | Self::Leave | Self::Restore | Self::Status | Self::SignOut => None,
        }
    }
}

/// What `system/introspect` takes: read no further than it may go.
struct Units(Vec<String>);

impl<'de> Deserialize<'de> for Units {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Few;
        impl<'de> Visitor<'de> for Few {
            type Value = Units;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of units")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Units, A::Error> {
                let mut units = Vec::new();
                while let Some(unit) = seq.next_element::<String>()? {
                    if units.len() == MOST_UNITS || unit.len() > LONGEST_UNIT {
                        return Err(serde::de::Error::custom("there are more, or one has too long a name"));
                    }
                    units.push(unit);
                }
                Ok(Units(units))
            }
        }
        deserializer.deserialize_seq(Few)
    }
}

/// What `files/upload` takes. The stream may be left out where there is only one that it can be.
#[derive(Debug, Deserialize)]
pub(super) struct UploadArgs<'a> {
    #[serde(borrow, default, alias = "streamId")]
    pub(super) stream: Option<&'a RawValue>,
    #[serde(default)]
    pub(super) name: Option<String>,
}

/// What `files/download` takes: a file by its id, or the newest one of a name.
#[derive(Debug, Deserialize)]
pub(super) struct DownloadArgs {
    #[serde(default, alias = "fileId")]
    pub(super) id: Option<FileId>,
    #[serde(default)]
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) part: Option<String>,
}

/// What `rooms/join` and `rooms/leave` take.
#[derive(Debug, Deserialize)]
pub(super) struct RoomArgs {
    pub(super) room: RoomName,
}

/// What `auth/restore` takes.
#[derive(Debug, Deserialize)]
pub(super) struct RestoreArgs {
    pub(super) token: String,
}

/// Reads what a method takes.
pub(super) fn args<'a, T: Deserialize<'a>>(args: &'a RawValue) -> Result<T, Failure> {
    serde_json::from_str(args.get())
        .map_err(|error| Failure::new(Code::BadParams, format!("the arguments do not fit: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_left_out() {
        assert_eq!(plain("files.2/upload"), "files/upload");
        assert_eq!(plain("files/upload.2"), "files/upload.2");
        assert_eq!(plain("files"), "files");
        assert!(is_public("auth.2/signin") && is_public("system/introspect") && !is_public("system/echo"));
        assert!(!is_public("author/list"));
    }
}
