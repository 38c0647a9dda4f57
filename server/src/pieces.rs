//! Large binary messages as several small ones, cut while they come in.
//!
//! The WebSocket library holds a message until it is whole, and in a format whose clients send a file as one message that is the memory
//! of the file. Where each message is a label and bytes, it says the same as several with that label: so frames are taken apart before
//! the library sees them (RFC 6455, section 5.2), and put together again in pieces of what has come so far. Everything else passes as it
//! is, what is wrong included: the library says so.

use tokio::io::ReadBuf;

/// The size of the label that each binary message begins with.
const LABEL: usize = 4;
/// A frame's header: two bytes, eight of its length, four of its mask.
const MOST_HEADER: usize = 14;
/// So many bytes of a message come at most in one piece.
const PIECE: usize = 64 * 1024;
/// The largest piece.
pub(crate) const LARGEST: usize = LABEL + PIECE;

const FIN: u8 = 0x80;
const CONTINUATION: u8 = 0;
const BINARY: u8 = 2;
const CONTROL: u8 = 8;
const MASKED: u8 = 0x80;

/// Cuts what one client sends.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    header: Few<MOST_HEADER>,
    frame: Option<Frame>,
    message: Option<Message>,
    /// The header and label of a piece, or the header of a frame that passes, on their way.
    queued: Few<{ MOST_HEADER + LABEL }>,
    /// So many bytes after it go out before anything else.
    passing: u64,
}

/// The payload of a frame that is being cut.
#[derive(Debug)]
struct Frame {
    left: u64,
    /// Turned so that the next byte's is the first.
    mask: [u8; 4],
    is_last: bool,
}

/// A binary message, which may be of several frames.
#[derive(Debug, Default)]
struct Message {
    label: Few<LABEL>,
    /// Some of it went out.
    is_told: bool,
}

impl Pieces {
    /// Takes bytes of the client, and gives out what the library is to read. Goes on until one of them is used up: how many were taken.
    pub(crate) fn cut(&mut self, bytes: &[u8], out: &mut ReadBuf<'_>) -> usize {
        let mut taken = 0;
        loop {
            self.queued.drain(out);
            let rest = &bytes[taken..];
            if !self.queued.is_empty() {
                return taken;
            }
            if self.passing > 0 {
                let count = rest.len().min(out.remaining()).min(usize::try_from(self.passing).unwrap_or(usize::MAX));
                if count == 0 {
                    return taken;
                }
                self.pass(&rest[..count], out);
                taken += count;
                continue;
            }
            if self.frame.as_ref().is_some_and(|frame| frame.left == 0) {
                self.end_frame();
            } else if rest.is_empty() {
                return taken;
            } else if let (Some(frame), Some(message)) = (&mut self.frame, &mut self.message) {
                if message.label.len() < LABEL {
                    let mut byte = [rest[0]];
                    frame.unmask(&mut byte);
                    message.label.push(byte[0]);
                    taken += 1;
                } else {
                    // These are there, so that the piece is whole at once.
                    let count = rest.len().min(PIECE).min(usize::try_from(frame.left).unwrap_or(usize::MAX));
                    self.queued = piece(message.label.bytes(), count);
                    message.is_told = true;
                    self.passing = count as u64;
                }
            } else {
                self.header.push(rest[0]);
                taken += 1;
                self.begin_frame();
            }
        }
    }

    fn pass(&mut self, bytes: &[u8], out: &mut ReadBuf<'_>) {
        self.passing -= bytes.len() as u64;
        match &mut self.frame {
            Some(frame) => {
                let at = out.filled().len();
                out.put_slice(bytes);
                frame.unmask(&mut out.filled_mut()[at..]);
            }
            None => out.put_slice(bytes),
        }
    }

