//! From text to frames, through one flat envelope.

use std::borrow::Cow;
use std::cell::Cell;
use std::str::FromStr;

use serde_json::value::RawValue;

use super::frame::{
    Advice, Attach, Call, ClientFrame, Continuity, Goodbye, Heartbeat, Hello, Open, ServerFrame, StreamFrame, Welcome,
};
use crate::code::Code;
use crate::digest::Digest;
use crate::failure::{Failure, Ran};
use crate::id::{CallId, SessionId, StreamId, StreamNo};
use crate::json::{Json, Malformed, Object};
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

/// A frame before anybody knows what it is: its type, and fields that are looked at only when the type has them.
///
/// A field that is at fault reads as some value of its type, and the first fault is remembered: a frame is read as a whole and then
/// refused as a whole. A field that is null says what a missing one says.
struct Envelope<'a> {
    kind: Cow<'a, str>,
    fields: Object<'a>,
    fault: Cell<Option<FrameError>>,
}

/// Reads what a client says.
pub fn decode_client(text: &str) -> Result<ClientFrame<'_>, FrameError> {
    let envelope = Envelope::read(text)?;
    let frame = match &*envelope.kind {
        "hello" => ClientFrame::Hello(Hello {
            token: envelope.text("token"),
            ticket: envelope.text("ticket"),
            agent: envelope.text("agent"),
        }),
        "call" => ClientFrame::Call(Call {
            id: envelope.call(),
            method: envelope.needed("method", envelope.text("method")),
            payload: envelope.payload(),
            timeout: envelope.number("timeout"),
            done: envelope.number("done").map(CallId),
            parts: envelope.number("parts").unwrap_or(0),
        }),
        "cancel" => ClientFrame::Cancel { id: envelope.call() },
        "ack" => ClientFrame::Ack { id: envelope.call(), parts: envelope.needed_number("parts") },
        "open" => ClientFrame::Open(envelope.open()),
        "attach" => ClientFrame::Attach(Attach {
            stream: envelope.stream(),
            id: StreamId::from_random(envelope.bits("ref", StreamId::bits)),
            offset: envelope.needed_number("offset"),
            limit: envelope.needed_number("limit"),
        }),
        "ping" => ClientFrame::Ping { nonce: envelope.nonce() },
        "pong" => ClientFrame::Pong { nonce: envelope.nonce() },
        "credit" | "end" | "finished" | "abort" => ClientFrame::Stream(envelope.stream_frame()),
        _ => ClientFrame::Unknown(envelope.kind.clone()),
    };
    envelope.whole(frame)
}

/// Reads what a server says.
pub fn decode_server(text: &str) -> Result<ServerFrame<'_>, FrameError> {
    let envelope = Envelope::read(text)?;
    let frame = match &*envelope.kind {
        "welcome" => ServerFrame::Welcome(Welcome {
            session: SessionId::from_random(envelope.bits("session", SessionId::bits)),
            ticket: envelope.needed("ticket", envelope.text("ticket")),
            continuity: envelope.read_as("continuity", continuity).unwrap_or_else(|| {
                envelope.missing("continuity");
                Continuity::Fresh
            }),
            identity: envelope.text("identity"),
            limits: envelope.read_as("limits", limits).unwrap_or_default(),
            heartbeat: envelope.read_as("heartbeat", heartbeat).unwrap_or_default(),
            reconnect: envelope.read_as("reconnect", advice).unwrap_or_default(),
        }),
        "goodbye" => {
            ServerFrame::Goodbye(Goodbye { error: envelope.failure(), reconnect: envelope.read_as("reconnect", advice) })
        }
        "result" => ServerFrame::Result { id: envelope.call(), payload: envelope.payload().unwrap_or(RawValue::NULL) },
        "part" => ServerFrame::Part {
            id: envelope.call(),
            seq: envelope.needed_number("seq"),
            payload: envelope.payload().unwrap_or(RawValue::NULL),
        },
        "failure" => ServerFrame::Failure { id: envelope.call(), error: envelope.failure() },
        "opened" => ServerFrame::Opened {
            stream: envelope.stream(),
            offset: envelope.needed_number("offset"),
            limit: envelope.needed_number("limit"),
        },
        "open" => ServerFrame::Open(envelope.open()),
        "error" => ServerFrame::Error { error: envelope.failure() },
        "ping" => ServerFrame::Ping { nonce: envelope.nonce() },
        "pong" => ServerFrame::Pong { nonce: envelope.nonce() },
        "credit" | "end" | "finished" | "abort" => ServerFrame::Stream(envelope.stream_frame()),
        _ => ServerFrame::Unknown(envelope.kind.clone()),
    };
    envelope.whole(frame)
}

impl<'a> Envelope<'a> {
    fn read(text: &'a str) -> Result<Self, FrameError> {
        let fields = Object::read(text).map_err(|Malformed| FrameError::Syntax("it is not a JSON object".into()))?;
        let mut envelope = Self { kind: Cow::Borrowed(""), fields, fault: Cell::new(None) };
        match envelope.text("type") {
            Some(kind) => envelope.kind = kind,
            None => return Err(FrameError::Syntax("it has no `type`, or one that is no text".into())),
        }
        Ok(envelope)
    }

    /// The frame, unless something was wrong with a field of it.
    fn whole<T>(self, frame: T) -> Result<T, FrameError> {
        self.fault.into_inner().map_or(Ok(frame), Err)
    }

    fn is_at_fault(&self, error: FrameError) {
        let first = self.fault.take();
        self.fault.set(first.or(Some(error)));
    }

    fn missing(&self, field: &'static str) {
        self.is_at_fault(FrameError::Missing(field));
    }

