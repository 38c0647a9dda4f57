//! What goes into the server's half and what comes out of it.

use std::time::Duration;

use bytes::Bytes;
use serde_json::value::RawValue;

use crate::digest::Digest;
use crate::failure::Failure;
use crate::id::{CallId, StreamId, StreamNo};
use crate::limits::Limits;
use crate::rooms::{Epoch, EventName, RoomName};
use crate::streams::{StreamSpec, Want};
use crate::time::Instant;
use crate::wire::{Advice, Continuity, Heartbeat, Text};

/// What a session is made of.
#[derive(Clone, Copy, Debug, Default)]
pub struct Config {
    /// The numbers that the welcome tells.
    pub limits: Limits,
    /// The heartbeat that the welcome tells.
    pub heartbeat: Heartbeat,
}

/// What the welcome tells of one socket.
#[derive(Clone, Debug)]
pub struct Greeting<'a> {
    /// The new ticket.
    pub ticket: &'a str,
    /// What became of the session before.
    pub continuity: Continuity,
    /// Who the client is; absent for an anonymous one.
    pub identity: Option<&'a str>,
    /// Advice for the next reconnect.
    pub reconnect: Advice,
    /// So many milliseconds until the client's token expires; absent when it does not.
    pub expires: Option<u64>,
}

/// What the driver saw.
#[derive(Debug)]
pub enum Input<'a> {
    /// A text frame.
    Text(&'a str),
    /// A binary frame.
    Binary(Bytes),
    /// So many bytes wait in the socket's own buffer.
    Writable {
        /// Bytes not yet taken by the network.
        buffered: u64,
    },
}

/// What the driver has to do.
#[derive(Debug)]
pub enum Output {
    /// Send a text frame.
    SendText(Text),
    /// Send a binary frame.
    SendBinary(Bytes),
    /// Close the socket. The goodbye is sent already.
    HangUp {
        /// The close code.
        code: u16,
        /// Its text.
        reason: Box<str>,
    },
    /// Tell the server.
    Event(Event),
    /// Nothing to do until the next input, command, or this point in time.
    Wait(Option<Instant>),
}

/// What the server has to act on.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// A new call. Told once for each id, however often the client sends it. Answer with [`Session::answer`](super::Session::answer).
    Call {
        /// The call.
        id: CallId,
        /// The method's name.
        method: Box<str>,
        /// The params.
        payload: Box<RawValue>,
        /// Bytes that belong to the params.
        attachment: Option<Bytes>,
        /// How long the caller will wait.
        timeout: Option<Duration>,
    },
    /// The caller took parts of a call's result: there may be room for more.
    PartsTaken {
        /// The call.
        id: CallId,
    },
    /// The caller gave a call up: stop its handler.
    Cancel {
        /// The call.
        id: CallId,
    },
    /// The client begins a stream, or goes on with it. Answer with [`Session::opened`](super::Session::opened) or [`Session::abort`](super::Session::abort).
    Open {
        /// The number on this session.
        stream: StreamNo,
        /// What the client says about it.
        spec: StreamSpec,
    },
    /// Bytes of a client's stream, in order, without gap or overlap, within the credit.
    Data {
        /// The stream.
        stream: StreamNo,
        /// Where the first byte belongs.
        offset: u64,
        /// The bytes.
        bytes: Bytes,
    },
    /// The client has sent everything. Verify, then answer with [`Session::finished`](super::Session::finished) or [`Session::abort`](super::Session::abort).
    End {
        /// The stream.
        stream: StreamNo,
        /// The size of the whole.
        size: u64,
        /// The digest of the whole.
        digest: Digest,
    },
    /// The client goes on reading a stream of the server's that this session does not know (the server was started anew).
    /// Answer with [`Session::resume_stream`](super::Session::resume_stream) or [`Session::refuse_stream`](super::Session::refuse_stream).
    Attach {
        /// The number on this session.
        stream: StreamNo,
        /// The public id.
        id: StreamId,
        /// Where to go on.
        offset: u64,
        /// How far the client has room.
        limit: u64,
    },
    /// A stream of the server's wants bytes. Answer with [`Session::provide`](super::Session::provide).
    Want(Want),
    /// The client has all of a stream of the server's, verified.
    Delivered {
        /// The stream.
        stream: StreamNo,
        /// The public id.
        id: StreamId,
    },
    /// A stream is over before its end: the client gave it up, or broke a rule. Let go of it.
    Aborted {
        /// The stream; 0, which is no stream's number, where this session has none for it.
        stream: StreamNo,
        /// The public id.
        id: StreamId,
        /// Why.
        failure: Failure,
    },
    /// The client wants to be in a room, or goes on in it on a new link. Answer with one frame `joined`, or `left` with an error
    /// ([`RoomFrame`](crate::rooms::RoomFrame)), by [`Session::tell`](super::Session::tell) on the same link.
    Join(Joining),
    /// The client leaves a room. Answer with one frame `left` without an error, also when it is not in the room.
    Leave {
        /// The room.
        room: RoomName,
    },
    /// An ephemeral event for those who are in a room. Not answered, but refused by
    /// [`Session::trouble`](super::Session::trouble).
    Cast(Casting),
    /// A newer token. Answer with [`Session::token_taken`](super::Session::token_taken) or
    /// [`Session::trouble`](super::Session::trouble).
    Token {
        /// The token.
        token: Box<str>,
    },
}

/// A client's wish to be in a room.
#[derive(Clone, Debug)]
pub struct Joining {
    /// The room.
    pub room: RoomName,
    /// The epoch that the client knows, and the last event of it that it has.
    pub from: Option<(Epoch, u64)>,
    /// The last signal that it has.
    pub signals: Option<u64>,
    /// Whether it wants to hear who is there.
    pub presence: bool,
    /// What the others are shown of it: at most [`MAX_INFO`](crate::limits::MAX_INFO) bytes.
    pub info: Option<Box<RawValue>>,
}

/// An ephemeral event of a client.
#[derive(Clone, Debug)]
pub struct Casting {
    /// The room.
    pub room: RoomName,
    /// What it is called.
    pub name: EventName,
    /// What it says.
    pub payload: Option<Box<RawValue>>,
    /// What it says, if that is bytes.
    pub attachment: Option<Bytes>,
    /// Of several with the same key only the newest matters: at most [`MAX_KEY`](crate::limits::MAX_KEY) bytes.
    pub key: Option<Box<str>>,
}

/// How much a session holds on the server, for limits and metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Calls that run.
    pub calls_running: usize,
    /// Calls that are remembered: those that run, and answered ones whose callers may ask again.
    pub calls_kept: usize,
    /// Bytes of answers and parts that are kept.
    pub bytes_kept: usize,
    /// Streams from the client.
    pub streams_in: usize,
    /// Streams to the client.
    pub streams_out: usize,
}

/// A stream to the client that goes on after a restart of the server.
#[derive(Clone, Debug)]
pub struct Resumed {
    /// The number on this session.
    pub stream: StreamNo,
    /// What it is.
    pub spec: StreamSpec,
    /// The size of the whole.
    pub size: u64,
    /// The digest of the whole.
    pub digest: Digest,
    /// Where to go on.
    pub offset: u64,
    /// How far the client has room.
    pub limit: u64,
}
