//! A frame before anybody knows what it is.

use std::borrow::Cow;
use std::cell::Cell;
use std::str::FromStr;

use serde_json::value::RawValue;

use super::frame::{Open, StreamFrame};
use crate::code::Code;
use crate::digest::Digest;
use crate::failure::{Failure, Ran};
use crate::id::{CallId, StreamId, StreamNo};
use crate::json::{Json, Malformed, Object};
use crate::limits::MAX_SAFE_INTEGER;

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
pub(super) struct Envelope<'a> {
    pub(super) kind: Cow<'a, str>,
    fields: Object<'a>,
    fault: Cell<Option<FrameError>>,
}

impl<'a> Envelope<'a> {
    pub(super) fn read(text: &'a str) -> Result<Self, FrameError> {
        let fields = Object::read(text).map_err(|Malformed| FrameError::Syntax("it is not a JSON object".into()))?;
        let mut envelope = Self { kind: Cow::Borrowed(""), fields, fault: Cell::new(None) };
        match envelope.text("type") {
            Some(kind) => envelope.kind = kind,
            None => return Err(FrameError::Syntax("it has no `type`, or one that is no text".into())),
        }
        Ok(envelope)
    }

    /// The frame, unless something was wrong with a field of it.
    pub(super) fn whole<T>(self, frame: T) -> Result<T, FrameError> {
        self.fault.into_inner().map_or(Ok(frame), Err)
    }

    fn is_at_fault(&self, error: FrameError) {
        let first = self.fault.take();
        self.fault.set(first.or(Some(error)));
    }

    pub(super) fn missing(&self, field: &'static str) {
        self.is_at_fault(FrameError::Missing(field));
    }

    fn wrong_type(&self, field: &'static str) {
        let mut text = String::from("its field `");
        text.push_str(field);
        text.push_str("` is not of the type that it should be");
        self.is_at_fault(FrameError::Syntax(text.into()));
    }

    pub(super) fn read_as<T>(&self, field: &'static str, read: impl FnOnce(Json<'a>) -> Result<T, Malformed>) -> Option<T> {
        let value = read(self.fields.get(field)?);
        if value.is_err() {
            self.wrong_type(field);
        }
        value.ok()
    }

    pub(super) fn needed<T: Default>(&self, field: &'static str, value: Option<T>) -> T {
        if value.is_none() {
            self.missing(field);
        }
        value.unwrap_or_default()
    }

    pub(super) fn text(&self, field: &'static str) -> Option<Cow<'a, str>> {
        self.read_as(field, Json::string)
    }

    pub(super) fn parsed<T: FromStr>(&self, field: &'static str) -> Option<T> {
        let text = self.text(field)?;
        let value = text.parse().ok();
        if value.is_none() {
            self.wrong_type(field);
        }
        value
    }

    /// The bits of an id that the frame needs.
    pub(super) fn bits<T: FromStr>(&self, field: &'static str, bits: impl FnOnce(T) -> [u8; 16]) -> [u8; 16] {
        self.needed(field, self.parsed(field).map(bits))
    }

    pub(super) fn number(&self, field: &'static str) -> Option<u64> {
        let number = self.read_as(field, Json::number);
        if number.is_some_and(|number| number > MAX_SAFE_INTEGER) {
            self.is_at_fault(FrameError::TooLarge(field));
        }
        number
    }

    pub(super) fn needed_number(&self, field: &'static str) -> u64 {
        self.needed(field, self.number(field))
    }

    pub(super) fn payload(&self) -> Option<&'a RawValue> {
        self.read_as("payload", Json::raw)
    }

    /// A value as it is, a `null` included.
    pub(super) fn raw(&self, field: &str) -> Option<&'a RawValue> {
        self.fields.find(field)?.raw().ok()
    }

    pub(super) fn room(&self) -> Cow<'a, str> {
        self.needed("room", self.text("room"))
    }

    pub(super) fn nonce(&self) -> u64 {
        self.number("nonce").unwrap_or(0)
    }

    pub(super) fn call(&self) -> CallId {
        CallId(self.needed_number("id"))
    }

    pub(super) fn stream(&self) -> StreamNo {
        let number = self.needed_number("stream");
        if number > u64::from(u32::MAX) {
            self.wrong_type("stream");
        }
        StreamNo(number as u32)
    }

    pub(super) fn failure(&self) -> Failure {
        self.read_as("error", failure).unwrap_or_else(|| {
            self.missing("error");
            Failure::new(Code::Internal, "")
        })
    }

    pub(super) fn open(&self) -> Open<'a> {
        Open {
            stream: self.stream(),
            id: StreamId::from_random(self.bits("ref", StreamId::bits)),
            size: self.number("size"),
            name: self.text("name"),
            media: self.text("media"),
        }
    }

    pub(super) fn stream_frame(&self) -> StreamFrame<'a> {
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

/// Reads an error.
pub(super) fn failure(value: Json<'_>) -> Result<Failure, Malformed> {
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
