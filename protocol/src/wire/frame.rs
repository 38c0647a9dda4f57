//! The frames of the text lane, as the rest of the crate sees them: two enums, one for each direction.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::rooms::{Cast, Join, RoomText};
use crate::digest::Digest;
use crate::failure::Failure;
use crate::id::{CallId, SessionId, StreamId, StreamNo};
use crate::limits::Limits;

/// What a client says.
#[derive(Clone, Debug)]
pub enum ClientFrame<'a> {
    /// The first frame on every socket.
    Hello(Hello<'a>),
    /// A call, or a call again after a lost connection, with the same id.
    Call(Call<'a>),
    /// The caller does not want the answer any more.
    Cancel {
        /// The call.
        id: CallId,
    },
    /// The caller has taken this many parts of a result.
    Ack {
        /// The call.
        id: CallId,
        /// How many parts, counted from the start.
        parts: u64,
    },
    /// The client begins a stream, or goes on with one after a lost connection.
    Open(Open<'a>),
    /// The client goes on reading one of the server's streams on a new socket.
    Attach(Attach),
    /// A frame about a stream that either side may send.
    Stream(StreamFrame<'a>),
    /// The client wants to be in a room, or goes on in it after a lost connection.
    Join(Join<'a>),
    /// The client leaves a room.
    Leave {
        /// The room.
        room: Cow<'a, str>,
    },
    /// An ephemeral event for those who are in a room now.
    Cast(Cast<'a>),
    /// A newer token of the same identity.
    Token {
        /// The token.
        token: Cow<'a, str>,
    },
    /// A sign of life that asks for one.
    Ping {
        /// Comes back in the pong.
        nonce: u64,
    },
    /// The answer to a ping.
    Pong {
        /// That of the ping.
        nonce: u64,
    },
    /// A type that this version does not know.
    Unknown(Cow<'a, str>),
}

/// What a server says.
#[derive(Clone, Debug)]
pub enum ServerFrame<'a> {
    /// The answer to a hello: the session is live.
    Welcome(Welcome<'a>),
    /// The server is about to close the socket.
    Goodbye(Goodbye),
    /// A call's result.
    Result {
        /// The call.
        id: CallId,
        /// The result.
        payload: &'a RawValue,
    },
    /// A part of a call's result; more follow.
    Part {
        /// The call.
        id: CallId,
        /// The part's number, from 0.
        seq: u64,
        /// The part.
        payload: &'a RawValue,
    },
    /// A call's error.
    Failure {
        /// The call.
        id: CallId,
        /// What went wrong.
        error: Failure,
    },
    /// The client's stream is taken, up to this offset.
    Opened {
        /// The stream.
        stream: StreamNo,
        /// What is durable already: go on from here.
        offset: u64,
        /// The sender may send up to this offset.
        limit: u64,
    },
    /// The server begins a stream.
    Open(Open<'a>),
    /// A frame about a stream that either side may send.
    Stream(StreamFrame<'a>),
    /// A frame about a room. A server writes it as a [`RoomFrame`](crate::rooms::RoomFrame).
    Room(RoomText<'a>),
    /// The client's token was taken.
    Token {
        /// So many milliseconds until it expires; absent when it does not.
        expires: Option<u64>,
    },
    /// An error that belongs to no call and no stream. The session goes on.
    Error {
        /// What went wrong.
        error: Failure,
        /// The room that it is about: an ephemeral event was refused.
        room: Option<Cow<'a, str>>,
    },
    /// A sign of life that asks for one.
    Ping {
        /// Comes back in the pong.
        nonce: u64,
        /// Advice for the next reconnect, where it is another than before.
        reconnect: Option<Advice>,
    },
    /// The answer to a ping.
    Pong {
        /// That of the ping.
        nonce: u64,
    },
    /// A type that this version does not know.
    Unknown(Cow<'a, str>),
}

/// The first frame on every socket: who the client is, and which session it goes on with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hello<'a> {
    /// The token that says who the client is.
    pub token: Option<Cow<'a, str>>,
    /// The resume ticket of the last welcome.
    pub ticket: Option<Cow<'a, str>>,
    /// The client has the ticket and remembers nothing else: calls, streams and rooms of the session before are not its own.
    pub anew: bool,
    /// The SDK and its version, for the server's log.
    pub agent: Option<Cow<'a, str>>,
}

/// A call.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// The call's number, higher than all before.
    pub id: CallId,
    /// The method's name.
    pub method: Cow<'a, str>,
    /// The params; `null` when absent.
    pub payload: Option<&'a RawValue>,
    /// How many milliseconds the caller will still wait.
    pub timeout: Option<u64>,
    /// Every call with a lower number is settled; the server may forget its answer.
    pub done: Option<CallId>,
    /// How many parts of the result the caller has, when the call is made again.
    pub parts: u64,
}

/// The beginning of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open<'a> {
    /// The number that stands for the stream on this session.
    pub stream: StreamNo,
    /// The public id.
    pub id: StreamId,
    /// A name for people.
    pub name: Option<Cow<'a, str>>,
    /// The media type of the content.
    pub media: Option<Cow<'a, str>>,
    /// The size in bytes; absent where it is not known yet.
    pub size: Option<u64>,
}

/// The reader of a stream goes on with it on a new socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attach {
    /// The number that stands for the stream on this session.
    pub stream: StreamNo,
    /// The public id.
    pub id: StreamId,
    /// Where to go on.
    pub offset: u64,
    /// The sender may send up to this offset.
    pub limit: u64,
}

/// What either side says about a stream that is open.
#[derive(Clone, Debug)]
pub enum StreamFrame<'a> {
    /// The receiver has made bytes durable and has room for more.
    Credit {
        /// The stream.
        stream: StreamNo,
        /// All bytes before this offset are durable.
        durable: u64,
        /// The sender may send up to this offset.
        limit: u64,
    },
    /// The sender has sent everything.
    End {
        /// The stream.
        stream: StreamNo,
        /// The size of the whole.
        size: u64,
        /// The digest of the whole.
        digest: Option<Digest>,
    },
    /// The receiver has everything, and its digest is right.
    Finished {
        /// The stream.
        stream: StreamNo,
        /// The size of the whole.
        size: u64,
        /// The digest of the whole.
        digest: Digest,
    },
    /// One side gives the stream up.
    Abort {
        /// The stream.
        stream: StreamNo,
        /// The public id, where the receiver may not know the number.
        id: Option<StreamId>,
        /// Why.
        error: Cow<'a, Failure>,
    },
}

/// What became of the session that the client's ticket names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Continuity {
    /// The server has it whole: calls and streams.
    Kept,
    /// The server lost its memory of calls; streams go on from what is durable.
    Restarted,
    /// A new session.
    #[serde(other)]
    Fresh,
}

/// The server's answer to a hello.
#[derive(Clone, Debug)]
pub struct Welcome<'a> {
    /// The session.
    pub session: SessionId,
    /// The signed ticket to come back with; it is also the session's credential for calls over HTTP.
    pub ticket: Cow<'a, str>,
    /// What became of the session before.
    pub continuity: Continuity,
    /// Who the server takes the client for; absent for an anonymous one.
    pub identity: Option<Cow<'a, str>>,
    /// The server's numbers.
    pub limits: Limits,
    /// The server's heartbeat.
    pub heartbeat: Heartbeat,
    /// Advice for the next reconnect.
    pub reconnect: Advice,
    /// So many milliseconds until the client's token expires; absent when it does not.
    pub expires: Option<u64>,
}

/// How the server watches over a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// After so many milliseconds of silence the server pings.
    pub interval: u64,
    /// So many milliseconds after that the connection counts as lost.
    pub timeout: u64,
}

impl Default for Heartbeat {
    fn default() -> Self {
        Self { interval: 25_000, timeout: 10_000 }
    }
}

/// When to come back: after `delay`, plus a random part of `spread`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advice {
    /// The least delay, in milliseconds.
    #[serde(default)]
    pub delay: u64,
    /// The span over which clients spread, in milliseconds.
    #[serde(default)]
    pub spread: u64,
}

impl Default for Advice {
    fn default() -> Self {
        Self { delay: 0, spread: 1_000 }
    }
}

/// The last frame before the server closes the socket.
#[derive(Clone, Debug, PartialEq)]
pub struct Goodbye {
    /// Why.
    pub error: Failure,
    /// When to come back; absent when the client should not.
    pub reconnect: Option<Advice>,
}
