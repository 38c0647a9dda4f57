//! Packets of Socket.IO, protocol 5: one parser for each client, because the attachments of a packet follow it. Those that are
//! written are whole messages of Engine.IO, with its `4` before them, so that one is the same for all who are told it.

use std::time::Duration;

use bytes::Bytes;
use samewire_protocol::{Code, Failure};
use serde::Serialize;
use serde_json::value::RawValue;
use socketioxide_core::packet::PacketData;
use socketioxide_core::parser::{Parse, ParseConfig, ParseError, ParserState};
use socketioxide_core::{Str, Value};
use socketioxide_parser_common::CommonParser;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::dialects::socket::unspoken;

/// The one namespace there is.
pub(super) const NAMESPACE: &str = "/file-processing";

/// The longest name of a namespace that is answered.
const LONGEST: usize = 128;

/// A message of Engine.IO.
#[derive(Clone, Debug)]
pub(super) enum Word {
    Text(Str),
    Binary(Bytes),
}

/// What a client said.
#[derive(Debug)]
pub(super) enum Said {
    /// It wants to come in, with this as `auth`.
    Connect(Option<Str>),
    /// It wants to come in somewhere else.
    ConnectElsewhere(Str),
    /// It leaves.
    Disconnect,
    /// An event: a list, of its name and what it says; and the number of the answer that is asked for.
    Event(Str, Option<i64>),
    /// Nothing yet, or nothing that matters.
    Nothing,
}

/// Puts a client's packets together.
#[derive(Debug)]
pub(super) struct Reader {
    config: ParseConfig,
    state: ParserState,
}

impl Reader {
    /// `most` is the size of the largest message.
    pub(super) fn new(most: usize) -> Self {
        let config = ParseConfig {
            max_incoming_binary_buf_size: most,
            // No event here has any.
            max_incoming_binaries: 16,
            packet_completion_timeout: Duration::from_secs(10),
        };
        Self { config, state: ParserState::default() }
    }

    /// # Errors
    /// It is not Socket.IO, or is of a client that is not in.
    pub(super) fn read(&self, word: Word) -> Result<Said, Failure> {
        let packet = match word {
            Word::Text(text) => CommonParser.decode_str(&self.config, &self.state, text),
            Word::Binary(bytes) => CommonParser.decode_bin(&self.config, &self.state, bytes),
        };
        let packet = match packet {
            Ok(packet) => packet,
            Err(ParseError::NeedsMoreBinaryData) => return Ok(Said::Nothing),
            Err(error @ (ParseError::TooManyAttachments { .. } | ParseError::AttachmentsTooHeavy { .. })) => {
                return Err(Failure::new(Code::TooBig, format!("{error}; no event of this namespace has attachments")));
            }
            Err(error) => return Err(unspoken(format!("this is no packet of Socket.IO: {error}"))),
        };
        let text = |value: Value| match value {
            Value::Str(text, _) => text,
            Value::Bytes(_) => Str::default(),
        };
        match packet.inner {
            PacketData::Connect(_) if packet.ns.len() > LONGEST => Err(unspoken("the name of the namespace is too long")),
            PacketData::Connect(auth) if packet.ns == NAMESPACE => Ok(Said::Connect(auth.map(text))),
            PacketData::Connect(_) => Ok(Said::ConnectElsewhere(packet.ns)),
            _ if packet.ns != NAMESPACE => Err(unspoken("this client is not in that namespace; connect to it first")),
            PacketData::Disconnect => Ok(Said::Disconnect),
            PacketData::Event(value, ack) | PacketData::BinaryEvent(value, ack) => Ok(Said::Event(text(value), ack)),
            // Nothing is asked of a client.
            PacketData::EventAck(..) | PacketData::BinaryAck(..) => Ok(Said::Nothing),
            PacketData::ConnectError(_) => Err(unspoken("only a server refuses to connect")),
        }
    }
}

/// The client is in.
pub(super) fn connected(id: &str) -> Utf8Bytes {
    #[derive(Serialize)]
    struct Connected<'a> {
        sid: &'a str,
    }
    json(format!("40{NAMESPACE},"), &Connected { sid: id })
}

/// The client may not come in. What the libraries of Socket.IO give to an app as `error.message` and `error.data`.
pub(super) fn refused(namespace: &str, failure: &Failure) -> Utf8Bytes {
    #[derive(Serialize)]
    struct Refused<'a> {
        message: &'a str,
        data: Data<'a>,
    }
    #[derive(Serialize)]
    struct Data<'a> {
        code: &'a Code,
        message: &'a str,
        retryable: bool,
    }
    let data = Data { code: &failure.code, message: &failure.message, retryable: failure.retryable };
    let namespace = if namespace == "/" { String::new() } else { format!("{namespace},") };
    json(format!("44{namespace}"), &Refused { message: &failure.message, data })
}

