//! From frames to text.

use super::Text;
use super::frame::{Attach, Call, ClientFrame, Continuity, Goodbye, Hello, Open, ServerFrame, StreamFrame, Welcome};
use super::writer::Writer;

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
            Self::Join(join) => join.encode(),
            Self::Leave { room } => Writer::about("leave", room).end(),
            Self::Cast(cast) => cast.encode(),
            Self::Token { token } => Writer::new("token").text("token", Some(token)).end(),
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
            Self::Room(room) => Text::from(room.text.to_owned()),
            Self::Token { expires } => Writer::new("token").number_if("expires", *expires).end(),
            Self::Error { error, room } => Writer::new("error").failure(error).text("room", room.as_deref()).end(),
            Self::Ping { nonce, reconnect } => {
                let writer = Writer::new("ping").number("nonce", *nonce);
                match reconnect {
                    Some(advice) => writer.advice(*advice).end(),
                    None => writer.end(),
                }
            }
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
    let mut writer = Writer::new("hello").text("token", hello.token.as_deref()).text("ticket", hello.ticket.as_deref());
    if hello.anew {
        writer = writer.flag("anew", true);
    }
    writer.text("agent", hello.agent.as_deref()).end()
}

fn encode_call(call: &Call<'_>) -> Text {
    let mut writer = Writer::new("call").number("id", call.id.0).text("method", Some(&call.method));
    writer = writer
        .raw_if("payload", call.payload)
        .number_if("timeout", call.timeout)
        .number_if("done", call.done.map(|done| done.0));
    if call.parts > 0 {
        writer = writer.number("parts", call.parts);
    }
    writer.end()
}

fn encode_open(open: &Open<'_>) -> Text {
    Writer::new("open")
        .stream(open.stream.0)
        .shown("ref", Some(&open.id))
        .text("name", open.name.as_deref())
        .text("media", open.media.as_deref())
        .number_if("size", open.size)
        .end()
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
        .object_at("limits")
        .number("maxText", limits.max_text as u64)
        .number("maxChunk", limits.max_chunk as u64)
        .number("maxCalls", limits.max_calls as u64)
        .number("maxStreams", limits.max_streams as u64)
        .number("maxRooms", limits.max_rooms as u64)
        .number("window", limits.window)
        .number("maxUpload", limits.max_upload)
        .close()
        .object_at("heartbeat")
        .number("interval", welcome.heartbeat.interval)
        .number("timeout", welcome.heartbeat.timeout)
        .close()
        .advice(welcome.reconnect)
        .number_if("expires", welcome.expires)
        .end()
}

fn encode_goodbye(goodbye: &Goodbye) -> Text {
    let writer = Writer::new("goodbye").failure(&goodbye.error);
    match goodbye.reconnect {
        Some(advice) => writer.advice(advice).end(),
        None => writer.end(),
    }
}
