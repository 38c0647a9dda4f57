//! Writes JSON objects by hand: a frame is a dozen fields at most, and this is both the smallest and the fastest way.

use std::fmt::Display;

use serde_json::value::RawValue;

use super::Text;
use super::frame::Advice;
use crate::failure::{Failure, Ran};

/// Writes one JSON object, its `type` first.
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn new(kind: &str) -> Self {
        let mut out = Vec::with_capacity(128);
        out.push(b'{');
        Self(out).text("type", Some(kind))
    }

    /// A frame about a room.
    pub(crate) fn about(kind: &str, room: &str) -> Self {
        Self::new(kind).text("room", Some(room))
    }

    /// The keys are our own and need no escapes.
    pub(crate) fn key(mut self, key: &str) -> Self {
        if !self.0.ends_with(b"{") {
            self.0.push(b',');
        }
        self.0.push(b'"');
        self.0.extend_from_slice(key.as_bytes());
        self.0.extend_from_slice(b"\":");
        self
    }

    pub(crate) fn text(self, key: &str, value: Option<&str>) -> Self {
        let Some(value) = value else { return self };
        let mut this = self.key(key);
        write_string(&mut this.0, value);
        this
    }

    /// A value whose text form needs no escapes: an id, a digest.
    pub(crate) fn shown(self, key: &str, value: Option<&impl Display>) -> Self {
        match value {
            Some(value) => self.text(key, Some(&value.to_string())),
            None => self,
        }
    }

    pub(crate) fn number(self, key: &str, value: u64) -> Self {
        let mut this = self.key(key);
        write_number(&mut this.0, value);
        this
    }

    pub(crate) fn stream(self, number: u32) -> Self {
        self.number("stream", u64::from(number))
    }

    pub(crate) fn raw(self, key: &str, json: &str) -> Self {
        let mut this = self.key(key);
        this.0.extend_from_slice(json.as_bytes());
        this
    }

    pub(crate) fn raw_if(self, key: &str, json: Option<&RawValue>) -> Self {
        match json {
            Some(json) => self.raw(key, json.get()),
            None => self,
        }
    }

    pub(crate) fn number_if(self, key: &str, value: Option<u64>) -> Self {
        match value {
            Some(value) => self.number(key, value),
            None => self,
        }
    }

    pub(crate) fn flag(self, key: &str, value: bool) -> Self {
        self.raw(key, if value { "true" } else { "false" })
    }

    pub(crate) fn object_at(self, key: &str) -> Self {
        self.raw(key, "{")
    }

    /// Begins an object that is an item of an array.
    pub(crate) fn object(mut self) -> Self {
        self.next_item();
        self.0.push(b'{');
        self
    }

    /// A text that is an item of an array.
    pub(crate) fn item(mut self, text: &str) -> Self {
        self.next_item();
        write_string(&mut self.0, text);
        self
    }

    pub(crate) fn array<T>(self, key: &str, items: &[T], write: impl Fn(Self, &T) -> Self) -> Self {
        let mut this = items.iter().fold(self.raw(key, "["), write);
        this.0.push(b']');
        this
    }

    fn next_item(&mut self) {
        if !self.0.ends_with(b"[") {
            self.0.push(b',');
        }
    }

    pub(crate) fn close(mut self) -> Self {
        self.0.push(b'}');
        self
    }

    pub(crate) fn failure(self, failure: &Failure) -> Self {
        let ran = match failure.ran {
            Ran::No => "no",
            Ran::Yes => "yes",
            Ran::Maybe => "maybe",
        };
        let this = self
            .object_at("error")
            .text("code", Some(failure.code.as_str()))
            .text("message", Some(&failure.message))
            .flag("retryable", failure.retryable)
            .text("ran", Some(ran));
        this.raw_if("data", failure.data.as_deref()).close()
    }

    pub(crate) fn advice(self, advice: Advice) -> Self {
        self.object_at("reconnect").number("delay", advice.delay).number("spread", advice.spread).close()
    }

    pub(crate) fn end(self) -> Text {
        Text(self.close().0.into())
    }
}

/// Writes a string, its quotes included, with an escape for each character that JSON wants one for.
fn write_string(out: &mut Vec<u8>, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| HEX[usize::from(nibble)];
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20)) {
        let (plain, special) = rest.split_at(at);
        out.extend_from_slice(plain);
        let Some((byte, after)) = special.split_first() else { break };
        match byte {
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x8 => out.extend_from_slice(b"\\b"),
            0xc => out.extend_from_slice(b"\\f"),
            0..0x20 => out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 15)]),
            _ => out.extend_from_slice(&[b'\\', *byte]),
        }
        rest = after;
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

fn write_number(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0; 20];
    let mut rest = number;
    let mut from = digits.len();
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
        from -= 1;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(from..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::ServerFrame;

    proptest! {
        #[test]
        fn strings_and_numbers_are_written_as_serde_json_writes_them(text in any::<String>(), control in "[\\u{0}-\\u{7f}]*", number: u64) {
            for text in [text, control] {
                let mut ours = Vec::new();
                write_string(&mut ours, &text);
                prop_assert_eq!(ours, serde_json::to_vec(&text).unwrap());
            }
            let mut ours = Vec::new();
            write_number(&mut ours, number);
            prop_assert_eq!(ours, number.to_string().into_bytes());
        }
    }

    #[test]
    fn an_error_is_written_as_it_is_everywhere_else() {
        let data = serde_json::value::to_raw_value(&[1, 2]).unwrap();
        let mut error = Failure::new(crate::Code::TooBig, "a \"b\"\n").ran(Ran::Maybe);
        for data in [None, Some(data)] {
            error.data = data;
            let json = serde_json::to_string(&error).unwrap();
            let text = ServerFrame::Error { error: error.clone(), room: None }.encode();
            assert_eq!(text.as_str(), format!("{{\"type\":\"error\",\"error\":{json}}}"));
        }
    }
}
