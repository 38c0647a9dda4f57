//! Streams to a client, with numbers from -1 downwards.
//!
//! A client has room for 42 chunks that nobody has read, and gives those that come then to its reader in another order. It never says
//! what was read, so a stream goes in fewer chunks than that, as large as they have to be. No chunk is kept here: it is one message of
//! which each part is said as soon as it is there, one chunk at a time.

use std::collections::{HashMap, VecDeque};

use bytes::{BufMut, Bytes, BytesMut};
use samewire_protocol::streams::StreamSpec;
use samewire_protocol::{Code, Failure, StreamId, StreamNo};

/// How many streams' numbers are remembered for answers that name them.
const MOST_KNOWN: usize = 128;
/// In how many chunks a stream goes, and in how many at most where some had to end early.
const CHUNKS: u64 = 32;
const MOST_CHUNKS: u64 = 40;
const LEAST_CHUNK: u64 = 64 * 1024;
/// What else is said waits for the end of a chunk.
const MOST_CHUNK: u64 = 32 * 1024 * 1024;
/// The largest stream that a client can be sent.
const LARGEST: u64 = CHUNKS * MOST_CHUNK;

/// Where chunks go.
pub(super) trait Outlet {
    /// Says the next part of a message.
    fn part(&mut self, bytes: Bytes, is_last: bool);

    /// Whether no more should be said for now.
    fn is_full(&self) -> bool;

    /// The bytes of a stream up to this offset have been said.
    fn used(&mut self, stream: StreamNo, offset: u64);

    fn give_up(&mut self, stream: StreamNo, failure: Failure);
}

/// The streams to one client.
#[derive(Default)]
pub(super) struct Downloads {
    last: i32,
    downloads: HashMap<StreamNo, Download>,
    /// The stream of which a chunk is begun.
    begun: Option<StreamNo>,
    /// Streams with bytes for a chunk, in turn.
    turns: VecDeque<StreamNo>,
    known: VecDeque<(StreamId, i32)>,
    /// Those that no client can be sent.
    refused: VecDeque<(StreamId, Failure)>,
    /// How many parts were said.
    said: u64,
}

struct Download {
    no: i32,
    /// How large a chunk is.
    chunk: u64,
    /// How many were begun, and how many bytes the last one lacks.
    chunks: u64,
    lacks: u64,
    /// How many bytes went, and how many there are.
    sent: u64,
    size: u64,
    /// Bytes that wait for their turn. The session has more when these are said.
    held: VecDeque<Bytes>,
    /// There are no more.
    is_whole: bool,
}

impl Downloads {
    /// The server begins a stream of a known size: its number.
    ///
    /// # Errors
    /// `too-big`: the client would lose the order of its bytes.
    pub(super) fn opened(&mut self, stream: StreamNo, spec: &StreamSpec, size: u64) -> Result<i32, Failure> {
        if size > LARGEST {
            let told = format!(
                "a client of this format can be sent {LARGEST} bytes in their order, and these are {size}: get the file over HTTP, at \
                 the address that `files/link` answers, or with the SDK"
            );
            return Err(self.refuse(spec.id, Failure::new(Code::TooBig, told)));
        }
        self.last -= 1;
        let no = self.last;
        let download = Download {
            no,
            chunk: chunk_size(size),
            chunks: 0,
            lacks: 0,
            sent: 0,
            size,
            held: VecDeque::new(),
            is_whole: false,
        };
        self.downloads.insert(stream, download);
        if self.known.len() == MOST_KNOWN {
            self.known.pop_front();
        }
        self.known.push_back((spec.id, no));
        Ok(no)
    }

    /// Remembers why a stream does not go to the client, for the call that it answers.
    pub(super) fn refuse(&mut self, id: StreamId, failure: Failure) -> Failure {
        if self.refused.len() == MOST_KNOWN {
            self.refused.pop_front();
        }
        self.refused.push_back((id, failure.clone()));
        failure
    }

    /// Why a stream does not go to the client.
    pub(super) fn refusal(&self, id: StreamId) -> Option<&Failure> {
        self.refused.iter().find(|(refused, _)| *refused == id).map(|(_, failure)| failure)
    }

    /// The number of a stream.
    pub(super) fn number(&self, id: StreamId) -> Option<i32> {
        self.known.iter().rfind(|(known, _)| *known == id).map(|(_, no)| *no)
    }

    /// The stream with this number, where it is under way.
    pub(super) fn find(&self, no: i32) -> Option<StreamNo> {
        self.downloads.iter().find(|(_, download)| download.no == no).map(|(stream, _)| *stream)
    }

