//! A client in the namespace: which files it has subscribed to, and what it is told of them.

use std::collections::HashMap;
use std::task::{Context, Poll};

use samewire_protocol::files::ROOM_KIND;
use samewire_protocol::rooms::{Joined, RoomName, Skipped};
use samewire_protocol::session::{Event, RoomNews, RoomNewsKind};
use samewire_protocol::{Code, Failure, FileId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::outbox::Outbox;
use super::{packet, told, update};
use crate::dialects::guest::Guest;
use crate::store::now_ms;

/// So many subscriptions may be undecided before nothing more is heard.
const MOST_ASKED: usize = 32;

pub(super) struct Visit {
    guest: Guest,
    files: HashMap<RoomName, Subscription>,
    /// How many of them are not decided, and how many may be.
    asked: usize,
    most_asked: usize,
}

/// A subscription to a file.
struct Subscription {
    file: FileId,
    stand: Stand,
}

/// Whether the client may watch the file.
enum Stand {
    /// It is not decided. For each time that it was asked for, the answer that is wanted; where there is none, the client has
    /// unsubscribed meanwhile. The session is asked for one thing of a room at a time, so that not more waits than it has room
    /// for.
    Asked(Vec<Option<i64>>),
    In,
}

/// What `subscribe:file` and `unsubscribe:file` say.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    file_id: FileId,
}

/// What `subscribed` says.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Subscribed {
    file_id: FileId,
}

/// The answer to who asked for one.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Done {
    ok: bool,
    file_id: FileId,
}

/// What a client is told that could not have what it asked for.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Complaint<'a> {
    /// As a gateway of NestJS has it.
    status: &'a str,
    ok: bool,
    code: &'a Code,
    message: &'a str,
    /// The same, for those who look here.
    error: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_id: Option<FileId>,
}

impl<'a> Complaint<'a> {
    fn new(failure: &'a Failure, file_id: Option<FileId>) -> Self {
        let message = &failure.message;
        Self { status: "error", ok: false, code: &failure.code, message, error: message, file_id }
    }
}

/// What is told to who did not ask for an answer: `exception`, as a gateway of NestJS says it, and `error`.
pub(super) fn complaint(failure: &Failure, file: Option<FileId>) -> [Utf8Bytes; 2] {
    let complaint = Complaint::new(failure, file);
    ["exception", "error"].map(|name| packet::event(name, Some(&complaint)))
}

fn complain(failure: &Failure, file: Option<FileId>, ack: Option<i64>, out: &mut Outbox) {
    match ack {
        Some(ack) => out.push(packet::answer(ack, &Complaint::new(failure, file))),
        None => out.extend(complaint(failure, file)),
    }
}

impl Visit {
    pub(super) fn new(guest: Guest) -> Self {
        let most_asked = MOST_ASKED.min(2 * guest.app().config.limits.max_rooms);
        Self { guest, files: HashMap::new(), asked: 0, most_asked }
    }

    /// Whether there is room for another event of the client.
    pub(super) fn listens(&self) -> bool {
        self.asked < self.most_asked
    }

    /// The client said an event.
    pub(super) fn hear(&mut self, name: &str, says: Option<&RawValue>, ack: Option<i64>, out: &mut Outbox) {
        let act = match name {
            "subscribe:file" => Self::subscribe,
            "unsubscribe:file" => Self::unsubscribe,
            // A server of Socket.IO does not hear an event that it has no handler for.
            _ => {
                if let Some(ack) = ack {
                    let told = format!("there is no event {name:?} here, only subscribe:file and unsubscribe:file");
                    complain(&Failure::new(Code::MethodNotFound, told), None, Some(ack), out);
                }
                return;
            }
        };
        match says.and_then(|says| serde_json::from_str::<Asked>(says.get()).ok()).and_then(|asked| room(asked.file_id)) {
            Some((file, room)) => act(self, file, room, ack, out),
            None => {
                let told = format!("{name} takes {{ fileId }}, the id of a file as a string: fi_ and 32 hexadecimal digits");
                complain(&Failure::new(Code::BadParams, told), None, ack, out);
            }
        }
    }

