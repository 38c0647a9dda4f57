//! From text to frames, through one flat envelope.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::frame::{
    Advice, Attach, Call, ClientFrame, Continuity, Goodbye, Heartbeat, Hello, Open, ServerFrame, StreamFrame, Welcome,
};
use crate::code::Code;
use crate::digest::Digest;
use crate::failure::{Failure, Ran};
use crate::id::{CallId, SessionId, StreamId, StreamNo};
use crate::json::{Fields, Json, Malformed};
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
#[derive(Default)]
struct Envelope<'a> {
    kind: Cow<'a, str>,
    id: Option<u64>,
    method: Option<Cow<'a, str>>,
    payload: Option<&'a RawValue>,
    timeout: Option<u64>,
    done: Option<u64>,
    parts: Option<u64>,
    seq: Option<u64>,
    nonce: Option<u64>,
    error: Option<Failure>,
    stream: Option<u32>,
    reference: Option<StreamId>,
    name: Option<Cow<'a, str>>,
    media: Option<Cow<'a, str>>,
    size: Option<u64>,
    offset: Option<u64>,
    durable: Option<u64>,
    limit: Option<u64>,
    digest: Option<Digest>,
    token: Option<Cow<'a, str>>,
    ticket: Option<Cow<'a, str>>,
    agent: Option<Cow<'a, str>>,
    session: Option<SessionId>,
    continuity: Option<Continuity>,
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
        let not_json = |Malformed| FrameError::Syntax("it is not a JSON object".into());
        let mut envelope = Self::default();
        let mut fields = Fields::of(text).map_err(not_json)?;
        while let Some((key, value)) = fields.next().map_err(not_json)? {
            // A field that is null says what a missing one says.
            if !value.is_null() {
                envelope.set(&key, value).map_err(|Malformed| {
                    FrameError::Syntax(["its field `", &key, "` is not of the type that it should be"].concat().into())
                })?;
            }
        }
        if envelope.kind.is_empty() {
            return Err(FrameError::Syntax("it has no `type`".into()));
        }
        Ok(envelope)
    }

    fn set(&mut self, key: &str, value: Json<'a>) -> Result<(), Malformed> {
        match key {
            "type" => self.kind = value.string()?,
            "id" => self.id = Some(value.number()?),
            "method" => self.method = Some(value.string()?),
            "payload" => self.payload = Some(value.raw()?),
            "timeout" => self.timeout = Some(value.number()?),
            "done" => self.done = Some(value.number()?),
            "parts" => self.parts = Some(value.number()?),
            "seq" => self.seq = Some(value.number()?),
            "nonce" => self.nonce = Some(value.number()?),
            "error" => self.error = Some(failure(value)?),
            "stream" => self.stream = Some(narrow(value.number()?)?),
            "ref" => self.reference = Some(parsed(value)?),
            "name" => self.name = Some(value.string()?),
            "media" => self.media = Some(value.string()?),
            "size" => self.size = Some(value.number()?),
            "offset" => self.offset = Some(value.number()?),
            "durable" => self.durable = Some(value.number()?),
            "limit" => self.limit = Some(value.number()?),
            "digest" => self.digest = Some(parsed(value)?),
            "token" => self.token = Some(value.string()?),
            "ticket" => self.ticket = Some(value.string()?),
            "agent" => self.agent = Some(value.string()?),
            "session" => self.session = Some(parsed(value)?),
            "continuity" => self.continuity = Some(continuity(value)?),
            "identity" => self.identity = Some(value.string()?),
            "limits" => self.limits = Some(limits(value)?),
            "heartbeat" => self.heartbeat = Some(heartbeat(value)?),
            "reconnect" => self.reconnect = Some(advice(value)?),
            _ => {}
        }
        Ok(())
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

fn parsed<T: std::str::FromStr>(value: Json<'_>) -> Result<T, Malformed> {
    value.string()?.parse().map_err(|_| Malformed)
}

fn narrow<T: TryFrom<u64>>(number: u64) -> Result<T, Malformed> {
    number.try_into().map_err(|_| Malformed)
}

/// Tells each field of an object that is not null.
fn each<'a>(object: Json<'a>, mut field: impl FnMut(&str, Json<'a>) -> Result<(), Malformed>) -> Result<(), Malformed> {
    let mut fields = object.fields()?;
    while let Some((key, value)) = fields.next()? {
        if !value.is_null() {
            field(&key, value)?;
        }
    }
    Ok(())
}

fn failure(value: Json<'_>) -> Result<Failure, Malformed> {
    let mut code = None;
    let mut failure = Failure::new(Code::Internal, "").ran(Ran::Maybe);
    failure.retryable = false;
    each(value, |key, value| {
        match key {
            "code" => code = Some(Code::from_name(&value.string()?)),
            "message" => failure.message = value.string()?.into_owned(),
            "retryable" => failure.retryable = value.flag()?,
            "ran" => {
                failure.ran = match &*value.string()? {
                    "no" => Ran::No,
                    "yes" => Ran::Yes,
                    _ => Ran::Maybe,
                }
            }
            "data" => failure.data = Some(value.raw()?.to_owned()),
            _ => {}
        }
        Ok(())
    })?;
    failure.code = code.ok_or(Malformed)?;
    Ok(failure)
}

fn continuity(value: Json<'_>) -> Result<Continuity, Malformed> {
    Ok(match &*value.string()? {
        "kept" => Continuity::Kept,
        "restarted" => Continuity::Restarted,
        _ => Continuity::Fresh,
    })
}

fn limits(value: Json<'_>) -> Result<Limits, Malformed> {
    let mut limits = Limits::default();
    each(value, |key, value| {
        match key {
            "maxText" => limits.max_text = narrow(value.number()?)?,
            "maxChunk" => limits.max_chunk = narrow(value.number()?)?,
            "maxCalls" => limits.max_calls = narrow(value.number()?)?,
            "maxStreams" => limits.max_streams = narrow(value.number()?)?,
            "window" => limits.window = value.number()?,
            "maxUpload" => limits.max_upload = value.number()?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(limits)
}

fn heartbeat(value: Json<'_>) -> Result<Heartbeat, Malformed> {
    let (mut interval, mut timeout) = (None, None);
    each(value, |key, value| {
        match key {
            "interval" => interval = Some(value.number()?),
            "timeout" => timeout = Some(value.number()?),
            _ => {}
        }
        Ok(())
    })?;
    Ok(Heartbeat { interval: interval.ok_or(Malformed)?, timeout: timeout.ok_or(Malformed)? })
}

fn advice(value: Json<'_>) -> Result<Advice, Malformed> {
    let mut advice = Advice { delay: 0, spread: 0 };
    each(value, |key, value| {
        match key {
            "delay" => advice.delay = value.number()?,
            "spread" => advice.spread = value.number()?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(advice)
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