    /// Bytes came. They are said in their turn.
    pub(super) fn data(&mut self, stream: StreamNo, bytes: Bytes) {
        let Some(download) = self.downloads.get_mut(&stream) else { return };
        if download.held.is_empty() && self.begun != Some(stream) {
            self.turns.push_back(stream);
        }
        download.held.push_back(bytes);
    }

    /// Says what there is to say and room for; the numbers of streams that have ended with it.
    pub(super) fn flow(&mut self, out: &mut impl Outlet) -> Vec<i32> {
        let mut ended = Vec::new();
        while !out.is_full()
            && let Some(stream) = self.begun.take().or_else(|| self.turns.pop_front())
        {
            let Some(download) = self.downloads.get_mut(&stream) else { continue };
            let before = download.sent;
            let goes_on = download.say(out);
            if download.sent > before {
                out.used(stream, download.sent);
            }
            self.said += u64::from(download.sent > before);
            match goes_on {
                Ok(true) => self.begun = Some(stream),
                Ok(false) if !download.held.is_empty() => self.turns.push_back(stream),
                Ok(false) if download.is_whole => {
                    ended.push(download.no);
                    self.downloads.remove(&stream);
                }
                Ok(false) => {}
                Err(failure) => out.give_up(stream, failure),
            }
            // The rest of the chunk is still to come.
            if self.begun.is_some() {
                break;
            }
        }
        ended
    }

    /// How much was said up to now: whether there was anything to say.
    pub(super) fn said(&self) -> u64 {
        self.said
    }

    /// Ends the chunk that is begun, so that others have their turn.
    pub(super) fn cut(&mut self, out: &mut impl Outlet) {
        let Some(stream) = self.begun.take() else { return };
        out.part(Bytes::new(), true);
        if let Some(download) = self.downloads.get_mut(&stream) {
            download.lacks = 0;
            if !download.held.is_empty() {
                self.turns.push_back(stream);
            }
        }
    }

    /// The session has said all of a stream.
    pub(super) fn finished(&mut self, stream: StreamNo, out: &mut impl Outlet) {
        let Some(download) = self.downloads.get_mut(&stream) else { return };
        download.is_whole = true;
        if download.held.is_empty() {
            if self.begun == Some(stream) {
                self.cut(out);
            }
            self.turns.push_back(stream);
        }
    }

    /// The stream came to nothing: its number.
    pub(super) fn aborted(&mut self, stream: StreamNo, out: &mut impl Outlet) -> Option<i32> {
        if self.begun == Some(stream) {
            self.cut(out);
        }
        self.downloads.remove(&stream).map(|download| download.no)
    }

    /// The client is somebody else now, or gone: the numbers of what it was sent.
    pub(super) fn let_go(&mut self, out: &mut impl Outlet) -> Vec<i32> {
        self.cut(out);
        self.known.clear();
        self.turns.clear();
        self.downloads.drain().map(|(_, download)| download.no).collect()
    }
}

impl Download {
    /// Says what is held, up to the end of a chunk. Whether the chunk goes on.
    fn say(&mut self, out: &mut impl Outlet) -> Result<bool, Failure> {
        while let Some(mut bytes) = self.held.pop_front() {
            let begins = self.lacks == 0;
            if begins {
                if self.chunks == MOST_CHUNKS {
                    let told = "too much else was said meanwhile for a client of this format to keep the order of the stream's bytes; \
                                get the file over HTTP, at the address that `files/link` answers, or with the SDK";
                    return Err(Failure::new(Code::StreamAborted, told));
                }
                self.chunks += 1;
                self.lacks = self.chunk.min(self.size.saturating_sub(self.sent)).max(1);
            }
            let count = bytes.len().min(usize::try_from(self.lacks).unwrap_or(usize::MAX));
            let piece = bytes.split_to(count);
            self.sent += count as u64;
            self.lacks -= count as u64;
            if !bytes.is_empty() {
                self.held.push_front(bytes);
            }
            let is_last = self.lacks == 0;
            out.part(if begins { labelled(self.no, &piece) } else { piece }, is_last);
            if is_last {
                return Ok(false);
            }
        }
        Ok(self.lacks > 0)
    }
}

fn labelled(no: i32, piece: &[u8]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(4 + piece.len());
    bytes.put_i32(no);
    bytes.put_slice(piece);
    bytes.freeze()
}

