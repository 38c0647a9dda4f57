//! Streams to a client, with numbers from -1 downwards.

use std::collections::{HashMap, VecDeque};

use bytes::{BufMut, Bytes, BytesMut};
use samewire_protocol::streams::StreamSpec;
use samewire_protocol::{StreamId, StreamNo};

/// How many streams' numbers are remembered for answers that name them.
const MOST_KNOWN: usize = 128;
/// In how many chunks a stream goes, as far as none is too large. A client has room for 42 that nobody has read, and gives those that
/// come then to its reader in another order.
const CHUNKS: u64 = 32;
const LEAST_CHUNK: u64 = 64 * 1024;
const MOST_CHUNK: u64 = 1024 * 1024;

/// The streams to one client.
#[derive(Default)]
pub(super) struct Downloads {
    last: i32,
    downloads: HashMap<StreamNo, Download>,
    known: VecDeque<(StreamId, i32)>,
}

struct Download {
    no: i32,
    chunk: usize,
    /// A chunk that is not full: the number, and bytes.
    waiting: BytesMut,
}

impl Downloads {
    /// The server begins a stream of a known size.
    pub(super) fn opened(&mut self, stream: StreamNo, spec: &StreamSpec, size: u64) -> i32 {
        self.last -= 1;
        let no = self.last;
        let chunk = usize::try_from(chunk_size(size)).unwrap_or(usize::MAX);
        self.downloads.insert(stream, Download { no, chunk, waiting: begun(no, chunk) });
        if self.known.len() == MOST_KNOWN {
            self.known.pop_front();
        }
        self.known.push_back((spec.id, no));
        no
    }

    /// The number of a stream.
    pub(super) fn number(&self, id: StreamId) -> Option<i32> {
        self.known.iter().rfind(|(known, _)| *known == id).map(|(_, no)| *no)
    }

    /// The stream with this number, where it is under way.
    pub(super) fn find(&self, no: i32) -> Option<StreamNo> {
        self.downloads.iter().find(|(_, download)| download.no == no).map(|(stream, _)| *stream)
    }

    /// Bytes came: chunks to send.
    pub(super) fn data(&mut self, stream: StreamNo, mut bytes: Bytes, mut send: impl FnMut(Bytes)) {
        let Some(download) = self.downloads.get_mut(&stream) else { return };
        while !bytes.is_empty() {
            let room = (download.chunk + NUMBER).saturating_sub(download.waiting.len()).max(1);
            download.waiting.put(bytes.split_to(room.min(bytes.len())));
            if download.waiting.len() >= download.chunk + NUMBER {
                let next = begun(download.no, download.chunk);
                send(std::mem::replace(&mut download.waiting, next).freeze());
            }
        }
    }

    /// The stream is whole: its number, and the last chunk.
    pub(super) fn finished(&mut self, stream: StreamNo) -> Option<(i32, Option<Bytes>)> {
        let Download { no, waiting, .. } = self.downloads.remove(&stream)?;
        Some((no, (waiting.len() > NUMBER).then(|| waiting.freeze())))
    }

    /// The stream came to nothing: its number.
    pub(super) fn aborted(&mut self, stream: StreamNo) -> Option<i32> {
        self.downloads.remove(&stream).map(|download| download.no)
    }

    /// The client is somebody else now: the numbers of what it was sent.
    pub(super) fn let_go(&mut self) -> Vec<i32> {
        self.known.clear();
        self.downloads.drain().map(|(_, download)| download.no).collect()
    }
}

const NUMBER: usize = 4;

fn begun(no: i32, chunk: usize) -> BytesMut {
    let mut waiting = BytesMut::with_capacity(NUMBER + chunk);
    waiting.put_i32(no);
    waiting
}

/// Chunks of nearly the same size, for a browser reads each by itself and may be done with a small one first.
fn chunk_size(size: u64) -> u64 {
    let most = size.div_ceil(CHUNKS).clamp(LEAST_CHUNK, MOST_CHUNK);
    size.div_ceil(size.div_ceil(most).max(1)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_few_and_alike() {
        for (size, count, largest) in [
            (0, 0, 1),
            (1, 1, 1),
            (65_536, 1, 65_536),
            (65_537, 2, 32_769),
            (16 << 20, 32, 512 * 1024),
            (256 << 20, 256, 1 << 20),
        ] {
            let chunk = chunk_size(size);
            assert_eq!((size.div_ceil(chunk), chunk), (count, largest), "{size}");
        }
    }

    #[test]
    fn a_stream_is_cut_into_its_chunks() {
        let mut downloads = Downloads::default();
        let stream = StreamNo(2);
        let spec = StreamSpec { id: StreamId::from_random([1; 16]), name: None, media: None, size: None };
        let no = downloads.opened(stream, &spec, 100_000);
        assert_eq!((no, downloads.number(spec.id), downloads.find(-1)), (-1, Some(-1), Some(stream)));
        let mut sent = Vec::new();
        for _ in 0..10 {
            downloads.data(stream, Bytes::from(vec![7; 10_000]), |chunk| sent.push(chunk));
        }
        let (no, last) = downloads.finished(stream).expect("it was under way");
        sent.extend(last);
        assert_eq!((no, sent.iter().map(Bytes::len).collect::<Vec<_>>()), (-1, vec![50_004, 50_004]));
        assert!(sent.iter().all(|chunk| chunk.starts_with(b"\xff\xff\xff\xff")));
        assert!(downloads.finished(stream).is_none() && downloads.find(-1).is_none());
    }
}