    fn subscribe(&mut self, file: FileId, room: RoomName, ack: Option<i64>, out: &mut Outbox) {
        match self.files.get_mut(&room).map(|subscription| &mut subscription.stand) {
            Some(Stand::In) => subscribed(file, ack, out),
            Some(Stand::Asked(answers)) => answers.push(ack),
            None => {
                self.files.insert(room.clone(), Subscription { file, stand: Stand::Asked(vec![ack]) });
                self.asked += 1;
                self.guest.join(room);
            }
        }
    }

    fn unsubscribe(&mut self, file: FileId, room: RoomName, ack: Option<i64>, out: &mut Outbox) {
        match self.files.get_mut(&room).map(|subscription| &mut subscription.stand) {
            Some(Stand::In) => {
                self.files.remove(&room);
                self.guest.leave(room.as_str());
            }
            Some(Stand::Asked(answers)) => {
                let canceled = Failure::new(Code::Canceled, "the client unsubscribed before it was subscribed");
                for asked in answers.drain(..).flatten() {
                    complain(&canceled, Some(file), Some(asked), out);
                }
            }
            None => {}
        }
        if let Some(ack) = ack {
            out.push(packet::answer(ack, &Done { ok: true, file_id: file }));
        }
    }

    /// Whether anything happened in the session.
    ///
    /// # Errors
    /// Why the session is over.
    pub(super) fn poll(&mut self, context: &mut Context<'_>, out: &mut Outbox) -> Result<bool, Failure> {
        let Poll::Ready(event) = self.guest.poll_event(context) else { return Ok(false) };
        match event? {
            Event::Room(news) => self.told(&news, out)?,
            Event::RoomLeft { room, failure: Some(failure) } => self.left(&room, &failure, out),
            _ => {}
        }
        Ok(true)
    }

    fn told(&mut self, news: &RoomNews, out: &mut Outbox) -> Result<(), Failure> {
        let unreadable = |_| Failure::new(Code::Internal, "the server cannot read its own news of a file; try again later");
        match news.kind {
            RoomNewsKind::Event => out.extend(told::event(&news.text)?),
            RoomNewsKind::Joined => {
                let joined: Joined<'_> = serde_json::from_str(&news.text).map_err(unreadable)?;
                let Some(subscription) = self.files.get_mut(&news.room) else { return Ok(()) };
                if let Stand::Asked(answers) = &mut subscription.stand {
                    self.asked -= 1;
                    let (answers, file) = (std::mem::take(answers), subscription.file);
                    subscription.stand = Stand::In;
                    if answers.is_empty() {
                        self.files.remove(&news.room);
                        self.guest.leave(news.room.as_str());
                        return Ok(());
                    }
                    for ack in answers {
                        subscribed(file, ack, out);
                    }
                }
                begin(joined.state, out)?;
            }
            RoomNewsKind::Skipped => {
                let skipped: Skipped<'_> = serde_json::from_str(&news.text).map_err(unreadable)?;
                begin(skipped.state, out)?;
            }
            RoomNewsKind::Presence | RoomNewsKind::Signal => {}
        }
        Ok(())
    }

    fn left(&mut self, room: &RoomName, failure: &Failure, out: &mut Outbox) {
        let Some(subscription) = self.files.remove(room) else { return };
        let file = Some(subscription.file);
        let Stand::Asked(answers) = subscription.stand else { return complain(failure, file, None, out) };
        self.asked -= 1;
        for ack in answers {
            complain(failure, file, ack, out);
        }
    }
}

fn subscribed(file_id: FileId, ack: Option<i64>, out: &mut Outbox) {
    out.push(packet::event("subscribed", Some(&Subscribed { file_id })));
    if let Some(ack) = ack {
        out.push(packet::answer(ack, &Done { ok: true, file_id }));
    }
}

/// How a file is now.
fn begin(state: Option<&RawValue>, out: &mut Outbox) -> Result<(), Failure> {
    if let Some(state) = state {
        out.extend(update::state(state, now_ms())?);
    }
    Ok(())
}

fn room(file: FileId) -> Option<(FileId, RoomName)> {
    format!("{ROOM_KIND}:{file}").parse().ok().map(|room| (file, room))
}
