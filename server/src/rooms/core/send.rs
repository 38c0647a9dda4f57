//! Messages to single members.

use samewire_protocol::limits::SIGNALS_KEPT_MS;
use samewire_protocol::rooms::methods::{Sent, To};
use samewire_protocol::rooms::{Member, RoomFrame, Signal};
use samewire_protocol::wire::chunk;
use samewire_protocol::{Code, Failure};

use super::admit::Deed;
use super::{Author, Core, Message, Millis, framed};
use crate::rooms::policy::Roles;

/// How many members a signal reaches at most.
const MOST_SIGNALLED: usize = 256;

impl Core {
    /// Sends a message to single members.
    ///
    /// # Errors
    /// `not-joined`, `forbidden`, `rate-limited`, `too-big`, `bad-params`; `member-not-found` when nobody is meant; `overloaded` when
    /// none of them has room for it.
    pub fn send(&mut self, now: Millis, author: Author<'_>, to: &To, message: Message) -> Result<Sent, Failure> {
        self.admit(now, author, Deed::Signal, &message, None)?;
        let own = match author {
            Author::Member(member) => Some(member),
            Author::Server(_) | Author::User(_) => None,
        };
        let hears = self.policy.rule(&message.name).map_or(Roles::Everybody, |rule| rule.to.clone());
        let meant: Vec<Member> = match to {
            To::Member(member) => vec![*member],
            To::User(user) => self.members.of_user(user),
            To::Role(role) => {
                let has = self.members.all().filter(|(member, there)| there.role == *role && Some(*member) != own);
                has.map(|(member, _)| member).take(MOST_SIGNALLED + 1).collect()
            }
        };
        if meant.len() > MOST_SIGNALLED {
            let told = format!("a signal reaches at most {MOST_SIGNALLED} members; cast an event instead");
            return Err(Failure::new(Code::BadParams, told));
        }
        let event = self.event(now, author, message.name, message.payload);
        let (mut sent, mut full) = (Sent { delivered: 0, held: 0 }, 0);
        for member in meant {
            let Some(there) = self.members.get_mut(member).filter(|there| hears.has(&there.role)) else { continue };
            let is_away = there.away.is_some();
            let signals = there.signals.get_or_insert_default();
            if !signals.has_room(now) {
                full += 1;
                continue;
            }
            let (room, attachment) = (&self.name, message.attachment.as_ref());
            signals.push(now, |seq| {
                let text = RoomFrame::Signal(Signal { seq, event: &event }).encode(room);
                match attachment {
                    None => framed::text(text.as_str().as_bytes()),
                    Some(bytes) => framed::binary(&chunk::attach(&text, bytes)),
                }
            });
            self.signalled.push_back((now + SIGNALS_KEPT_MS, member));
            *(if is_away { &mut sent.held } else { &mut sent.delivered }) += 1;
            self.wake(member);
        }
        if sent.delivered + sent.held > 0 {
            self.version += 1;
            self.notes += 1;
            return Ok(sent);
        }
        Err(if full > 0 {
            Failure::new(Code::Overloaded, "as many signals as may wait already wait for whom this one is for; send it later")
        } else {
            Failure::new(Code::MemberNotFound, format!("nobody in {} is meant: {}", self.name, meant_by(to)))
        })
    }
}

fn meant_by(to: &To) -> String {
    match to {
        To::Member(member) => format!("there is no member {member}"),
        To::User(user) => {
            let user: String = user.chars().take(64).collect();
            format!("no member is of the user {user:?}")
        }
        To::Role(role) => format!("no other member has the role {role}"),
    }
}