/// An event.
pub(super) fn event<T: Serialize + ?Sized>(name: &str, says: Option<&T>) -> Utf8Bytes {
    let head = format!("42{NAMESPACE},");
    match says {
        Some(says) => json(head, &(name, says)),
        None => json(head, &(name,)),
    }
}

/// The answer to an event that asked for one.
pub(super) fn answer<T: Serialize + ?Sized>(ack: i64, says: &T) -> Utf8Bytes {
    json(format!("43{NAMESPACE},{ack}"), &(says,))
}

fn json<T: Serialize + ?Sized>(mut head: String, value: &T) -> Utf8Bytes {
    // Nothing that is said here has a form that JSON lacks.
    head.push_str(&serde_json::to_string(value).unwrap_or_default());
    head.into()
}

/// An event's name, and the first thing it says.
///
/// # Errors
/// It is not a list that begins with a name.
pub(super) fn parts(event: &str) -> Result<(String, Option<&RawValue>), Failure> {
    let wrong = || unspoken("an event is a list: its name, and what it says");
    let list: Vec<&RawValue> = serde_json::from_str(event).map_err(|_| wrong())?;
    let name = list.first().and_then(|name| serde_json::from_str(name.get()).ok()).ok_or_else(wrong)?;
    Ok((name, list.get(1).copied()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &'static str) -> Result<Said, Code> {
        Reader::new(1024).read(Word::Text(text.into())).map_err(|failure| failure.code)
    }

    #[test]
    fn packets_of_the_namespace_are_read() {
        assert!(
            matches!(read("0/file-processing,{\"token\":\"t\"}"), Ok(Said::Connect(Some(auth))) if auth == "{\"token\":\"t\"}")
        );
        assert!(matches!(read("0/file-processing,"), Ok(Said::Connect(None))));
        assert!(matches!(read("0"), Ok(Said::ConnectElsewhere(namespace)) if namespace == "/"));
        assert!(matches!(read("2/file-processing,7[\"a\"]"), Ok(Said::Event(text, Some(7))) if text == "[\"a\"]"));
        assert!(matches!(read("1/file-processing,"), Ok(Said::Disconnect)));
        assert!(matches!(read("3/file-processing,7[]"), Ok(Said::Nothing)));
    }

    #[test]
    fn what_is_no_packet_is_refused() {
        for text in ["", "9", "é", "2[\"a\"]", "2/elsewhere,[\"a\"]", "4/file-processing,{}", "5[\"a\"]", "51", "6"] {
            assert_eq!(read(text).expect_err(text), Code::BadFrame, "{text}");
        }
        assert_eq!(read("517-/file-processing,[\"a\"]").expect_err("too many"), Code::TooBig);
    }

    #[test]
    fn attachments_are_waited_for_and_nothing_else_is_heard_meanwhile() {
        let reader = Reader::new(8);
        let begun = || Word::Text("51-/file-processing,[\"a\",{\"_placeholder\":true,\"num\":0}]".into());
        assert!(matches!(reader.read(begun()), Ok(Said::Nothing)));
        assert!(matches!(reader.read(Word::Binary(Bytes::from_static(b"bytes"))), Ok(Said::Event(..))));
        assert!(reader.read(Word::Binary(Bytes::from_static(b"more"))).is_err());
        assert!(matches!(reader.read(begun()), Ok(Said::Nothing)));
        assert!(reader.read(begun()).is_err());
        let heavy = Reader::new(8);
        assert!(matches!(heavy.read(begun()), Ok(Said::Nothing)));
        assert_eq!(
            heavy.read(Word::Binary(Bytes::from_static(b"nine bytes"))).map_err(|failure| failure.code).err(),
            Some(Code::TooBig)
        );
    }

    #[test]
    fn packets_are_written_as_socket_io_writes_them() {
        assert_eq!(connected("x"), r#"40/file-processing,{"sid":"x"}"#);
        assert_eq!(event("subscribed", Some(&1)), r#"42/file-processing,["subscribed",1]"#);
        assert_eq!(event::<()>("subscribed", None), r#"42/file-processing,["subscribed"]"#);
        assert_eq!(answer(7, "x"), r#"43/file-processing,7["x"]"#);
        let failure = Failure::new(Code::TokenExpired, "too late");
        assert_eq!(
            refused(NAMESPACE, &failure),
            r#"44/file-processing,{"message":"too late","data":{"code":"token-expired","message":"too late","retryable":false}}"#
        );
        assert!(refused("/", &failure).starts_with("44{"));
    }

    #[test]
    fn an_event_has_a_name() {
        assert_eq!(
            parts(r#"["a",{"b":1},2]"#).map(|(name, says)| (name, says.map(|says| says.get().to_owned()))).ok(),
            Some(("a".into(), Some("{\"b\":1}".into())))
        );
        for text in ["", "{}", "[]", "[1]", "[\"a\""] {
            assert!(parts(text).is_err(), "{text}");
        }
    }
}
