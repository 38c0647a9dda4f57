//! Packets of Engine.IO 4 (<https://socket.io/docs/v4/engine-io-protocol/>): one in each message of a WebSocket, any number in a
//! body of long polling.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use samewire_protocol::Failure;
use serde::Serialize;
use socketioxide_core::{Sid, Str};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::packet::Word;
use crate::config::SessionLimits;
use crate::dialects::socket::unspoken;

/// The path of Socket.IO.
pub(super) const PATH: &str = "/socket.io";

pub(super) const CLOSE: Utf8Bytes = Utf8Bytes::from_static("1");
pub(super) const PING: Utf8Bytes = Utf8Bytes::from_static("2");
pub(super) const NOTHING: &str = "6";

/// The change of a client that polls to a WebSocket: what it says there at first, the answer, and that it goes on there.
pub(super) const PROBE: &str = "2probe";
pub(super) const PROBED: &str = "3probe";
pub(super) const UPGRADE: &str = "5";

/// What stands between the packets of a body.
const BETWEEN: char = '\u{1e}';

/// What a client may say.
#[derive(Debug)]
pub(super) enum Packet {
    Close,
    Pong,
    Word(Word),
}

/// The word of welcome, which says how the client may go on.
pub(super) fn open(sid: Sid, upgrades: &[&str], limits: &SessionLimits) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Open<'a> {
        sid: &'a str,
        upgrades: &'a [&'a str],
        ping_interval: u128,
        ping_timeout: u128,
        max_payload: u64,
    }
    let (ping_interval, ping_timeout) = (limits.heartbeat_interval.as_millis(), limits.heartbeat_timeout.as_millis());
    let open = Open { sid: sid.as_str(), upgrades, ping_interval, ping_timeout, max_payload: limits.max_text };
    // Nothing in it has a form that JSON lacks.
    format!("0{}", serde_json::to_string(&open).unwrap_or_default())
}

/// Reads a text of a WebSocket.
///
/// # Errors
/// It is no packet that a client may send.
pub(super) fn read(text: &str) -> Result<Packet, Failure> {
    match text.split_at_checked(1) {
        Some(("1", "")) => Ok(Packet::Close),
        Some(("3", "")) => Ok(Packet::Pong),
        Some(("4", message)) => Ok(Packet::Word(Word::Text(Str::copy_from_slice(message)))),
        _ => Err(unspoken("this is no packet of Engine.IO that a client may send")),
    }
}

/// What a client said in one request. It stays as it came, and its packets are taken out of it one by one: there may be as many
/// as it has bytes, and each by itself takes many times its size.
#[derive(Debug)]
pub(super) struct Body {
    text: Utf8Bytes,
    /// Where the next packet begins, if there is one.
    next: Option<usize>,
}

impl Body {
    /// # Errors
    /// Something in it is no packet that a client may send.
    pub(super) fn new(bytes: Bytes) -> Result<Self, Failure> {
        let text = Utf8Bytes::try_from(bytes).map_err(|_| unspoken("the body is not UTF-8"))?;
        let mut decoded = Vec::new();
        for packet in text.split(BETWEEN) {
            match packet.strip_prefix('b') {
                Some(coded) => {
                    decoded.clear();
                    STANDARD.decode_vec(coded, &mut decoded).map_err(|_| unspoken("a packet of bytes is not base64"))?;
                }
                None if matches!(packet, "1" | "3") || packet.starts_with('4') => {}
                None => return Err(unspoken("there is no packet of Engine.IO in the body that a client may send")),
            }
        }
        Ok(Self { text, next: Some(0) })
    }

    /// What was said next.
    pub(super) fn next(&mut self) -> Option<Result<Packet, Failure>> {
        let rest = self.text.get(self.next?..)?;
        let packet = match rest.split_once(BETWEEN) {
            Some((packet, rest)) => {
                self.next = Some(self.text.len() - rest.len());
                packet
            }
            None => {
                self.next = None;
                rest
            }
        };
        Some(match packet.strip_prefix('b') {
            Some(coded) => {
                let bytes = STANDARD.decode(coded).map_err(|_| unspoken("a packet of bytes is not base64"));
                bytes.map(|bytes| Packet::Word(Word::Binary(bytes.into())))
            }
            None => read(packet),
        })
    }
}

/// Puts packets into the answer to a request.
pub(super) fn joined(packets: impl Iterator<Item = Utf8Bytes>) -> String {
    let mut body = String::new();
    for packet in packets {
        if !body.is_empty() {
            body.push(BETWEEN);
        }
        body.push_str(&packet);
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(body: &'static str) -> Result<Vec<String>, Failure> {
        let mut body = Body::new(Bytes::from_static(body.as_bytes()))?;
        let mut packets = Vec::new();
        while let Some(packet) = body.next() {
            packets.push(match packet? {
                Packet::Word(Word::Text(text)) => text.to_string(),
                Packet::Word(Word::Binary(bytes)) => format!("{bytes:?}"),
                other => format!("{other:?}"),
            });
        }
        Ok(packets)
    }

    #[test]
    fn packets_are_taken_out_of_a_body_in_their_order() {
        assert_eq!(all("4a\u{1e}3\u{1e}4\u{1e}bAQI=\u{1e}1").expect("packets"), ["a", "Pong", "", r#"b"\x01\x02""#, "Close"]);
        assert_eq!(all("4ü").expect("a packet"), ["ü"]);
    }

    #[test]
    fn what_a_client_may_not_send_is_refused_before_anything_is_heard() {
        for body in ["", "\u{1e}4a", "4a\u{1e}", "x", "0{}", "2", "2probe", "3probe", "5", "6", "1a", "b!!!", "4a\u{1e}bA"] {
            assert!(all(body).is_err(), "{body:?}");
        }
        assert!(Body::new(Bytes::from_static(b"4\xff")).is_err());
        for text in ["", "é", "b", "2", "3probe", "5"] {
            assert!(read(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_body_waits_as_it_came() {
        let bytes = Bytes::from(vec!["40"; 100_000].join("\u{1e}"));
        let mut body = Body::new(bytes.clone()).expect("packets");
        assert!(matches!(body.next(), Some(Ok(Packet::Word(_)))));
        let waiting: &Bytes = body.text.as_ref();
        assert_eq!((waiting.as_ptr(), waiting.len()), (bytes.as_ptr(), bytes.len()));
        assert_eq!(std::iter::from_fn(|| body.next()).count(), 99_999);
    }

    #[test]
    fn packets_are_joined_as_they_are_read() {
        assert_eq!(joined(["4a", "2"].map(Utf8Bytes::from_static).into_iter()), "4a\u{1e}2");
    }
}
