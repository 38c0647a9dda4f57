//! From frames to text, written by hand: a frame is a dozen fields at most, and this is both the smallest and the fastest way.

use std::fmt::Display;

use super::Text;
use super::frame::{Advice, Attach, Call, ClientFrame, Continuity, Goodbye, Hello, Open, ServerFrame, StreamFrame, Welcome};
use crate::failure::{Failure, Ran};

impl ClientFrame<'_> {
    /// The frame as it goes on the wire.
    #[must_use]
    pub fn encode(&self) -> Text {
        match self {
            Self::Hello(hello) => encode_hello(hello),
            Self::Call(call) => encode_call(call),
            Self::Cancel { id } => Writer::new("cancel").number("id", id.0).end(),
            Self::Ack { id, parts } => Writer::new("ack").number("id", id.0).number("parts", *parts).end(),
            Self::Open(open) => encode_open(open),
            Self::Attach(attach) => encode_attach(attach),
            Self::Stream(frame) => frame.encode(),
            Self::Ping { nonce } => Writer::new("ping").number("nonce", *nonce).end(),
            Self::Pong { nonce } => Writer::new("pong").number("nonce", *nonce).end(),
            Self::Unknown(kind) => Writer::new(kind).end(),
        }
    }
}

impl ServerFrame<'_> {
    /// The frame as it goes on the wire.
    #[must_use]
    pub fn encode(&self) -> Text {
        match self {
            Self::Welcome(welcome) => encode_welcome(welcome),
            Self::Goodbye(goodbye) => encode_goodbye(goodbye),
            Self::Result { id, payload } => Writer::new("result").number("id", id.0).raw("payload", payload.get()).end(),
            Self::Part { id, seq, payload } => {
                Writer::new("part").number("id", id.0).number("seq", *seq).raw("payload", payload.get()).end()
            }
            Self::Failure { id, error } => Writer::new("failure").number("id", id.0).failure(error).end(),
            Self::Opened { stream, offset, limit } => {
                Writer::new("opened").stream(stream.0).number("offset", *offset).number("limit", *limit).end()
            }
            Self::Open(open) => encode_open(open),
            Self::Stream(frame) => frame.encode(),
            Self::Error { error } => Writer::new("error").failure(error).end(),
            Self::Ping { nonce } => Writer::new("ping").number("nonce", *nonce).end(),
            Self::Pong { nonce } => Writer::new("pong").number("nonce", *nonce).end(),
            Self::Unknown(kind) => Writer::new(kind).end(),
        }
    }
}

impl StreamFrame<'_> {
    pub(crate) fn encode(&self) -> Text {
        match self {
            Self::Credit { stream, durable, limit } => {
                Writer::new("credit").stream(stream.0).number("durable", *durable).number("limit", *limit).end()
            }
            Self::End { stream, size, digest } => {
                Writer::new("end").stream(stream.0).number("size", *size).shown("digest", digest.as_ref()).end()
            }
            Self::Finished { stream, size, digest } => {
                Writer::new("finished").stream(stream.0).number("size", *size).shown("digest", Some(digest)).end()
            }
            Self::Abort { stream, id, error } => {
                Writer::new("abort").stream(stream.0).shown("ref", id.as_ref()).failure(error).end()
            }
        }
    }
}

fn encode_hello(hello: &Hello<'_>) -> Text {
    Writer::new("hello")
        .text("token", hello.token.as_deref())
        .text("ticket", hello.ticket.as_deref())
        .text("agent", hello.agent.as_deref())
        .end()
}

fn encode_call(call: &Call<'_>) -> Text {
    let mut writer = Writer::new("call").number("id", call.id.0).text("method", Some(&call.method));
    if let Some(payload) = call.payload {
        writer = writer.raw("payload", payload.get());
    }
    if let Some(timeout) = call.timeout {
        writer = writer.number("timeout", timeout);
    }
    if let Some(done) = call.done {
        writer = writer.number("done", done.0);
    }
    if call.parts > 0 {
        writer = writer.number("parts", call.parts);
    }
    writer.end()
}

fn encode_open(open: &Open<'_>) -> Text {
    let mut writer = Writer::new("open").stream(open.stream.0).shown("ref", Some(&open.id));
    writer = writer.text("name", open.name.as_deref()).text("media", open.media.as_deref());
    if let Some(size) = open.size {
        writer = writer.number("size", size);
    }
    writer.end()
}

