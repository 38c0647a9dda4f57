//! What a client says: packets in the form of version 3, and in that of version 2, which has no `type`.

use std::fmt;

use bytes::{Buf, Bytes};
use samewire_protocol::limits::MAX_SAFE_INTEGER;
use samewire_protocol::{Code, Failure};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::form::Form;

/// What a client says to see whether the server is there, and the answer.
pub(super) const PING: &str = "{}";

/// The most members of a packet.
const MOST_MEMBERS: usize = 16;

/// What a client says.
#[derive(Debug)]
pub(super) enum Packet {
    Ping,
    Call(Call),
    Stream(i32, StreamWord),
}

/// A call. Over HTTP, its number may be 0.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) no: u64,
    pub(super) method: String,
    pub(super) args: Box<RawValue>,
}

/// What is said of a stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum StreamWord {
    Open { name: String, size: u64 },
    End,
    Terminate,
}

/// Reads a packet, and its form where it has one.
///
/// # Errors
/// `bad-request`, for who wrote it.
pub(super) fn read(text: &str) -> Result<(Option<Form>, Packet), Failure> {
    if text.trim() == PING {
        return Ok((None, Packet::Ping));
    }
    let members: Members<'_> = serde_json::from_str(text).map_err(|error| unreadable(&error.to_string()))?;
    match (members.find("type"), members.find("call"), members.find("stream")) {
        (None, Some(no), _) => second_call(&members, no),
        (None, None, Some(_)) => Ok((Some(Form::Second), stream(&members, "stream")?)),
        _ => third(&members),
    }
}

fn third(members: &Members<'_>) -> Result<(Option<Form>, Packet), Failure> {
    let kind: String = members.need("type")?;
    let packet = match kind.as_str() {
        "call" => {
            let args = members.find("args").unwrap_or(RawValue::NULL).to_owned();
            Packet::Call(Call { no: call_no(members.need("id")?)?, method: members.need("method")?, args })
        }
        "stream" => stream(members, "id")?,
        _ => return Err(unreadable("its type is not `call` or `stream`")),
    };
    Ok((Some(Form::Third), packet))
}

fn second_call(members: &Members<'_>, no: &RawValue) -> Result<(Option<Form>, Packet), Failure> {
    let Some((method, args)) = members.0.iter().find(|(key, _)| key.contains('/')) else {
        return Err(unreadable("a call says what it calls, `unit/method`"));
    };
    let call = Call { no: call_no(value("call", no)?)?, method: method.clone(), args: (*args).to_owned() };
    Ok((Some(Form::Second), Packet::Call(call)))
}

fn stream(members: &Members<'_>, id: &str) -> Result<Packet, Failure> {
    let no: i32 = members.need(id)?;
    if no == 0 {
        return Err(unreadable("no stream has the number 0"));
    }
    let word = match members.find("status") {
        Some(status) => match value::<String>("status", status)?.as_str() {
            "end" => StreamWord::End,
            "terminate" => StreamWord::Terminate,
            _ => return Err(unreadable("the status of a stream is `end` or `terminate`")),
        },
        None => {
            let size: u64 = members.need("size")?;
            if size > MAX_SAFE_INTEGER {
                return Err(unreadable("the size is not a safe integer"));
            }
            StreamWord::Open { name: members.need("name")?, size }
        }
    };
    Ok(Packet::Stream(no, word))
}

/// The stream of a chunk, and its bytes.
pub(super) fn chunk(mut frame: Bytes) -> Result<(i32, Bytes), Failure> {
    if frame.len() < 4 {
        return Err(unreadable("a chunk begins with the four bytes of its stream's number"));
    }
    Ok((frame.get_i32(), frame))
}

fn call_no(no: u64) -> Result<u64, Failure> {
    if (1..=MAX_SAFE_INTEGER).contains(&no) { Ok(no) } else { Err(unreadable("calls are numbered from 1")) }
}

fn value<'a, T: Deserialize<'a>>(key: &str, raw: &'a RawValue) -> Result<T, Failure> {
    serde_json::from_str(raw.get()).map_err(|error| unreadable(&format!("`{key}`: {error}")))
}

