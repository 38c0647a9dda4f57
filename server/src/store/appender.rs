//! Appends to a blob, past the page cache where much comes at once.
//!
//! Bulk that goes through the page cache is copied into pages that must be found first and are of no use to anybody afterwards: on
//! Linux that can cost more than all else that an upload costs together. So the middle of a large batch, whole blocks of it, is
//! written directly (`O_DIRECT`, open(2)); its ends, and everything where the file system cannot do that, are written plainly.

use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice, Write};
use std::path::Path;

use bytes::Bytes;

/// What direct writes must be aligned to: a page, and a multiple of the block of any disk in use.
const BLOCK: usize = 4096;
/// Below this much a direct write is not worth its wait.
const WORTH: usize = 64 * 1024;
/// The most that is written directly at once.
const MOST: usize = 1024 * 1024;

/// A blob that is being appended to.
#[derive(Debug)]
pub(crate) struct Appender {
    file: File,
    len: u64,
    direct: Option<Direct>,
}

#[derive(Debug)]
struct Direct {
    file: File,
}

/// Room for [`MOST`] bytes from an aligned address on, once it is needed. Appenders that do not write at the same time share one.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    start: usize,
}

impl Buffer {
    fn room(&mut self, len: usize) -> Option<&mut [u8]> {
        if self.bytes.is_empty() {
            self.bytes = vec![0; MOST + BLOCK];
            self.start = self.bytes.as_ptr().align_offset(BLOCK);
        }
        self.bytes.get_mut(self.start..self.start + len)
    }
}

impl Appender {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).open(path)?;
        let len = file.metadata()?.len();
        Ok(Self { file, len, direct: Direct::open(path) })
    }

    /// Appends a batch and shows each byte once to `seen`, in order. When this returns, the bytes are the operating system's.
    pub(crate) fn append(&mut self, batch: &[Bytes], buffer: &mut Buffer, mut seen: impl FnMut(&[u8])) -> io::Result<()> {
        let total: usize = batch.iter().map(Bytes::len).sum();
        let head = usize::try_from(self.len.wrapping_neg() % BLOCK as u64).unwrap_or(0).min(total);
        let middle = (total - head) / BLOCK * BLOCK;
        let mut rest = Rest { batch, skip: 0 };
        if middle < WORTH || self.direct.is_none() {
            return self.plainly(&mut rest, total, &mut seen);
        }
        self.plainly(&mut rest, head, &mut seen)?;
        let mut left = middle;
        while left > 0 {
            let len = left.min(MOST);
            let Some(direct) = &mut self.direct else {
                self.plainly(&mut rest, left, &mut seen)?;
                break;
            };
            let Some(block) = buffer.room(len) else { break };
            rest.copy_to(block);
            seen(block);
            match direct.write(block, self.len) {
                Ok(()) => self.len += len as u64,
                Err(error) if is_unsupported(&error) => {
                    // Some file systems take the flag and refuse the write.
                    self.direct = None;
                    self.file.write_all(block)?;
                    self.len += len as u64;
                }
                Err(error) => return Err(error),
            }
            left -= len;
        }
        self.plainly(&mut rest, total - head - middle, &mut seen)
    }

    fn plainly(&mut self, rest: &mut Rest<'_>, len: usize, seen: &mut impl FnMut(&[u8])) -> io::Result<()> {
        let pieces = rest.take(len);
        let mut slices: Vec<_> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
        let mut left = slices.as_mut_slice();
        IoSlice::advance_slices(&mut left, 0);
        while !left.is_empty() {
            match self.file.write_vectored(left) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    IoSlice::advance_slices(&mut left, written);
                    self.len += written as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        pieces.iter().for_each(|piece| seen(piece));
        Ok(())
    }
}

impl Direct {
    #[cfg(target_os = "linux")]
    fn open(path: &Path) -> Option<Self> {
        use std::os::unix::fs::OpenOptionsExt;
        let flag = i32::try_from(rustix::fs::OFlags::DIRECT.bits()).ok()?;
        let file = OpenOptions::new().write(true).custom_flags(flag).open(path).ok()?;
        Some(Self { file })
    }

    #[cfg(not(target_os = "linux"))]
    fn open(_: &Path) -> Option<Self> {
        None
    }

    fn write(&self, mut block: &[u8], mut at: u64) -> io::Result<()> {
        while !block.is_empty() {
            match write_at(&self.file, block, at) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    block = block.get(written..).unwrap_or_default();
                    at += written as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::write_at(file, bytes, at)
}

#[cfg(not(unix))]
fn write_at(_: &File, _: &[u8], _: u64) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

fn is_unsupported(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported)
}

/// What of a batch is still to be written.
struct Rest<'a> {
    batch: &'a [Bytes],
    /// Bytes of the first piece that are written.
    skip: usize,
}

impl<'a> Rest<'a> {
    /// The next `len` bytes, where they are.
    fn take(&mut self, mut len: usize) -> Vec<&'a [u8]> {
        let mut pieces = Vec::new();
        while len > 0
            && let Some((first, others)) = self.batch.split_first()
        {
            let piece = first.get(self.skip..).unwrap_or_default();
            let part = piece.get(..len.min(piece.len())).unwrap_or_default();
            len -= part.len();
            self.skip += part.len();
            if self.skip == first.len() {
                (self.batch, self.skip) = (others, 0);
            }
            pieces.push(part);
        }
        pieces
    }

    fn copy_to(&mut self, mut out: &mut [u8]) {
        for piece in self.take(out.len()) {
            let (into, others) = out.split_at_mut(piece.len());
            into.copy_from_slice(piece);
            out = others;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Batches of every awkward size give the bytes in order, whichever way they were written.
    #[test]
    fn ends_and_middles_fit_together() {
        let folder = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let path = folder.path().join("blob");
        File::create(&path).unwrap();
        let mut appender = Appender::open(&path).unwrap();
        let (mut expected, mut seen, mut buffer) = (Vec::new(), Vec::new(), Buffer::default());
        for (index, sizes) in [
            vec![10],
            vec![65_536; 16],
            vec![4096; 64],
            vec![1, 4095, 300_000],
            vec![65_536; 40],
            vec![0, 7],
            vec![200_001, 3],
            vec![3 * 1024 * 1024 + 5],
        ]
        .into_iter()
        .enumerate()
        {
            let batch: Vec<Bytes> = sizes
                .into_iter()
                .enumerate()
                .map(|(at, size)| (0..size).map(|byte| (byte * 31 + at * 7 + index) as u8).collect::<Vec<u8>>().into())
                .collect();
            batch.iter().for_each(|bytes| expected.extend_from_slice(bytes));
            appender.append(&batch, &mut buffer, |bytes| seen.extend_from_slice(bytes)).unwrap();
            assert_eq!(appender.len, expected.len() as u64);
        }
        assert_eq!(seen, expected);
        assert_eq!(std::fs::read(&path).unwrap(), expected);
    }
}
