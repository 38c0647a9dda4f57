//! What somebody may do in a live stream, by the role in its room.

use samewire_protocol::rooms::Role;

/// The role of who may start a stream.
pub(crate) const BROADCASTER: &str = "broadcaster";
/// The role of who may watch it.
pub(crate) const VIEWER: &str = "viewer";

/// What somebody may be in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// May start it, and watch it.
    Broadcaster,
    /// May watch it.
    Viewer,
    /// Hears events and counts only: the role `audience`, and every other.
    Audience,
}

impl Part {
    /// What a role comes to.
    pub(crate) fn of(role: &Role) -> Self {
        match role.as_str() {
            BROADCASTER => Self::Broadcaster,
            VIEWER => Self::Viewer,
            _ => Self::Audience,
        }
    }

    pub(crate) fn may_watch(self) -> bool {
        self != Self::Audience
    }
}
