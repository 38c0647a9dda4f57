//! From text to frames, through one flat envelope.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::frame::{
    Advice, Attach, Call, ClientFrame, Continuity, Goodbye, Heartbeat, Hello, Open, ServerFrame, StreamFrame, Welcome,
};
use crate::code::Code;
use crate::digest::Digest;
use crate::failure::Failure;
use crate::id::{CallId, SessionId, StreamId, StreamNo};
use crate::limits::{Limits, MAX_SAFE_INTEGER};

/// Why a text frame cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// Not a JSON object of a `type`, or a field has the wrong type.
    #[error("the frame cannot be read: {0}")]
    Syntax(Box<str>),
    /// A field that this type of frame must have is missing.
    #[error("a frame of this type needs the field `{0}`")]
    Missing(&'static str),
    /// A number past 2^53 - 1.
    #[error("the field `{0}` is past 2^53 - 1")]
    TooLarge(&'static str),
}

/// All fields of all frames. Wire shapes stop here.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    id: Option<u64>,
    #[serde(borrow)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
    timeout: Option<u64>,
    done: Option<u64>,
    parts: Option<u64>,
    seq: Option<u64>,
    nonce: Option<u64>,
    error: Option<Failure>,
    stream: Option<u32>,
    #[serde(rename = "ref")]
    reference: Option<StreamId>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    media: Option<Cow<'a, str>>,
    size: Option<u64>,
    offset: Option<u64>,
    durable: Option<u64>,
    limit: Option<u64>,
    digest: Option<Digest>,
    #[serde(borrow)]
    token: Option<Cow<'a, str>>,
    #[serde(borrow)]
    ticket: Option<Cow<'a, str>>,
    #[serde(borrow)]
    agent: Option<Cow<'a, str>>,
    session: Option<SessionId>,
    continuity: Option<Continuity>,
    #[serde(borrow)]
    identity: Option<Cow<'a, str>>,
    limits: Option<Limits>,
    heartbeat: Option<Heartbeat>,
    reconnect: Option<Advice>,
}

/// Reads what a client says.
pub fn decode_client(text: &str) -> Result<ClientFrame<'_>, FrameError> {
    let envelope = Envelope::read(text)?;
    Ok(match &*envelope.kind {
        "hello" => ClientFrame::Hello(Hello { token: envelope.token, ticket: envelope.ticket, agent: envelope.agent }),
        "call" => ClientFrame::Call(Call {
            id: envelope.call()?,
            timeout: envelope.timeout,
            done: optional("done", envelope.done)?.map(CallId),
            parts: optional("parts", envelope.parts)?.unwrap_or(0),
            payload: envelope.payload,
            method: envelope.method.ok_or(FrameError::Missing("method"))?,
        }),
        "cancel" => ClientFrame::Cancel { id: envelope.call()? },
        "ack" => ClientFrame::Ack { id: envelope.call()?, parts: number("parts", envelope.parts)? },
        "open" => ClientFrame::Open(envelope.open()?),
        "attach" => ClientFrame::Attach(Attach {
            stream: envelope.stream()?,
            id: envelope.reference.ok_or(FrameError::Missing("ref"))?,
            offset: number("offset", envelope.offset)?,
            limit: number("limit", envelope.limit)?,
        }),
        "ping" => ClientFrame::Ping { nonce: envelope.nonce.unwrap_or(0) },
        "pong" => ClientFrame::Pong { nonce: envelope.nonce.unwrap_or(0) },
        "credit" | "end" | "finished" | "abort" => ClientFrame::Stream(envelope.stream_frame()?),
        _ => ClientFrame::Unknown(envelope.kind),
    })
}

