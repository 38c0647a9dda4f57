//! Folders to work in, one for each attempt. They are gone after it, and after the server's next start at the latest.

use std::io;
use std::path::{Path, PathBuf};

use samewire_protocol::JobId;

/// The folder of all of them.
#[derive(Debug)]
pub(super) struct Scratch {
    root: PathBuf,
}

impl Scratch {
    /// Opens the folder and empties it.
    pub(super) fn open(root: PathBuf) -> io::Result<Self> {
        match std::fs::remove_dir_all(&root) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        std::fs::create_dir_all(&root)?;
        // Processes that work there want a path that holds wherever they are.
        Ok(Self { root: root.canonicalize()? })
    }

    /// By the lease, which no two attempts have: the numbers of attempts begin anew when a job is asked for again.
    fn path(&self, job: JobId, lease: &str) -> PathBuf {
        self.root.join(format!("{job}.{lease}"))
    }

    /// Makes the folder of an attempt.
    pub(super) async fn make(&self, job: JobId, lease: &str) -> io::Result<PathBuf> {
        let path = self.path(job, lease);
        let made = path.clone();
        let making = tokio::task::spawn_blocking(move || std::fs::create_dir_all(made)).await;
        making.unwrap_or_else(|error| Err(io::Error::other(error))).map(|()| path)
    }

    /// Removes what an attempt left, on a thread that may block; the job may be at another one.
    pub(super) async fn remove(&self, job: JobId, lease: &str) {
        let path = self.path(job, lease);
        // An error would be a panic in there, which has been reported.
        drop(tokio::task::spawn_blocking(move || remove(&path)).await);
    }
}

fn remove(path: &Path) {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(path = %path.display(), %error, "cannot remove what a job left; the next start does");
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_start_empties_what_was_left() {
        let data = tempfile::tempdir().unwrap();
        let root = data.path().join("work");
        let scratch = Scratch::open(root.clone()).unwrap();
        let (first, second) = (JobId::from_random([1; 16]), JobId::from_random([2; 16]));
        for (job, lease) in [(first, "a"), (first, "b"), (second, "c")] {
            let folder = scratch.make(job, lease).await.unwrap();
            std::fs::write(folder.join("left"), "x").unwrap();
        }
        scratch.remove(first, "a").await;
        assert!(scratch.path(first, "b").join("left").exists());
        scratch.remove(first, "b").await;
        assert_eq!(std::fs::read_dir(&root).unwrap().count(), 1);
        Scratch::open(root.clone()).unwrap();
        assert_eq!(std::fs::read_dir(&root).unwrap().count(), 0);
    }
}
