//! From text to frames, through one flat envelope.

use serde_json::value::RawValue;

use super::envelope::{Envelope, FrameError};
use super::frame::{Advice, Attach, Call, ClientFrame, Continuity, Goodbye, Heartbeat, Hello, ServerFrame, Welcome};
use super::rooms::{Cast, Join, RoomText};
use crate::id::{CallId, SessionId, StreamId};
use crate::json::{Json, Malformed};
use crate::limits::Limits;

/// Reads what a client says.
pub fn decode_client(text: &str) -> Result<ClientFrame<'_>, FrameError> {
    let envelope = Envelope::read(text)?;
    let frame = match &*envelope.kind {
        "hello" => ClientFrame::Hello(Hello {
            token: envelope.text("token"),
            ticket: envelope.text("ticket"),
            anew: envelope.read_as("anew", Json::flag).unwrap_or(false),
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
        "join" => ClientFrame::Join(Join::read(&envelope)),
        "leave" => ClientFrame::Leave { room: envelope.room() },
        "cast" => ClientFrame::Cast(Cast::read(&envelope)),
        "token" => ClientFrame::Token { token: envelope.needed("token", envelope.text("token")) },
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
            expires: envelope.number("expires"),
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
        "token" => ServerFrame::Token { expires: envelope.number("expires") },
        "error" => ServerFrame::Error { error: envelope.failure(), room: envelope.text("room") },
        "ping" => ServerFrame::Ping { nonce: envelope.nonce(), reconnect: envelope.read_as("reconnect", advice) },
        "pong" => ServerFrame::Pong { nonce: envelope.nonce() },
        "credit" | "end" | "finished" | "abort" => ServerFrame::Stream(envelope.stream_frame()),
        _ => match RoomText::read(&envelope, text) {
            Some(frame) => ServerFrame::Room(frame),
            None => ServerFrame::Unknown(envelope.kind.clone()),
        },
    };
    envelope.whole(frame)
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
        max_rooms: count("maxRooms", default.max_rooms)?,
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