/// Chunks of nearly the same size, for a browser reads each by itself and may be done with a small one first.
fn chunk_size(size: u64) -> u64 {
    let most = size.div_ceil(CHUNKS).max(LEAST_CHUNK);
    size.div_ceil(size.div_ceil(most).max(1)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Said {
        chunks: Vec<Vec<u8>>,
        open: bool,
        used: HashMap<StreamNo, u64>,
        given_up: Vec<StreamNo>,
    }

    impl Outlet for Said {
        fn part(&mut self, bytes: Bytes, is_last: bool) {
            if !self.open {
                self.chunks.push(Vec::new());
            }
            self.chunks.last_mut().expect("one is open").extend(bytes);
            self.open = !is_last;
        }

        fn is_full(&self) -> bool {
            false
        }

        fn used(&mut self, stream: StreamNo, offset: u64) {
            self.used.insert(stream, offset);
        }

        fn give_up(&mut self, stream: StreamNo, _: Failure) {
            self.given_up.push(stream);
        }
    }

    fn spec(seed: u8) -> StreamSpec {
        StreamSpec { id: StreamId::from_random([seed; 16]), name: None, media: None, size: None }
    }

    #[test]
    fn chunks_are_few_and_alike() {
        for (size, count, largest) in [
            (0, 0, 1),
            (1, 1, 1),
            (65_536, 1, 65_536),
            (65_537, 2, 32_769),
            (16 << 20, 32, 512 * 1024),
            (256 << 20, 32, 8 << 20),
            (LARGEST, 32, MOST_CHUNK),
        ] {
            let chunk = chunk_size(size);
            assert_eq!((size.div_ceil(chunk), chunk), (count, largest), "{size}");
        }
    }

    #[test]
    fn a_stream_is_cut_into_its_chunks() {
        let (mut downloads, mut said) = (Downloads::default(), Said::default());
        let stream = StreamNo(2);
        let no = downloads.opened(stream, &spec(1), 100_000).expect("not too large");
        assert_eq!((no, downloads.number(spec(1).id), downloads.find(-1)), (-1, Some(-1), Some(stream)));
        for n in 1..=10 {
            downloads.data(stream, Bytes::from(vec![7; 10_000]));
            assert_eq!(downloads.flow(&mut said), Vec::<i32>::new());
            assert_eq!(said.used[&stream], n * 10_000, "nothing is kept");
        }
        downloads.finished(stream, &mut said);
        assert_eq!(downloads.flow(&mut said), [-1]);
        assert_eq!(said.chunks.iter().map(Vec::len).collect::<Vec<_>>(), [50_004, 50_004]);
        assert!(said.chunks.iter().all(|chunk| chunk.starts_with(b"\xff\xff\xff\xff")));
        assert!(downloads.find(-1).is_none() && !said.open);
    }

    #[test]
    fn streams_take_turns_by_whole_chunks() {
        let (mut downloads, mut said) = (Downloads::default(), Said::default());
        let (first, second) = (StreamNo(2), StreamNo(4));
        downloads.opened(first, &spec(1), 131_072).expect("not too large");
        downloads.opened(second, &spec(2), 65_536).expect("not too large");
        downloads.data(first, Bytes::from(vec![1; 60_000]));
        downloads.flow(&mut said);
        downloads.data(second, Bytes::from(vec![2; 65_536]));
        downloads.finished(second, &mut said);
        assert_eq!((downloads.flow(&mut said), said.used.get(&second)), (vec![], None), "it waits for its turn");
        downloads.data(first, Bytes::from(vec![1; 71_072]));
        downloads.finished(first, &mut said);
        assert_eq!(downloads.flow(&mut said), [-2, -1]);
        let firsts: Vec<_> = said.chunks.iter().map(|chunk| (chunk[3], chunk[4], chunk.len())).collect();
        assert_eq!(firsts, [(0xff, 1, 65_540), (0xfe, 2, 65_540), (0xff, 1, 65_540)]);
    }

    #[test]
    fn a_chunk_that_holds_others_up_ends_early_and_not_too_often() {
        let (mut downloads, mut said) = (Downloads::default(), Said::default());
        let stream = StreamNo(2);
        downloads.opened(stream, &spec(1), 10_000_000).expect("not too large");
        for _ in 0..MOST_CHUNKS {
            downloads.data(stream, Bytes::from_static(b"some"));
            downloads.flow(&mut said);
            assert!(said.open);
            downloads.cut(&mut said);
            assert!(!said.open);
        }
        assert!(said.given_up.is_empty());
        downloads.data(stream, Bytes::from_static(b"more"));
        downloads.flow(&mut said);
        assert_eq!(said.given_up, [stream]);
        assert_eq!((downloads.aborted(stream, &mut said), said.chunks.len()), (Some(-1), 40));
    }

    #[test]
    fn what_would_lose_its_order_is_refused() {
        let mut downloads = Downloads::default();
        let failure = downloads.opened(StreamNo(2), &spec(1), LARGEST + 1).expect_err("too large");
        assert!(failure.code == Code::TooBig && failure.message.contains("files/link"), "{failure}");
        assert_eq!(downloads.refusal(spec(1).id).map(|failure| failure.code.clone()), Some(Code::TooBig));
        assert_eq!((downloads.number(spec(1).id), downloads.find(-1)), (None, None));
    }
}
