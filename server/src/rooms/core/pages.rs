//! What members may read of a room, a page at a time.

use bytes::{Bytes, BytesMut};
use samewire_protocol::limits::MAX_PAGE;
use samewire_protocol::rooms::methods::{HistoryPage, HistoryParams, PresencePage, StateNow};
use samewire_protocol::rooms::{Entry, Member, Role};
use samewire_protocol::{Code, Failure};
use serde_json::value::RawValue;

use super::admit::not_joined;
use super::history::Kept;
use super::{Core, Millis};
use crate::rooms::policy::{PresenceMode, Roles};

const PAGE: u64 = 100;
/// The bytes of a page of history, attachments included; always one event, however large.
const MOST_BYTES: usize = 512 * 1024;

impl Core {
    /// A page of the kept events, and the attachments of those that have one, one behind the other.
    ///
    /// # Errors
    /// `not-joined`, `forbidden`.
    pub fn history(
        &mut self,
        now: Millis,
        member: Member,
        params: &HistoryParams,
    ) -> Result<(HistoryPage<Box<RawValue>>, Bytes), Failure> {
        self.history.sweep(now);
        let role = self.role(member).ok_or_else(|| not_joined(&self.name))?;
        self.check_reader(role.clone(), "read the history of", &self.policy.history_for)?;
        let limit = limit(params.limit);
        let before = params.before.unwrap_or(u64::MAX);
        let mut bytes = 0;
        let mut fits = |kept: &&Kept| {
            let is_first = bytes == 0;
            bytes += kept.body.len() + kept.attachment.as_ref().map_or(0, Bytes::len);
            is_first || bytes <= MOST_BYTES
        };
        let inside = || self.history.after(params.after.unwrap_or(0)).filter(|kept| kept.offset < before);
        let page: Vec<&Kept> = match params.after {
            Some(_) => inside().take(limit).take_while(&mut fits).collect(),
            None => {
                let mut page: Vec<_> = inside().rev().take(limit).take_while(&mut fits).collect();
                page.reverse();
                page
            }
        };
        let more = inside().count() > page.len();
        let mut attachments = BytesMut::new();
        let mut events = Vec::with_capacity(page.len());
        for kept in page {
            let fields = String::from_utf8_lossy(&kept.body);
            let json = match &kept.attachment {
                None => format!("{{{fields}"),
                Some(bytes) => {
                    attachments.extend_from_slice(bytes);
                    format!("{{{},\"attached\":{}}}", fields.strip_suffix('}').unwrap_or(&fields), bytes.len())
                }
            };
            events.push(RawValue::from_string(json).map_err(|error| {
                tracing::error!(%error, room = %self.name, "a kept event is not JSON");
                Failure::new(Code::Internal, "the history cannot be read")
            })?);
        }
        let first = self.history.first().unwrap_or(self.newest + 1);
        Ok((HistoryPage { epoch: self.epoch, first, last: self.newest, events, more }, attachments.freeze()))
    }

    /// A page of who is there.
    ///
    /// # Errors
    /// `not-joined`, `forbidden`.
    pub fn presence(&self, member: Member, after: Option<&str>, most: Option<u64>) -> Result<PresencePage, Failure> {
        let role = self.role(member).ok_or_else(|| not_joined(&self.name))?;
        if self.policy.presence == PresenceMode::Off {
            let told = format!("rooms of the kind {} do not tell who is in them", self.name.kind());
            return Err(Failure::new(Code::Forbidden, told));
        }
        self.check_reader(role.clone(), "see who is in", &self.policy.see)?;
        let (entries, more) = self.members.page(self.policy.presence, after, limit(most));
        let counts = self.counts();
        Ok(PresencePage { users: counts.users, members: counts.members, entries, more })
    }

    /// The state.
    ///
    /// # Errors
    /// `not-joined`; `bad-params` for a kind without a state.
    pub fn state(&self, member: Member) -> Result<StateNow, Failure> {
        if self.role(member).is_none() {
            return Err(not_joined(&self.name));
        }
        let state = self
            .state
            .as_ref()
            .ok_or_else(|| Failure::new(Code::BadParams, format!("rooms of the kind {} have no state", self.name.kind())))?;
        Ok(StateNow { epoch: self.epoch, offset: self.newest, state: state.json().to_owned() })
    }

    /// The state, for the server itself; `None` for kinds that have none.
    #[must_use]
    pub fn state_json(&self) -> Option<&RawValue> {
        self.state.as_ref().map(super::State::json)
    }

    /// All members, for the server itself.
    pub fn entries(&self) -> impl Iterator<Item = Entry> {
        self.members.all().filter_map(|(member, _)| self.members.entry_of_member(member))
    }

    fn check_reader(&self, role: Role, what: &str, may: &Roles) -> Result<(), Failure> {
        if may.has(&role) {
            return Ok(());
        }
        Err(Failure::new(Code::Forbidden, format!("the role {role} may not {what} {}: {may}", self.name)))
    }
}

fn limit(asked: Option<u64>) -> usize {
    usize::try_from(asked.unwrap_or(PAGE)).unwrap_or(usize::MAX).clamp(1, MAX_PAGE)
}
