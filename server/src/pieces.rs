//! Large binary messages as several small ones, cut while they come in.
//!
//! The WebSocket library holds a message until it is whole, and in a format whose clients send a file as one message that is the memory
//! of the file. Where each message is a label and bytes, it says the same as several with that label: so frames are taken apart before
//! the library sees them (RFC 6455, section 5.2), and put together again in pieces of what has come so far. Everything else passes as it
//! is, what is wrong included: the library says so. Only its size is looked at here, for the library cannot be told another limit while
//! a connection goes on.

mod few;

use few::Few;
use tokio::io::ReadBuf;

/// The size of the label that each binary message begins with.
const LABEL: usize = 4;
/// A frame's header: two bytes, eight of its length, four of its mask.
const MOST_HEADER: usize = 14;
/// The frame that begins a binary message, with nothing in it.
const BEGINNING: [u8; 6] = [BINARY, MASKED, 0, 0, 0, 0];
/// So many bytes of a message come at most in one piece.
const PIECE: usize = 64 * 1024;
/// The largest piece.
pub(crate) const LARGEST: usize = LABEL + PIECE;

const FIN: u8 = 0x80;
const CONTINUATION: u8 = 0;
const BINARY: u8 = 2;
const CONTROL: u8 = 8;
const MASKED: u8 = 0x80;

/// The most that goes out before a payload.
const MOST_QUEUED: usize = MOST_HEADER + BEGINNING.len();

/// Cuts what one client sends.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    header: Few<MOST_HEADER>,
    frame: Option<Frame>,
    message: Option<Message>,
    /// The header and label of a piece, or the header of a frame that passes, on their way.
    queued: Few<MOST_QUEUED>,
    /// So many bytes after it go out before anything else.
    passing: u64,
    /// How large a message may be that is not cut.
    most: Option<u64>,
    /// So many bytes of one have passed, in frames of which none was the last.
    passed: u64,
    /// How large one would be with the frame that comes next, where that is too much.
    excess: Option<u64>,
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

/// More at once than a client may say of whom it is not known who it is.
#[derive(Debug, thiserror::Error)]
#[error("it has {size} bytes, and who has not signed in may send {most}, or binary messages")]
pub(crate) struct Excess {
    size: u64,
    most: u64,
}

impl Pieces {
    /// From now on a message that is not cut may have so many bytes; `None`: as many as the library takes.
    pub(crate) fn limit(&mut self, most: Option<usize>) {
        self.most = most.map(|most| most as u64);
    }

    pub(crate) fn is_limited(&self) -> bool {
        self.most.is_some()
    }

    /// What comes next is larger than it may be, and does not go out while that is so.
    pub(crate) fn excess(&self) -> Option<Excess> {
        self.excess.zip(self.most).map(|(size, most)| Excess { size, most })
    }

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
            if self.excess.is_some() {
                // The limit may have changed.
                self.begin_frame();
                if self.excess.is_some() {
                    return taken;
                }
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
            _ => {
                // The library reads a frame whole before it says what else is wrong with it.
                let size = if opcode == CONTINUATION { self.passed.saturating_add(length) } else { length };
                self.excess = self.most.is_some_and(|most| size > most).then_some(size);
                if self.excess.is_some() {
                    return;
                }
                self.queued = Few::default();
                if opcode < CONTROL {
                    self.passed = if first & FIN == 0 { size } else { 0 };
                    if self.message.is_some() {
                        // The library knows nothing of the message that is being cut, into which this one breaks.
                        BEGINNING.iter().for_each(|byte| self.queued.push(*byte));
                    }
                }
                header.iter().for_each(|byte| self.queued.push(*byte));
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
fn piece(label: &[u8], count: usize) -> Few<MOST_QUEUED> {
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

#[cfg(test)]
mod tests;
