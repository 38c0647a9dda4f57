//! From frames to text, written by hand: a frame is a dozen fields at most, and this is both the smallest and the fastest way.

use serde::Serialize;

use super::Text;
use super::frame::{Attach, Call, ClientFrame, Goodbye, Hello, Open, ServerFrame, StreamFrame, Welcome};

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
            Self::Failure { id, error } => Writer::new("failure").number("id", id.0).json("error", error).end(),
            Self::Opened { stream, offset, limit } => {
                Writer::new("opened").stream(stream.0).number("offset", *offset).number("limit", *limit).end()
            }
            Self::Open(open) => encode_open(open),
            Self::Stream(frame) => frame.encode(),
            Self::Error { error } => Writer::new("error").json("error", error).end(),
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
                Writer::new("end").stream(stream.0).number("size", *size).option("digest", digest.as_ref()).end()
            }
            Self::Finished { stream, size, digest } => {
                Writer::new("finished").stream(stream.0).number("size", *size).json("digest", digest).end()
            }
            Self::Abort { stream, id, error } => {
                Writer::new("abort").stream(stream.0).option("ref", id.as_ref()).json("error", error.as_ref()).end()
            }
        }
    }
}

fn encode_hello(hello: &Hello<'_>) -> Text {
    Writer::new("hello")
        .option("token", hello.token.as_ref())
        .option("ticket", hello.ticket.as_ref())
        .option("agent", hello.agent.as_ref())
        .end()
}

fn encode_call(call: &Call<'_>) -> Text {
    let mut writer = Writer::new("call").number("id", call.id.0).json("method", &call.method);
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
    let mut writer = Writer::new("open").stream(open.stream.0).json("ref", &open.id);
    writer = writer.option("name", open.name.as_ref()).option("media", open.media.as_ref());
    if let Some(size) = open.size {
        writer = writer.number("size", size);
    }
    writer.end()
}

fn encode_attach(attach: &Attach) -> Text {
    Writer::new("attach")
        .stream(attach.stream.0)
        .json("ref", &attach.id)
        .number("offset", attach.offset)
        .number("limit", attach.limit)
        .end()
}

fn encode_welcome(welcome: &Welcome<'_>) -> Text {
    Writer::new("welcome")
        .json("session", &welcome.session)
        .json("ticket", &welcome.ticket)
        .json("continuity", &welcome.continuity)
        .option("identity", welcome.identity.as_ref())
        .json("limits", &welcome.limits)
        .json("heartbeat", &welcome.heartbeat)
        .json("reconnect", &welcome.reconnect)
        .end()
}

fn encode_goodbye(goodbye: &Goodbye) -> Text {
    Writer::new("goodbye").json("error", &goodbye.error).option("reconnect", goodbye.reconnect.as_ref()).end()
}

/// Writes one flat JSON object, its `type` first.
struct Writer(Vec<u8>);

impl Writer {
    fn new(kind: &str) -> Self {
        let mut out = Vec::with_capacity(128);
        out.extend_from_slice(b"{\"type\":");
        Self(out).value(&kind)
    }

    fn value<T: Serialize + ?Sized>(mut self, value: &T) -> Self {
        serde_json::to_writer(&mut self.0, value).expect("a frame's own types have string keys only, so they become JSON");
        self
    }

    fn key(mut self, key: &str) -> Self {
        self.0.extend_from_slice(b",\"");
        self.0.extend_from_slice(key.as_bytes());
        self.0.extend_from_slice(b"\":");
        self
    }

    fn json<T: Serialize + ?Sized>(self, key: &str, value: &T) -> Self {
        self.key(key).value(value)
    }

    fn option<T: Serialize + ?Sized>(self, key: &str, value: Option<&T>) -> Self {
        match value {
            Some(value) => self.json(key, value),
            None => self,
        }
    }

    fn number(self, key: &str, value: u64) -> Self {
        self.json(key, &value)
    }

    fn stream(self, number: u32) -> Self {
        self.number("stream", u64::from(number))
    }

    fn raw(self, key: &str, json: &str) -> Self {
        let mut this = self.key(key);
        this.0.extend_from_slice(json.as_bytes());
        this
    }

    fn end(mut self) -> Text {
        self.0.push(b'}');
        Text(self.0.into())
    }
}