/// Reads what a server says.
pub fn decode_server(text: &str) -> Result<ServerFrame<'_>, FrameError> {
    let mut envelope = Envelope::read(text)?;
    Ok(match &*envelope.kind {
        "welcome" => ServerFrame::Welcome(Welcome {
            session: envelope.session.ok_or(FrameError::Missing("session"))?,
            ticket: envelope.ticket.ok_or(FrameError::Missing("ticket"))?,
            continuity: envelope.continuity.ok_or(FrameError::Missing("continuity"))?,
            identity: envelope.identity,
            limits: envelope.limits.unwrap_or_default(),
            heartbeat: envelope.heartbeat.unwrap_or_default(),
            reconnect: envelope.reconnect.unwrap_or_default(),
        }),
        "goodbye" => ServerFrame::Goodbye(Goodbye { error: envelope.failure()?, reconnect: envelope.reconnect }),
        "result" => ServerFrame::Result { id: envelope.call()?, payload: envelope.payload.unwrap_or(RawValue::NULL) },
        "part" => ServerFrame::Part {
            id: envelope.call()?,
            seq: number("seq", envelope.seq)?,
            payload: envelope.payload.unwrap_or(RawValue::NULL),
        },
        "failure" => ServerFrame::Failure { id: envelope.call()?, error: envelope.failure()? },
        "opened" => ServerFrame::Opened {
            stream: envelope.stream()?,
            offset: number("offset", envelope.offset)?,
            limit: number("limit", envelope.limit)?,
        },
        "open" => ServerFrame::Open(envelope.open()?),
        "error" => ServerFrame::Error { error: envelope.failure()? },
        "ping" => ServerFrame::Ping { nonce: envelope.nonce.unwrap_or(0) },
        "pong" => ServerFrame::Pong { nonce: envelope.nonce.unwrap_or(0) },
        "credit" | "end" | "finished" | "abort" => ServerFrame::Stream(envelope.stream_frame()?),
        _ => ServerFrame::Unknown(envelope.kind),
    })
}

impl<'a> Envelope<'a> {
    fn read(text: &'a str) -> Result<Self, FrameError> {
        serde_json::from_str(text).map_err(|error| FrameError::Syntax(error.to_string().into()))
    }

    fn call(&self) -> Result<CallId, FrameError> {
        number("id", self.id).map(CallId)
    }

    fn stream(&self) -> Result<StreamNo, FrameError> {
        self.stream.map(StreamNo).ok_or(FrameError::Missing("stream"))
    }

    fn failure(&mut self) -> Result<Failure, FrameError> {
        self.error.take().ok_or(FrameError::Missing("error"))
    }

    fn open(self) -> Result<Open<'a>, FrameError> {
        Ok(Open {
            stream: self.stream()?,
            id: self.reference.ok_or(FrameError::Missing("ref"))?,
            size: optional("size", self.size)?,
            name: self.name,
            media: self.media,
        })
    }

    fn stream_frame(self) -> Result<StreamFrame<'a>, FrameError> {
        let stream = self.stream()?;
        Ok(match &*self.kind {
            "credit" => {
                StreamFrame::Credit { stream, durable: number("durable", self.durable)?, limit: number("limit", self.limit)? }
            }
            "end" => StreamFrame::End { stream, size: number("size", self.size)?, digest: self.digest },
            "finished" => StreamFrame::Finished {
                stream,
                size: number("size", self.size)?,
                digest: self.digest.ok_or(FrameError::Missing("digest"))?,
            },
            _ => StreamFrame::Abort {
                stream,
                id: self.reference,
                error: Cow::Owned(
                    self.error.unwrap_or_else(|| Failure::new(Code::StreamAborted, "the other side gave the stream up")),
                ),
            },
        })
    }
}

fn number(field: &'static str, value: Option<u64>) -> Result<u64, FrameError> {
    optional(field, value)?.ok_or(FrameError::Missing(field))
}

fn optional(field: &'static str, value: Option<u64>) -> Result<Option<u64>, FrameError> {
    match value {
        Some(value) if value > MAX_SAFE_INTEGER => Err(FrameError::TooLarge(field)),
        value => Ok(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_may_come_in_any_order_and_unknown_ones_are_ignored() {
        let frame = decode_client(r#"{"payload":{"a":[1]},"future":{"x":1},"method":"system/echo","id":7,"type":"call"}"#);
        let Ok(ClientFrame::Call(call)) = frame else { panic!("{frame:?}") };
        assert_eq!((call.id, &*call.method), (CallId(7), "system/echo"));
        assert_eq!(call.payload.map(RawValue::get), Some(r#"{"a":[1]}"#));
    }

    #[test]
    fn an_unknown_type_is_kept() {
        assert!(matches!(decode_client(r#"{"type":"dance"}"#), Ok(ClientFrame::Unknown(kind)) if kind == "dance"));
    }

    #[test]
    fn broken_frames_say_what_is_wrong() {
        assert!(matches!(decode_client("{"), Err(FrameError::Syntax(_))));
        assert!(matches!(decode_client("[]"), Err(FrameError::Syntax(_))));
        assert!(matches!(decode_client(r#"{"id":1}"#), Err(FrameError::Syntax(_))));
        assert_eq!(decode_client(r#"{"type":"call","id":1}"#).err(), Some(FrameError::Missing("method")));
        let past = r#"{"type":"cancel","id":9007199254740992}"#;
        assert_eq!(decode_client(past).err(), Some(FrameError::TooLarge("id")));
    }
}