fn encode_attach(attach: &Attach) -> Text {
    Writer::new("attach")
        .stream(attach.stream.0)
        .shown("ref", Some(&attach.id))
        .number("offset", attach.offset)
        .number("limit", attach.limit)
        .end()
}

fn encode_welcome(welcome: &Welcome<'_>) -> Text {
    let continuity = match welcome.continuity {
        Continuity::Kept => "kept",
        Continuity::Restarted => "restarted",
        Continuity::Fresh => "fresh",
    };
    let limits = &welcome.limits;
    Writer::new("welcome")
        .shown("session", Some(&welcome.session))
        .text("ticket", Some(&welcome.ticket))
        .text("continuity", Some(continuity))
        .text("identity", welcome.identity.as_deref())
        .object("limits")
        .number("maxText", limits.max_text as u64)
        .number("maxChunk", limits.max_chunk as u64)
        .number("maxCalls", limits.max_calls as u64)
        .number("maxStreams", limits.max_streams as u64)
        .number("window", limits.window)
        .number("maxUpload", limits.max_upload)
        .close()
        .object("heartbeat")
        .number("interval", welcome.heartbeat.interval)
        .number("timeout", welcome.heartbeat.timeout)
        .close()
        .advice(welcome.reconnect)
        .end()
}

fn encode_goodbye(goodbye: &Goodbye) -> Text {
    let writer = Writer::new("goodbye").failure(&goodbye.error);
    match goodbye.reconnect {
        Some(advice) => writer.advice(advice).end(),
        None => writer.end(),
    }
}

/// Writes one JSON object, its `type` first.
struct Writer(Vec<u8>);

impl Writer {
    fn new(kind: &str) -> Self {
        let mut out = Vec::with_capacity(128);
        out.push(b'{');
        Self(out).text("type", Some(kind))
    }

    /// The keys are our own and need no escapes.
    fn key(mut self, key: &str) -> Self {
        if !self.0.ends_with(b"{") {
            self.0.push(b',');
        }
        self.0.push(b'"');
        self.0.extend_from_slice(key.as_bytes());
        self.0.extend_from_slice(b"\":");
        self
    }

    fn text(self, key: &str, value: Option<&str>) -> Self {
        let Some(value) = value else { return self };
        let mut this = self.key(key);
        write_string(&mut this.0, value);
        this
    }

    /// A value whose text form needs no escapes: an id, a digest.
    fn shown(self, key: &str, value: Option<&impl Display>) -> Self {
        match value {
            Some(value) => self.text(key, Some(&value.to_string())),
            None => self,
        }
    }

    fn number(self, key: &str, value: u64) -> Self {
        let mut this = self.key(key);
        write_number(&mut this.0, value);
        this
    }

    fn stream(self, number: u32) -> Self {
        self.number("stream", u64::from(number))
    }

    fn raw(self, key: &str, json: &str) -> Self {
        let mut this = self.key(key);
        this.0.extend_from_slice(json.as_bytes());
        this
    }

    fn object(self, key: &str) -> Self {
        self.raw(key, "{")
    }

    fn close(mut self) -> Self {
        self.0.push(b'}');
        self
    }

    fn failure(self, failure: &Failure) -> Self {
        let ran = match failure.ran {
            Ran::No => "no",
            Ran::Yes => "yes",
            Ran::Maybe => "maybe",
        };
        let this = self
            .object("error")
            .text("code", Some(failure.code.as_str()))
            .text("message", Some(&failure.message))
            .raw("retryable", if failure.retryable { "true" } else { "false" })
            .text("ran", Some(ran));
        match &failure.data {
            Some(data) => this.raw("data", data.get()).close(),
            None => this.close(),
        }
    }

    fn advice(self, advice: Advice) -> Self {
        self.object("reconnect").number("delay", advice.delay).number("spread", advice.spread).close()
    }

    fn end(self) -> Text {
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
            let text = ServerFrame::Error { error: error.clone() }.encode();
            assert_eq!(text.as_str(), format!("{{\"type\":\"error\",\"error\":{json}}}"));
        }
    }
}
