//! Keys that the server makes for itself and keeps beside its data.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// 256 random bits.
pub type Key = [u8; 32];

/// Reads the key in this file, or draws a new one and keeps it there, readable by the owner of the process only.
///
/// # Errors
/// What the file system says; `InvalidData` when the file holds something else than a key.
pub fn load_or_make(path: &Path) -> io::Result<Key> {
    match fs::read(path) {
        Ok(bytes) => Key::try_from(bytes).map_err(|bytes| {
            let told = format!("{} holds {} bytes instead of 32; restore it or remove it", path.display(), bytes.len());
            io::Error::new(io::ErrorKind::InvalidData, told)
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(path),
        Err(error) => Err(error),
    }
}

/// A crash on the way must not leave half a key, so the file gets its name when it is whole.
fn make(path: &Path) -> io::Result<Key> {
    let mut key = Key::default();
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    let unfinished = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(&key)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_kept_private() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ticket.key");
        let key = load_or_make(&path).expect("a new key");
        assert_eq!(load_or_make(&path).expect("the same key"), key);
        assert_eq!(fs::metadata(&path).expect("the file").permissions().mode() & 0o777, 0o600);
        assert_ne!(load_or_make(&folder.path().join("dev.key")).expect("another key"), key);
    }

    #[test]
    fn a_damaged_key_is_not_replaced_in_silence() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ticket.key");
        fs::write(&path, b"short").expect("written");
        assert_eq!(load_or_make(&path).expect_err("damaged").kind(), io::ErrorKind::InvalidData);
    }
}
