//! How each server is greeted, what a published message looks like, and how one that arrives is told from the rest.

use super::link::Out;

/// What a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// The bare fan-out: a message is a frame.
    Plain,
    /// Engine.IO 4 and Socket.IO 5.
    SocketIo,
    /// samewire.v1, in this room.
    Samewire { room: &'static str },
    /// samewire.v1, in no room.
    Session,
    /// Socket.IO in the namespace of files, subscribed to that of this room (`file:ID`). Who publishes speaks samewire.v1 where this has the file's record.
    Files { room: &'static str, record: Option<&'static str> },
}

/// What a frame means to a member.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The member is in.
    Joined,
    /// A message of the room.
    Message,
    /// The server refuses something.
    Refused,
    /// Nothing that is counted.
    Other,
}

impl Dialect {
    pub(crate) fn path(self, publisher: bool) -> &'static str {
        match self {
            Self::Plain if publisher => "/publish",
            Self::Plain => "/subscribe",
            Self::SocketIo | Self::Files { .. } => "/socket.io/?EIO=4&transport=websocket",
            Self::Samewire { .. } | Self::Session => "/session",
        }
    }

    pub(crate) fn subprotocol(self) -> Option<&'static str> {
        matches!(self, Self::Samewire { .. } | Self::Session).then_some("samewire.v1")
    }

    /// What the one who publishes speaks.
    pub(crate) fn of_publisher(self) -> Self {
        match self {
            Self::Files { room, record: Some(_) } => Self::Samewire { room },
            other => other,
        }
    }

    /// The number of a message, where it has one.
    pub(crate) fn number(self, text: &[u8]) -> Option<u64> {
        const BEFORE: &[u8] = br#""message":""#;
        let Self::Files { .. } = self else { return None };
        let at = text.windows(BEFORE.len()).position(|bytes| bytes == BEFORE)? + BEFORE.len();
        let digits = text.get(at..)?.iter().take_while(|byte| byte.is_ascii_digit());
        Some(digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
    }

    /// What is said right after the upgrade.
    pub(crate) fn greet(self, out: &mut Out) {
        if matches!(self, Self::Samewire { .. } | Self::Session) {
            out.text(br#"{"type":"hello"}"#);
        }
    }

    /// Reads a text frame as far as it has to, and answers where an answer is due.
    pub(crate) fn hear(self, text: &[u8], out: &mut Out) -> Meaning {
        match self {
            Self::Plain if text == b"joined" => Meaning::Joined,
            Self::Plain => Meaning::Message,
            Self::SocketIo => hear_socket_io(text, out),
            Self::Files { room, .. } => hear_of_files(text, file(room), out),
            Self::Samewire { room } => hear_samewire(text, Some(room), out),
            Self::Session => hear_samewire(text, None, out),
        }
    }

    /// Publishes the `id`th message; `text` needs no escaping.
    pub(crate) fn publish(self, id: u64, text: &str, out: &mut Out) {
        let frame = match self {
            Self::Plain => format!("\"{text}\""),
            Self::SocketIo => format!(r#"42["publish","{text}"]"#),
            Self::Samewire { room } => {
                let done = if id > WINDOW { format!(r#","done":{}"#, id - WINDOW) } else { String::new() };
                format!(
                    r#"{{"type":"call","id":{id},"method":"rooms/publish","payload":{{"room":"{room}","name":"m","payload":"{text}"}}{done}}}"#
                )
            }
            Self::Files { room, record: Some(record) } => {
                let file = file(room);
                let done = if id > WINDOW { format!(r#","done":{}"#, id - WINDOW) } else { String::new() };
                let payload = format!(r#"{{"fileId":"{file}","kind":"video","progress":{},"stage":"{id} {text}"}}"#, id % 101);
                format!(
                    r#"{{"type":"call","id":{id},"method":"rooms/publish","payload":{{"room":"{room}","name":"processing:progress","payload":{payload},"state":{record}}}{done}}}"#
                )
            }
            Self::Files { room, record: None } => {
                let file = file(room);
                format!(
                    r#"42/file-processing,["publish",{{"fileId":"{file}","videoId":"{file}","kind":"video","status":"processing","progress":{},"message":"{id} {text}","timestamp":"2026-01-01T00:00:00.000Z"}}]"#,
                    id % 101
                )
            }
            Self::Session => return,
        };
        out.text(frame.as_bytes());
    }
}

/// Calls that may be without an answer: more than are ever under way.
const WINDOW: u64 = 64;

fn hear_socket_io(text: &[u8], out: &mut Out) -> Meaning {
    match text {
        b"2" => out.text(b"3"),
        [b'0', ..] => out.text(b"40"),
        _ if text.starts_with(br#"42["event""#) => return Meaning::Message,
        _ if text.starts_with(br#"42["joined""#) => return Meaning::Joined,
        _ => {}
    }
    Meaning::Other
}

/// The file of a room.
fn file(room: &str) -> &str {
    room.strip_prefix("file:").unwrap_or_default()
}

fn hear_of_files(text: &[u8], file: &str, out: &mut Out) -> Meaning {
    match text {
        b"2" => out.text(b"3"),
        [b'0', ..] => out.text(b"40/file-processing,"),
        _ if text.starts_with(br#"42/file-processing,["processing:progress""#) => return Meaning::Message,
        _ if text.starts_with(br#"42/file-processing,["subscribed""#) => return Meaning::Joined,
        _ if text.starts_with(b"40/file-processing,") => {
            out.text(format!(r#"42/file-processing,["subscribe:file",{{"fileId":"{file}"}}]"#).as_bytes());
        }
        _ if text.starts_with(b"44") || text.starts_with(br#"42/file-processing,["exception""#) => return Meaning::Refused,
        _ => {}
    }
    Meaning::Other
}

fn hear_samewire(text: &[u8], room: Option<&str>, out: &mut Out) -> Meaning {
    let Some(kind) = text.strip_prefix(br#"{"type":""#) else { return Meaning::Other };
    if kind.starts_with(b"event\"") {
        return Meaning::Message;
    }
    if kind.starts_with(b"joined\"") {
        return Meaning::Joined;
    }
    if kind.starts_with(b"ping\"") {
        let pong = String::from_utf8_lossy(text).replacen("ping", "pong", 1);
        out.text(pong.as_bytes());
    }
    if kind.starts_with(b"failure\"") || kind.starts_with(b"left\"") || kind.starts_with(b"goodbye\"") {
        return Meaning::Refused;
    }
    if kind.starts_with(b"welcome\"") {
        let Some(room) = room else { return Meaning::Joined };
        out.text(format!(r#"{{"type":"join","room":"{room}"}}"#).as_bytes());
    }
    Meaning::Other
}