fn unreadable(why: &str) -> Failure {
    Failure::new(Code::BadRequest, format!("Packet structure error: {why}"))
}

/// The members of a packet, whatever they are called.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Members<'a> {
    fn find(&self, key: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, value)| *value)
    }

    fn need<T: Deserialize<'a>>(&self, key: &str) -> Result<T, Failure> {
        value(key, self.find(key).ok_or_else(|| unreadable(&format!("`{key}` is missing")))?)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a packet")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    if members.len() == MOST_MEMBERS {
                        return Err(serde::de::Error::custom("it has too many members"));
                    }
                    members.push(member);
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(InOrder).map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(text: &str) -> (Option<Form>, u64, String, String) {
        match read(text) {
            Ok((form, Packet::Call(call))) => (form, call.no, call.method, call.args.get().to_owned()),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn calls_of_both_forms() {
        let third = call(r#"{"type":"call","id":7,"method":"files/get","args":{"id":"x"}}"#);
        assert_eq!(third, (Some(Form::Third), 7, "files/get".to_owned(), r#"{"id":"x"}"#.to_owned()));
        let second = call(r#"{"call":7,"files/get":{"id":"x"}}"#);
        assert_eq!(second, (Some(Form::Second), 7, "files/get".to_owned(), r#"{"id":"x"}"#.to_owned()));
        assert_eq!(call(r#"{"id":1,"type":"call","method":"system/introspect","args":["files"]}"#).3, r#"["files"]"#);
        assert_eq!(call(r#"{"type":"call","id":1,"method":"a/b"}"#).3, "null");
    }

    #[test]
    fn streams_of_both_forms() {
        for (text, no, word) in [
            (r#"{"type":"stream","id":2,"name":"blob","size":15}"#, 2, StreamWord::Open { name: "blob".into(), size: 15 }),
            (r#"{"stream":2,"name":"blob","size":15}"#, 2, StreamWord::Open { name: "blob".into(), size: 15 }),
            (r#"{"type":"stream","id":-1,"status":"terminate"}"#, -1, StreamWord::Terminate),
            (r#"{"stream":2,"status":"end"}"#, 2, StreamWord::End),
        ] {
            match read(text) {
                Ok((_, Packet::Stream(found, said))) => assert_eq!((found, said), (no, word), "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
        let (no, bytes) = chunk(Bytes::from_static(b"\xff\xff\xff\xffhello")).expect("a chunk");
        assert_eq!((no, &bytes[..]), (-1, &b"hello"[..]));
        assert!(chunk(Bytes::from_static(b"\0\0\0")).is_err());
    }

    #[test]
    fn what_is_no_packet_is_told_why() {
        let many = format!("{{{}\"z\":1}}", (0..20).map(|n| format!("\"k{n}\":1,")).collect::<String>());
        for text in [
            "",
            "[]",
            "null",
            "{",
            "\"{}\"",
            r#"{"type":"call"}"#,
            r#"{"type":"call","id":0,"method":"a/b"}"#,
            r#"{"type":"call","id":-1,"method":"a/b"}"#,
            r#"{"type":"call","id":1.5,"method":"a/b"}"#,
            r#"{"type":"call","id":"1","method":"a/b"}"#,
            r#"{"type":"call","id":9007199254740992,"method":"a/b"}"#,
            r#"{"type":"call","id":1,"method":7}"#,
            r#"{"type":"callback","id":1,"result":1}"#,
            r#"{"type":"stream","id":1,"name":"a","size":-1}"#,
            r#"{"type":"stream","id":1,"name":"a","size":9007199254740992}"#,
            r#"{"type":"stream","id":2147483648,"status":"end"}"#,
            r#"{"type":"stream","id":0,"status":"end"}"#,
            r#"{"type":"stream","id":1,"status":"pause"}"#,
            r#"{"call":1}"#,
            &many,
        ] {
            let failure = read(text).expect_err(text);
            assert!(failure.message.starts_with("Packet structure error: "), "{text}: {failure}");
        }
        assert!(matches!(read(" {} "), Ok((None, Packet::Ping))));
    }
}
