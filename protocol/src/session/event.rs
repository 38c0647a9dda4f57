//! What goes into the client's half and what comes out of it.

use bytes::Bytes;
use serde_json::value::RawValue;

use super::{BackoffConfig, Status};
use crate::code::Code;
use crate::digest::Digest;
use crate::failure::Failure;
use crate::id::{CallId, Link, SessionId, StreamNo};
use crate::rooms::RoomName;
use crate::streams::{READ_AHEAD, StreamSpec, Want};
use crate::time::Instant;
use crate::wire::{Continuity, Text};

/// What a session is made of.
#[derive(Clone, Debug)]
pub struct Config {
    /// The token of the first hello.
    pub token: Option<String>,
    /// The ticket of a session whose client is gone, a page that was reloaded: this one takes its place. What belongs to the session
    /// is there for it, above all the streams of one without a token; the calls, streams and rooms that were under way are not.
    pub ticket: Option<String>,
    /// The SDK and its version, for the server's log.
    pub agent: Option<String>,
    /// Seeds the jitter. Drawn by the driver.
    pub seed: u64,
    /// When to dial again.
    pub backoff: BackoffConfig,
    /// How many bytes of a stream its source is asked for ahead of what is sent. More hides a source that is slow to answer;
    /// default 128 KiB.
    pub read_ahead: u64,
    /// Whether streams leave room on their way for calls that may be made meanwhile. A client in the server's own process needs none: what
    /// it sends is there at once. Default true.
    pub paces: bool,
    /// Whether the app can give tokens: then it is asked for one ([`Event::TokenWanted`]) before the first hello, and whenever the
    /// present one is about to be of no use. Default false.
    pub refreshes: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            token: None,
            ticket: None,
            agent: None,
            seed: 0,
            backoff: BackoffConfig::default(),
            read_ahead: READ_AHEAD,
            paces: true,
            refreshes: false,
        }
    }
}

/// What the driver saw.
#[derive(Debug)]
pub enum Input<'a> {
    /// The socket is open, with the subprotocol agreed on.
    Opened,
    /// A text frame.
    Text(&'a str),
    /// A binary frame.
    Binary(Bytes),
    /// The socket is closed, or could not be opened (1006).
    Closed {
        /// The close code (RFC 6455, section 7.4).
        code: u16,
    },
    /// So many bytes wait in the socket's own buffer.
    Writable {
        /// Bytes not yet taken by the network.
        buffered: u64,
    },
    /// The device's network came or went. True of any link.
    Network {
        /// Whether there is one.
        online: bool,
    },
    /// The page was hidden or shown. True of any link.
    Visibility {
        /// Whether people can see it. While they cannot, timers are unreliable and silence proves nothing.
        visible: bool,
    },
}

/// What the driver has to do.
#[derive(Debug)]
pub enum Output {
    /// Open a socket; its events carry this link.
    Dial {
        /// The new link.
        link: Link,
    },
    /// Send a text frame.
    SendText(Text),
    /// Send a binary frame.
    SendBinary(Bytes),
    /// Close the socket of this link.
    HangUp {
        /// The link.
        link: Link,
        /// 1000, or a code of 3000 to 4999.
        code: u16,
        /// For people who look at the connection.
        reason: Box<str>,
    },
    /// Tell the app.
    Event(Event),
    /// Nothing to do until the next input, command, or this point in time.
    Wait(Option<Instant>),
}

