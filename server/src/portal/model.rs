//! What a library, its members, a portal view and its items are, and what bounds them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use samewire_protocol::limits::MAX_SAFE_INTEGER;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The longest name of a library or a view, and the longest title of an item, in characters.
pub const MAX_LABEL: usize = 200;
/// The longest reference to a picture or clip, in bytes.
pub const MAX_MEDIA: usize = 2048;
/// The most items of one view.
pub const MAX_ITEMS: usize = 200;
/// The largest `settings` of a view, in bytes of JSON.
pub const MAX_SETTINGS: usize = 16 * 1024;
/// The largest `data` of an item, in bytes of JSON.
pub const MAX_DATA: usize = 4 * 1024;
/// The largest view with all its items, in bytes of JSON.
pub const MAX_VIEW: usize = 256 * 1024;
/// How deep `settings` and `data` may nest.
pub const MAX_DEPTH: usize = 32;
/// The most libraries that one user may own.
pub const MAX_LIBRARIES: u32 = 1_000;
/// The most members, and the most views, of one library.
pub const MAX_IN_LIBRARY: u32 = 1_000;

macro_rules! numbers {
    ($( $(#[$doc:meta])* $name:ident; )*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = NotANumber;

            fn from_str(text: &str) -> Result<Self, NotANumber> {
                number(text).map(Self)
            }
        }
    )* };
}

numbers! {
    /// The number of a library.
    LibraryId;
    /// The number of a portal view; its room is `portal:` and this number.
    ViewId;
    /// The number of an item inside its view, from 1.
    ItemId;
}

/// The text is not the number of anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a number from 1 in decimal digits, without zeros before it")]
pub struct NotANumber;

/// Each thing has one spelling only: with two, one view would have two rooms.
fn number(text: &str) -> Result<u64, NotANumber> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    let number = text.parse().ok().filter(|number| digits && *number <= MAX_SAFE_INTEGER);
    number.ok_or(NotANumber)
}

/// What a member may do in a library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum MemberRole {
    /// Everything: views, members, and the end of the library.
    Owner,
    /// Change the views.
    Editor,
    /// See the views.
    Viewer,
}

impl MemberRole {
    /// The role as it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "OWNER",
            Self::Editor => "EDITOR",
            Self::Viewer => "VIEWER",
        }
    }

    /// Whether this member may change views and thus controls their rooms.
    #[must_use]
    pub fn is_controller(self) -> bool {
        matches!(self, Self::Owner | Self::Editor)
    }
}

impl FromStr for MemberRole {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        [Self::Owner, Self::Editor, Self::Viewer].into_iter().find(|role| role.as_str() == text).ok_or(UnknownRole)
    }
}

/// The text names no role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the roles are OWNER, EDITOR and VIEWER")]
pub struct UnknownRole;

/// A library, as one of its members sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Library {
    /// Its number.
    pub id: LibraryId,
    /// Its name.
    pub name: String,
    /// What the asker may do in it.
    pub role: MemberRole,
    /// When it was made, in milliseconds since 1970-01-01 UTC.
    pub created: u64,
}

/// A member of a library.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Member {
    /// The user's id.
    pub user: String,
    /// What the member may do.
    pub role: MemberRole,
    /// Since when, in milliseconds since 1970-01-01 UTC.
    pub since: u64,
}

/// A view in a list: all but its settings and items.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ViewSummary {
    /// Its number.
    pub id: ViewId,
    /// Its library.
    pub library: LibraryId,
    /// Its name.
    pub name: String,
    /// The item that viewers see.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_item: Option<ItemId>,
    /// Whether viewers see the health of items.
    pub show_health: bool,
    /// Rises by one with each change.
    pub version: u64,
    /// When it was made, in milliseconds since 1970-01-01 UTC.
    pub created: u64,
    /// When it was changed last.
    pub updated: u64,
}

/// A portal view: what its controllers show to its viewers. As JSON it holds no null outside of arrays, so that every change of
/// it can be told as a JSON merge patch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PortalView {
    /// Its number.
    pub id: ViewId,
    /// Its library.
    pub library: LibraryId,
    /// Its name.
    pub name: String,
    /// The item that viewers see; none at first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_item: Option<ItemId>,
    /// Whether viewers see the health of items. Default no.
    #[serde(default)]
    pub show_health: bool,
    /// Whatever else the app keeps for the view.
    #[serde(default)]
    pub settings: Map<String, Value>,
    /// Rises by one with each change of the view or of an item.
    pub version: u64,
    /// When it was made, in milliseconds since 1970-01-01 UTC.
    pub created: u64,
    /// When it was changed last.
    pub updated: u64,
    /// Its items by their numbers: by name, not in a list, so that a patch can change one of them.
    #[serde(default)]
    pub items: BTreeMap<ItemId, Item>,
}

/// Something that a view can show.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// What it is called.
    pub title: String,
    /// A picture or clip: an `https://`, `http://` or `/` address, or the id of a stored file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media: Option<String>,
    /// Its place in the order, the least first; of equals the lower number.
    pub position: u32,
    /// From 0 to 100; none where it has no meaning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<u8>,
    /// Whatever else the app keeps for the item.
    #[serde(default)]
    pub data: Map<String, Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_spelling() {
        assert_eq!("42".parse(), Ok(ViewId(42)));
        assert_eq!(ViewId(42).to_string(), "42");
        assert_eq!(MAX_SAFE_INTEGER.to_string().parse(), Ok(ViewId(MAX_SAFE_INTEGER)));
        for text in
            ["", "0", "042", "+42", "-1", "4 2", "42 ", "4.2", "0x2a", "４２", "9007199254740992", "99999999999999999999"]
        {
            assert_eq!(text.parse::<ViewId>(), Err(NotANumber), "{text:?}");
        }
    }

    #[test]
    fn roles_survive_their_text_form() {
        for role in [MemberRole::Owner, MemberRole::Editor, MemberRole::Viewer] {
            assert_eq!(role.as_str().parse(), Ok(role));
            assert_eq!(serde_json::to_value(role).expect("a word"), role.as_str());
        }
        assert!("owner".parse::<MemberRole>().is_err());
    }
}
