//! The binary lane: a 16-byte header, then at most 64 KiB of a stream, or a frame of the text lane with bytes that belong to it.
//!
//! | bytes | field | kind 1: bytes of a stream | kind 2: a frame with an attachment |
//! | --- | --- | --- | --- |
//! | 0 | kind, `u8` | 1 | 2 |
//! | 1 | flags, `u8` | 0; ignored by the receiver | the same |
//! | 2-3 | reserved, `u16` | 0; ignored by the receiver | the same |
//! | 4-7 | `u32` | the stream's number in this session | the length of the frame's text |
//! | 8-15 | `u64` | where in the stream the first byte belongs | 0; ignored by the receiver |
//! | 16- | | the bytes | the text, then the bytes that belong to it: all there are, perhaps none |
//!
//! All integers are big-endian. Other kinds are ignored.

use bytes::Bytes;

use super::Text;
use crate::id::StreamNo;
use crate::limits::{CHUNK_HEADER, MAX_CHUNK, MAX_SAFE_INTEGER};

/// The kind of a frame that carries bytes of a stream.
pub const KIND_DATA: u8 = 1;

/// The kind of a frame that carries a frame of the text lane, and bytes that belong to it.
pub const KIND_ATTACHED: u8 = 2;

/// A frame of the binary lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chunk {
    /// Bytes of a stream.
    Data {
        /// The stream.
        stream: StreamNo,
        /// Where the first byte belongs.
        offset: u64,
        /// The bytes: 1 to 65,536.
        bytes: Bytes,
    },
    /// A frame of the text lane, and bytes that belong to it.
    Attached {
        /// The frame.
        text: Text,
        /// The bytes, of any number.
        attachment: Bytes,
    },
    /// A kind that this version does not know. It is ignored.
    Unknown(u8),
}

/// Why a binary frame cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChunkError {
    /// Fewer than 16 bytes.
    #[error("a binary frame starts with a header of {CHUNK_HEADER} bytes; this one is shorter")]
    Short,
    /// No bytes behind the header.
    #[error("a binary frame carries at least one byte of a stream")]
    Empty,
    /// More than 64 KiB behind the header.
    #[error("a binary frame carries at most {MAX_CHUNK} bytes of a stream")]
    Long,
    /// An offset past 2^53 - 1.
    #[error("the offset is past 2^53 - 1")]
    Offset,
    /// A text that is longer than the frame, or no text.
    #[error("a frame with an attachment begins with a text of the length that its header says, in UTF-8")]
    Head,
}

/// Reads a binary frame. The bytes are shared, not copied.
pub fn decode(frame: &Bytes) -> Result<Chunk, ChunkError> {
    let (header, payload) = frame.split_first_chunk::<CHUNK_HEADER>().ok_or(ChunkError::Short)?;
    let [kind, _, _, _, s0, s1, s2, s3, o0, o1, o2, o3, o4, o5, o6, o7] = *header;
    if kind == KIND_ATTACHED {
        let head = usize::try_from(u32::from_be_bytes([s0, s1, s2, s3])).ok().filter(|head| *head <= payload.len());
        let mut text = frame.slice(CHUNK_HEADER..);
        let attachment = text.split_off(head.ok_or(ChunkError::Head)?);
        let text = Text::try_from(text).map_err(|_| ChunkError::Head)?;
        return Ok(Chunk::Attached { text, attachment });
    }
    if kind != KIND_DATA {
        return Ok(Chunk::Unknown(kind));
    }
    let offset = u64::from_be_bytes([o0, o1, o2, o3, o4, o5, o6, o7]);
    if payload.is_empty() {
        return Err(ChunkError::Empty);
    }
    if payload.len() > MAX_CHUNK {
        return Err(ChunkError::Long);
    }
    if offset > MAX_SAFE_INTEGER - MAX_CHUNK as u64 {
        return Err(ChunkError::Offset);
    }
    let stream = StreamNo(u32::from_be_bytes([s0, s1, s2, s3]));
    Ok(Chunk::Data { stream, offset, bytes: frame.slice(CHUNK_HEADER..) })
}

/// Writes a binary frame of a stream's bytes.
#[must_use]
pub fn encode(stream: StreamNo, offset: u64, bytes: &[u8]) -> Bytes {
    debug_assert!(!bytes.is_empty() && bytes.len() <= MAX_CHUNK);
    let mut frame = Vec::with_capacity(CHUNK_HEADER + bytes.len());
    frame.extend_from_slice(&[KIND_DATA, 0, 0, 0]);
    frame.extend_from_slice(&stream.0.to_be_bytes());
    frame.extend_from_slice(&offset.to_be_bytes());
    frame.extend_from_slice(bytes);
    frame.into()
}

/// Writes a frame of the text lane together with bytes that belong to it.
#[must_use]
pub fn attach(text: &Text, attachment: &[u8]) -> Bytes {
    let mut frame = Vec::with_capacity(CHUNK_HEADER + text.len() + attachment.len());
    frame.extend_from_slice(&[KIND_ATTACHED, 0, 0, 0]);
    // What is longer than this can tell is longer than any limit, and refused for that.
    frame.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
    frame.extend_from_slice(&[0; 8]);
    frame.extend_from_slice(text.as_str().as_bytes());
    frame.extend_from_slice(attachment);
    frame.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_survives_its_frame() {
        let frame = encode(StreamNo(3), 65536, b"abc");
        assert_eq!(frame.as_ref(), b"\x01\0\0\0\0\0\0\x03\0\0\0\0\0\x01\0\0abc");
        assert_eq!(decode(&frame), Ok(Chunk::Data { stream: StreamNo(3), offset: 65536, bytes: Bytes::from_static(b"abc") }));
    }

    #[test]
    fn an_attachment_survives_its_frame() {
        let text = Text::from("{\"type\":\"call\"}".to_owned());
        for bytes in [&b"abc"[..], b"", &[0; 70_000]] {
            let frame = attach(&text, bytes);
            let attachment = Bytes::copy_from_slice(bytes);
            assert_eq!(decode(&frame), Ok(Chunk::Attached { text: text.clone(), attachment }));
        }
        let mut frame = attach(&text, b"").to_vec();
        frame[7] += 1;
        assert_eq!(decode(&frame.into()), Err(ChunkError::Head));
        let mut frame = attach(&text, b"").to_vec();
        frame[20] = 0xff;
        assert_eq!(decode(&frame.into()), Err(ChunkError::Head));
    }

    #[test]
    fn broken_frames_are_refused() {
        assert_eq!(decode(&Bytes::from_static(b"\x01")), Err(ChunkError::Short));
        assert_eq!(decode(&Bytes::from_static(&[1; 16])), Err(ChunkError::Empty));
        assert_eq!(decode(&Bytes::from(vec![1; CHUNK_HEADER + MAX_CHUNK + 1])), Err(ChunkError::Long));
        assert_eq!(decode(&Bytes::from_static(&[1; 17])).ok(), None);
        assert_eq!(decode(&Bytes::from_static(&[9; 17])), Ok(Chunk::Unknown(9)));
    }
}
