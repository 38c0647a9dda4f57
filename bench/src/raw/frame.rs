//! Frames of WebSocket (RFC 6455, section 5.2), as far as a client that trusts its server needs them.

pub(crate) const TEXT: u8 = 1;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

/// Any key is as good as another towards a server of our own.
const MASK: [u8; 4] = [0x5a, 0x17, 0xc3, 0x88];

/// A frame of a server.
pub(crate) struct Frame<'a> {
    pub(crate) opcode: u8,
    pub(crate) payload: &'a [u8],
}

/// Takes the first frame off the bytes; `None` when it is not whole.
pub(crate) fn take<'a>(bytes: &mut &'a [u8]) -> Option<Frame<'a>> {
    let (opcode, short) = (bytes.first()? & 0x0f, bytes.get(1)? & 0x7f);
    let (header, length) = match short {
        126 => (4, u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?) as usize),
        127 => (10, u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?) as usize),
        short => (2, short as usize),
    };
    let payload = bytes.get(header..header + length)?;
    *bytes = &bytes[header + length..];
    Some(Frame { opcode, payload })
}

/// Appends a frame of a client.
pub(crate) fn put(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    out.push(0x80 | opcode);
    match payload.len() {
        length @ ..126 => out.push(0x80 | length as u8),
        length @ 126..65_536 => {
            out.push(0x80 | 126);
            out.extend((length as u16).to_be_bytes());
        }
        length => {
            out.push(0x80 | 127);
            out.extend((length as u64).to_be_bytes());
        }
    }
    out.extend(MASK);
    out.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, key)| byte ^ key));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_taken_whole_or_not_at_all() {
        let mut sent = vec![0x81, 3];
        sent.extend(b"abc");
        sent.extend([0x82, 126, 1, 0]);
        sent.extend([7; 256]);
        for end in 0..sent.len() {
            let mut bytes = &sent[..end];
            let whole = std::iter::from_fn(|| take(&mut bytes)).count();
            assert_eq!(whole, usize::from(end >= 5));
        }
        let mut bytes = &sent[..];
        assert_eq!(take(&mut bytes).map(|frame| (frame.opcode, frame.payload.to_vec())), Some((TEXT, b"abc".to_vec())));
        assert_eq!(take(&mut bytes).map(|frame| (frame.opcode, frame.payload.len())), Some((2, 256)));
        assert!(bytes.is_empty());
    }
}