/// What the app may want to know.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// The session stands elsewhere now.
    Status(Status),
    /// The session is live.
    Welcomed {
        /// The session.
        session: SessionId,
        /// What became of the one before.
        continuity: Continuity,
        /// Who the server takes the client for.
        identity: Option<String>,
    },
    /// A part of a call's result. More follows.
    CallPart {
        /// The call.
        id: CallId,
        /// The part.
        payload: Box<RawValue>,
    },
    /// A call's answer. Nothing follows.
    CallSettled {
        /// The call.
        id: CallId,
        /// The result, or what went wrong.
        result: Result<Box<RawValue>, Failure>,
        /// Bytes that belong to the result.
        attachment: Option<Bytes>,
    },
    /// A stream wants bytes: answer with [`Session::provide`](super::Session::provide) or [`Session::source_ended`](super::Session::source_ended).
    Want(Want),
    /// Bytes of a stream that this side sends became durable at the receiver.
    Progress {
        /// The stream.
        stream: StreamNo,
        /// All bytes before this offset are durable.
        durable: u64,
    },
    /// The server began a stream. Bytes follow as [`Event::Data`].
    StreamOpened {
        /// The stream.
        stream: StreamNo,
        /// What the server says about it.
        spec: StreamSpec,
    },
    /// Bytes of a stream, in order, without gap or overlap. Answer with [`Session::consume`](super::Session::consume) once they are used up.
    Data {
        /// The stream.
        stream: StreamNo,
        /// Where the first byte belongs.
        offset: u64,
        /// The bytes.
        bytes: Bytes,
    },
    /// A stream is whole, and its digest was verified by its receiver.
    StreamFinished {
        /// The stream.
        stream: StreamNo,
        /// The size of the whole.
        size: u64,
        /// The digest of the whole.
        digest: Digest,
    },
    /// A stream was given up.
    StreamAborted {
        /// The stream.
        stream: StreamNo,
        /// Why.
        failure: Failure,
    },
    /// News of a room that this client is in.
    Room(RoomNews),
    /// The server refused an ephemeral event of this client.
    RoomError {
        /// The room.
        room: RoomName,
        /// Why.
        failure: Failure,
    },
    /// This client is not in a room any more, and hears nothing of it from here on.
    RoomLeft {
        /// The room.
        room: RoomName,
        /// Why, where the app did not ask for it.
        failure: Option<Failure>,
    },
    /// A token is wanted: answer with [`Session::set_token`](super::Session::set_token) or [`Session::no_token`](super::Session::no_token). Not told again before that.
    TokenWanted(TokenReason),
    /// The server reports an error that belongs to no call, no stream and no room.
    ServerError(Failure),
}

/// News of a room.
#[derive(Clone, Debug)]
pub struct RoomNews {
    /// The room.
    pub room: RoomName,
    /// What is told.
    pub kind: RoomNewsKind,
    /// The frame's text, for the app to read: see [`rooms`](crate::rooms). Of several events in one frame, the text of each.
    pub text: Box<str>,
    /// Bytes that belong to it: what an event says.
    pub attachment: Option<Bytes>,
}

/// What is told of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoomNewsKind {
    /// This client is in the room: [`Joined`](crate::rooms::Joined). Told again after each reconnect, and whenever the server
    /// starts over with this reader.
    Joined,
    /// Something happened: [`RoomEvent`](crate::rooms::RoomEvent). Numbered ones come in order, each once, without a gap that was
    /// not told by `Joined` or `Skipped`.
    Event,
    /// Events are left out: [`Skipped`](crate::rooms::Skipped).
    Skipped,
    /// Somebody came, went or changed: [`PresenceNews`](crate::rooms::PresenceNews).
    Presence,
    /// A message to this member alone, told once: [`RoomEvent`](crate::rooms::RoomEvent).
    Signal,
}

/// Why a token is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenReason {
    /// There is none yet.
    First,
    /// The present one expires soon.
    Expiring,
    /// The present one has expired.
    Expired,
    /// The server did not take the present one.
    Refused,
}

impl TokenReason {
    /// Why another token is wanted when the server says this of one; `None` when another would not help.
    #[must_use]
    pub fn of(code: &Code) -> Option<Self> {
        match code {
            Code::TokenExpired => Some(Self::Expired),
            Code::TokenInvalid | Code::Unauthenticated => Some(Self::Refused),
            _ => None,
        }
    }

    /// The reason in a word, for apps.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Expiring => "expiring",
            Self::Expired => "expired",
            Self::Refused => "refused",
        }
    }
}

/// How much a session holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Calls that wait for their answers.
    pub calls: usize,
    /// Streams to the server.
    pub streams_up: usize,
    /// Streams from the server.
    pub streams_down: usize,
    /// Rooms that the app wants to be in.
    pub rooms: usize,
    /// Last words on calls, streams and rooms that the server has not confirmed.
    pub untold: usize,
}