    fn wrong_type(&self, field: &'static str) {
        let mut text = String::from("its field `");
        text.push_str(field);
        text.push_str("` is not of the type that it should be");
        self.is_at_fault(FrameError::Syntax(text.into()));
    }

    fn read_as<T>(&self, field: &'static str, read: impl FnOnce(Json<'a>) -> Result<T, Malformed>) -> Option<T> {
        let value = read(self.fields.get(field)?);
        if value.is_err() {
            self.wrong_type(field);
        }
        value.ok()
    }

    fn needed<T: Default>(&self, field: &'static str, value: Option<T>) -> T {
        if value.is_none() {
            self.missing(field);
        }
        value.unwrap_or_default()
    }

    fn text(&self, field: &'static str) -> Option<Cow<'a, str>> {
        self.read_as(field, Json::string)
    }

    fn parsed<T: FromStr>(&self, field: &'static str) -> Option<T> {
        let text = self.text(field)?;
        let value = text.parse().ok();
        if value.is_none() {
            self.wrong_type(field);
        }
        value
    }

    /// The bits of an id that the frame needs.
    fn bits<T: FromStr>(&self, field: &'static str, bits: impl FnOnce(T) -> [u8; 16]) -> [u8; 16] {
        self.needed(field, self.parsed(field).map(bits))
    }

    fn number(&self, field: &'static str) -> Option<u64> {
        let number = self.read_as(field, Json::number);
        if number.is_some_and(|number| number > MAX_SAFE_INTEGER) {
            self.is_at_fault(FrameError::TooLarge(field));
        }
        number
    }

    fn needed_number(&self, field: &'static str) -> u64 {
        self.needed(field, self.number(field))
    }

    fn payload(&self) -> Option<&'a RawValue> {
        self.read_as("payload", Json::raw)
    }

    fn nonce(&self) -> u64 {
        self.number("nonce").unwrap_or(0)
    }

    fn call(&self) -> CallId {
        CallId(self.needed_number("id"))
    }

    fn stream(&self) -> StreamNo {
        let number = self.needed_number("stream");
        if number > u64::from(u32::MAX) {
            self.wrong_type("stream");
        }
        StreamNo(number as u32)
    }

    fn failure(&self) -> Failure {
        self.read_as("error", failure).unwrap_or_else(|| {
            self.missing("error");
            Failure::new(Code::Internal, "")
        })
    }

    fn open(&self) -> Open<'a> {
        Open {
            stream: self.stream(),
            id: StreamId::from_random(self.bits("ref", StreamId::bits)),
            size: self.number("size"),
            name: self.text("name"),
            media: self.text("media"),
        }
    }

    fn stream_frame(&self) -> StreamFrame<'a> {
        let stream = self.stream();
        match &*self.kind {
            "credit" => {
                StreamFrame::Credit { stream, durable: self.needed_number("durable"), limit: self.needed_number("limit") }
            }
            "end" => StreamFrame::End { stream, size: self.needed_number("size"), digest: self.parsed("digest") },
            "finished" => StreamFrame::Finished {
                stream,
                size: self.needed_number("size"),
                digest: self.parsed("digest").unwrap_or_else(|| {
                    self.missing("digest");
                    Digest::NONE
                }),
            },
            _ => StreamFrame::Abort {
                stream,
                id: self.parsed("ref"),
                error: Cow::Owned(
                    self.read_as("error", failure)
                        .unwrap_or_else(|| Failure::new(Code::StreamAborted, "the other side gave the stream up")),
                ),
            },
        }
    }
}

fn failure(value: Json<'_>) -> Result<Failure, Malformed> {
    let fields = value.object()?;
    let code = Code::from_name(&fields.get("code").ok_or(Malformed)?.string()?);
    let message = fields.get("message").map_or(Ok(Cow::Borrowed("")), Json::string)?;
    let ran = match fields.get("ran").map(Json::string).transpose()?.as_deref() {
        Some("no") => Ran::No,
        Some("yes") => Ran::Yes,
        _ => Ran::Maybe,
    };
    let retryable = fields.get("retryable").map_or(Ok(false), Json::flag)?;
    let data = fields.get("data").map(Json::raw).transpose()?.map(RawValue::to_owned);
    Ok(Failure { code, message: message.into_owned(), retryable, ran, data })
}

fn continuity(value: Json<'_>) -> Result<Continuity, Malformed> {
    Ok(match &*value.string()? {
        "kept" => Continuity::Kept,
        "restarted" => Continuity::Restarted,
        _ => Continuity::Fresh,
    })
}

fn limits(value: Json<'_>) -> Result<Limits, Malformed> {
    let fields = value.object()?;
    let number = |field, default: u64| fields.get(field).map_or(Ok(default), Json::number);
    // Larger than this machine can count is as good as no limit.
    let count = |field, default: usize| Ok(usize::try_from(number(field, default as u64)?).unwrap_or(usize::MAX));
    let default = Limits::default();
    Ok(Limits {
        max_text: count("maxText", default.max_text)?,
        max_chunk: count("maxChunk", default.max_chunk)?,
        max_calls: count("maxCalls", default.max_calls)?,
        max_streams: count("maxStreams", default.max_streams)?,
        window: number("window", default.window)?,
        max_upload: number("maxUpload", default.max_upload)?,
    })
}

fn heartbeat(value: Json<'_>) -> Result<Heartbeat, Malformed> {
    let fields = value.object()?;
    let number = |field| fields.get(field).ok_or(Malformed)?.number();
    Ok(Heartbeat { interval: number("interval")?, timeout: number("timeout")? })
}

fn advice(value: Json<'_>) -> Result<Advice, Malformed> {
    let fields = value.object()?;
    let number = |field| fields.get(field).map_or(Ok(0), Json::number);
    Ok(Advice { delay: number("delay")?, spread: number("spread")? })
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