    /// Sees whether the header is whole.
    fn begin_frame(&mut self) {
        let header = self.header.bytes();
        let [first, second, ..] = *header else { return };
        let extra = match second & !MASKED {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let is_masked = second & MASKED != 0;
        if header.len() < 2 + extra + if is_masked { 4 } else { 0 } {
            return;
        }
        let (length, mask) = header[2..].split_at(extra);
        let length = match length {
            [] => u64::from(second & !MASKED),
            length => length.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
        };
        let opcode = first & 0x0f;
        // What the library refuses passes, and so do all frames that are not of a binary message.
        let is_sound = first & 0x70 == 0 && length >> 63 == 0;
        let is_of_message = match opcode {
            BINARY => self.message.is_none(),
            CONTINUATION => self.message.is_some(),
            _ => false,
        };
        match <[u8; 4]>::try_from(mask) {
            Ok(mask) if is_sound && is_of_message => {
                self.message.get_or_insert_default();
                self.frame = Some(Frame { left: length, mask, is_last: first & FIN != 0 });
            }
            _ if self.message.is_some() && opcode < CONTROL => {
                // Another message may not begin inside of one. The library knows nothing of the first: it is told of the end of none.
                self.queued = Few::of(&[FIN | CONTINUATION, MASKED, 0, 0, 0, 0]);
                self.passing = length;
            }
            _ => {
                self.queued = Few::of(header);
                self.passing = length;
            }
        }
        self.header = Few::default();
    }

    fn end_frame(&mut self) {
        let Some(frame) = self.frame.take() else { return };
        if frame.is_last
            && let Some(message) = self.message.take()
            && !message.is_told
        {
            self.queued = piece(message.label.bytes(), 0);
        }
    }
}

impl Frame {
    /// Unmasks the bytes that come next.
    fn unmask(&mut self, bytes: &mut [u8]) {
        let mask: [u8; 8] = std::array::from_fn(|at| self.mask[at % 4]);
        let (words, rest) = bytes.as_chunks_mut::<8>();
        for word in words {
            *word = (u64::from_ne_bytes(*word) ^ u64::from_ne_bytes(mask)).to_ne_bytes();
        }
        rest.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
        self.mask.rotate_left(bytes.len() % 4);
        self.left -= bytes.len() as u64;
    }
}

/// The header of a whole message, masked with nothing, and its label.
fn piece(label: &[u8], count: usize) -> Few<{ MOST_HEADER + LABEL }> {
    let mut head = Few::of(&[FIN | BINARY]);
    let length = label.len() + count;
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(length @ ..126), _) => head.push(MASKED | length),
        (_, Ok(length)) => {
            head.push(MASKED | 126);
            length.to_be_bytes().into_iter().for_each(|byte| head.push(byte));
        }
        _ => {
            head.push(MASKED | 127);
            (length as u64).to_be_bytes().into_iter().for_each(|byte| head.push(byte));
        }
    }
    [0; 4].iter().chain(label).for_each(|byte| head.push(*byte));
    head
}

/// A few bytes.
#[derive(Debug)]
struct Few<const N: usize> {
    bytes: [u8; N],
    start: usize,
    end: usize,
}

impl<const N: usize> Default for Few<N> {
    fn default() -> Self {
        Self { bytes: [0; N], start: 0, end: 0 }
    }
}

impl<const N: usize> Few<N> {
    fn of(bytes: &[u8]) -> Self {
        let mut few = Self::default();
        bytes.iter().for_each(|byte| few.push(*byte));
        few
    }

