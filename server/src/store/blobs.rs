//! Bytes in a local folder. Names are random and the server's own: no path is ever built from what a client says.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use super::StoreError;
use super::appender::Appender;

/// The name of a blob: 128 random bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct BlobId([u8; 16]);

impl BlobId {
    /// Draws a new name.
    pub(crate) fn draw() -> io::Result<Self> {
        random().map(Self)
    }
}

/// 128 random bits from the operating system.
pub(crate) fn random() -> io::Result<[u8; 16]> {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits).map_err(io::Error::other)?;
    Ok(bits)
}

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a blob")]
pub struct BlobIdError;

impl FromStr for BlobId {
    type Err = BlobIdError;

    fn from_str(text: &str) -> Result<Self, BlobIdError> {
        let digits = text.len() == 32 && text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
        let bits = u128::from_str_radix(text, 16).ok().filter(|_| digits).ok_or(BlobIdError)?;
        Ok(Self(bits.to_be_bytes()))
    }
}

/// A folder of blobs, in two levels of 256 folders each. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Blobs {
    root: Arc<Path>,
}

impl Blobs {
    /// Opens the folder, or makes it.
    pub(super) fn open(root: PathBuf) -> Result<Self, StoreError> {
        fs::create_dir_all(&root)?;
        Ok(Self { root: root.into() })
    }

    /// Makes an empty blob under this name.
    pub(crate) fn create(&self, blob: BlobId) -> io::Result<()> {
        let path = self.path(blob);
        let create = || OpenOptions::new().write(true).create_new(true).open(&path).map(drop);
        match create() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                path.parent().map_or(Ok(()), fs::create_dir_all)?;
                create()
            }
            done => done,
        }
    }

    /// Opens a blob to append to it. One that is gone is not made anew.
    pub(crate) fn append(&self, blob: BlobId) -> io::Result<Appender> {
        Appender::open(&self.path(blob))
    }

    /// Opens a blob to read it. It stays readable while it is open, even when it is deleted.
    pub(crate) fn read(&self, blob: BlobId) -> io::Result<File> {
        File::open(self.path(blob))
    }

    /// How many bytes the blob has; `None` where there is no such blob.
    pub(crate) fn len(&self, blob: BlobId) -> io::Result<Option<u64>> {
        match fs::metadata(self.path(blob)) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Cuts a blob to this length.
    pub(crate) fn cut(&self, blob: BlobId, len: u64) -> io::Result<()> {
        OpenOptions::new().write(true).open(self.path(blob))?.set_len(len)
    }

    /// Brings a blob and its name to the disk itself, so that both survive a loss of power.
    pub(crate) fn sync(&self, blob: BlobId) -> io::Result<()> {
        let path = self.path(blob);
        File::open(&path)?.sync_all()?;
        for folder in path.ancestors().skip(1).take(3) {
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    }

    /// Deletes a blob. What cannot be deleted now is deleted at the next start, because nothing names it.
    pub(crate) fn delete_blocking(&self, blob: BlobId) {
        if let Err(error) = fs::remove_file(self.path(blob))
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%blob, %error, "cannot delete a blob");
        }
    }

    /// The same, away from the threads that must not block.
    pub(crate) async fn delete(&self, blob: BlobId) {
        let blobs = self.clone();
        // An error would be a panic in there, which has been reported.
        drop(tokio::task::spawn_blocking(move || blobs.delete_blocking(blob)).await);
    }

    /// How many bytes of the disk are free for this process.
    pub(crate) fn free(&self) -> io::Result<u64> {
        let disk = rustix::fs::statvfs(&*self.root)?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }

    /// Deletes every blob that `is_named` does not know, and counts them. Files that are no blobs are left alone.
    pub(super) fn sweep(&self, is_named: impl Fn(BlobId) -> Result<bool, StoreError>) -> Result<usize, StoreError> {
        let mut deleted = 0;
        for first in folders(&self.root)? {
            for second in folders(&first)? {
                for entry in fs::read_dir(&second)? {
                    let name = entry?.file_name();
                    let blob = name.to_str().and_then(|name| name.parse::<BlobId>().ok());
                    if let Some(blob) = blob.filter(|blob| self.path(*blob).parent() == Some(&second))
                        && !is_named(blob)?
                    {
                        self.delete_blocking(blob);
                        deleted += 1;
                    }
                }
            }
        }
        Ok(deleted)
    }

    /// Makes a blob of a file on the same disk, which is gone from its place then. What it holds is on the disk when this returns.
    pub(crate) fn adopt(&self, file: &Path) -> io::Result<BlobId> {
        let blob = BlobId::draw()?;
        let path = self.path(blob);
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::rename(file, &path)?;
        self.sync(blob).inspect_err(|_| self.delete_blocking(blob))?;
        Ok(blob)
    }

    /// Where a blob is, for those who can only be told so.
    pub(crate) fn path(&self, blob: BlobId) -> PathBuf {
        let [first, second, ..] = blob.0;
        self.root.join(format!("{first:02x}")).join(format!("{second:02x}")).join(blob.to_string())
    }
}

fn folders(of: &Path) -> io::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(of)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            folders.push(entry.path());
        }
    }
    Ok(folders)
}
