//! Frames as they go into a socket: with the header of RFC 6455, section 5.2, as a server writes it, so that one copy serves all
//! readers of a room.

use bytes::Bytes;
use samewire_protocol::rooms::{RoomFrame, RoomName};

const FINAL_TEXT: u8 = 0x81;
const FINAL_BINARY: u8 = 0x82;

/// A whole text message in one unmasked frame.
pub(super) fn text(payload: &[u8]) -> Bytes {
    framed(FINAL_TEXT, payload)
}

/// A whole binary message in one unmasked frame.
pub(super) fn binary(payload: &[u8]) -> Bytes {
    framed(FINAL_BINARY, payload)
}

/// What is said about a room.
pub(super) fn about(room: &RoomName, frame: &RoomFrame<'_>) -> Bytes {
    text(&frame.encode(room).into_bytes())
}

fn framed(first: u8, payload: &[u8]) -> Bytes {
    let mut frame = Vec::with_capacity(10 + payload.len());
    frame.push(first);
    // The shortest of the three forms of the length, as the RFC demands.
    match payload.len() {
        len @ 0..126 => frame.push(len as u8),
        len @ 126..65_536 => {
            frame.push(126);
            frame.extend_from_slice(&(len as u16).to_be_bytes());
        }
        len => {
            frame.push(127);
            frame.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(payload);
    frame.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_has_three_forms() {
        for (len, header) in [
            (0, vec![0x81, 0]),
            (125, vec![0x81, 125]),
            (126, vec![0x81, 126, 0, 126]),
            (65_535, vec![0x81, 126, 255, 255]),
            (65_536, vec![0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let frame = text(&vec![b'x'; len]);
            assert_eq!(frame.get(..header.len()), Some(&*header), "{len}");
            assert_eq!(frame.len(), header.len() + len);
        }
        assert_eq!(binary(b"ab").as_ref(), b"\x82\x02ab");
    }
}