    fn push(&mut self, byte: u8) {
        self.bytes[self.end] = byte;
        self.end += 1;
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    fn len(&self) -> usize {
        self.bytes().len()
    }

    fn is_empty(&self) -> bool {
        self.bytes().is_empty()
    }

    /// Gives out what there is room for.
    fn drain(&mut self, out: &mut ReadBuf<'_>) {
        let count = self.len().min(out.remaining());
        out.put_slice(&self.bytes()[..count]);
        self.start += count;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
    use tokio_tungstenite::tungstenite::{Message as Read, WebSocket};

    use super::*;

    /// A frame of a client.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mask = [7, 0, 255, 90];
        let mut bytes = vec![first];
        match payload.len() {
            length @ ..126 => bytes.push(MASKED | u8::try_from(length).expect("a byte")),
            length @ 126..65536 => {
                bytes.push(MASKED | 126);
                bytes.extend(u16::try_from(length).expect("two bytes").to_be_bytes());
            }
            length => {
                bytes.push(MASKED | 127);
                bytes.extend((length as u64).to_be_bytes());
            }
        }
        bytes.extend(mask);
        bytes.extend(payload.iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]));
        bytes
    }

    /// What comes out when bytes come in pieces of one size, and go out in pieces of another.
    fn cut(bytes: &[u8], come: usize, go: usize) -> Vec<u8> {
        let (mut pieces, mut all) = (Pieces::default(), Vec::new());
        for mut part in bytes.chunks(come) {
            loop {
                let mut room = vec![0; go];
                let mut out = ReadBuf::new(&mut room);
                let taken = pieces.cut(part, &mut out);
                part = &part[taken..];
                all.extend(out.filled());
                if part.is_empty() && out.filled().is_empty() {
                    break;
                }
                assert!(taken > 0 || !out.filled().is_empty(), "it stands still");
            }
        }
        all
    }

    /// What the library reads of it, up to the end or to what it refuses.
    fn read(bytes: Vec<u8>) -> (Vec<Read>, bool) {
        let config = WebSocketConfig::default().max_message_size(Some(LARGEST)).max_frame_size(Some(LARGEST));
        let mut socket = WebSocket::from_raw_socket(Cursor::new(bytes), Role::Server, Some(config));
        let mut read = Vec::new();
        loop {
            match socket.read() {
                Ok(message) => read.push(message),
                Err(error) => {
                    let is_end = error.to_string().contains("without closing handshake");
                    return (read, !is_end);
                }
            }
        }
    }

    const COME: [usize; 4] = [1, 5, 1000, usize::MAX];
    const GO: [usize; 3] = [1, 7, 4096];

    #[test]
    fn a_message_of_any_size_comes_in_pieces_with_its_label() {
        let bytes: Vec<u8> = (0..200_000u32).map(|at| (at % 251) as u8).collect();
        let whole = [b"lab1".as_slice(), &bytes].concat();
        for come in COME {
            for go in GO {
                let (read, is_refused) = read(cut(&frame(FIN | BINARY, &whole), come, go));
                assert!(!is_refused, "{come} {go}");
                let mut again: Vec<u8> = Vec::new();
                for message in read {
                    let Read::Binary(piece) = message else { panic!("{message:?}") };
                    assert!(piece.len() <= LARGEST && piece.starts_with(b"lab1"));
                    again.extend(&piece[LABEL..]);
                }
                assert!(again == bytes, "{come} {go}");
            }
        }
    }

    #[test]
    fn messages_of_several_frames_with_pings_between_them() {
        let parts = [
            frame(BINARY, b"la"),
            frame(CONTINUATION, b""),
            frame(FIN | 9, b"there?"),
            frame(CONTINUATION, b"b1by"),
            frame(FIN | CONTINUATION, b"tes"),
            frame(FIN | 1, b"text"),
            frame(1, b"te"),
            frame(FIN | CONTINUATION, b"xt"),
            frame(FIN | BINARY, b"lab2"),
            frame(FIN | BINARY, b"x"),
            frame(FIN | BINARY, b""),
        ];
        for come in COME {
            for go in GO {
                let (told, is_refused) = read(cut(&parts.concat(), come, go));
                assert!(!is_refused);
                let of = |first: &str| {
                    let pieces = told.iter().filter_map(|message| match message {
                        Read::Binary(piece) => piece.strip_prefix(first.as_bytes()),
                        _ => None,
                    });
                    pieces.flatten().copied().collect::<Vec<_>>()
                };
                assert_eq!(of("lab1"), b"bytes", "{come} {go}");
                let others: Vec<_> = told.iter().filter(|message| !message.to_string().starts_with("lab1")).cloned().collect();
                let [ping, text, again, rest @ ..] = &*others else { panic!("{told:?}") };
                assert_eq!((ping, text, again), (&Read::Ping("there?".into()), &Read::text("text"), &Read::text("text")));
                assert_eq!(rest, ["lab2", "x", ""].map(|bytes| Read::Binary(bytes.into())));
            }
        }
    }

    #[test]
    fn what_is_wrong_is_refused_as_it_is_without_cutting() {
        let unmasked = vec![FIN | BINARY, 4, b'l', b'a', b'b', b'l'];
        let endless = [vec![FIN | BINARY, MASKED | 127], vec![255; 8], vec![0; 4]].concat();
        let inside = [frame(BINARY, b"lab1"), frame(FIN | 1, b"text")].concat();
        let twice = [frame(BINARY, b"lab1"), frame(FIN | BINARY, b"lab2")].concat();
        let first = frame(FIN | CONTINUATION, b"nothing before");
        let reserved = frame(FIN | 0x40 | BINARY, b"lab1");
        let unknown = frame(FIN | 3, b"lab1");
        for wrong in [unmasked, endless, inside, twice, first, reserved, unknown] {
            for come in COME {
                let (_, is_refused) = read(cut(&wrong, come, 7));
                assert!(is_refused, "{wrong:?}");
            }
        }
    }
}
