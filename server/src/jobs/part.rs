//! What a processor puts out.

use std::path::{Path, PathBuf};

use samewire_protocol::name::is_media;
use samewire_protocol::rooms::RoomName;
use samewire_protocol::{Code, Failure};
use serde_json::{Map, Value};

/// The most parts that a job puts out.
pub const MAX_PARTS: usize = 16;

/// The most that is to be known of a part besides, in bytes of JSON.
pub const MAX_EXTRA: usize = 1024;

/// Something that was made of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct NewPart {
    /// What it is, as `poster`: a lower-case letter, then up to 31 of `a-z`, `0-9` and `-`.
    pub name: String,
    /// The media type.
    pub media: String,
    /// Where it is: a file in the job's folder.
    pub path: PathBuf,
    /// In pixels, of a picture or a video.
    pub width: Option<u32>,
    /// In pixels, of a picture or a video.
    pub height: Option<u32>,
    /// How long it plays, in milliseconds.
    pub duration: Option<u64>,
    /// What else is to be known of it, at most [`MAX_EXTRA`].
    pub extra: Option<Map<String, Value>>,
}

impl NewPart {
    /// A part of which nothing else is known.
    #[must_use]
    pub fn new(name: impl Into<String>, media: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        let (name, media, path) = (name.into(), media.into(), path.into());
        Self { name, media, path, width: None, height: None, duration: None, extra: None }
    }

    /// Checks everything but the file.
    ///
    /// # Errors
    /// `bad-params`, with what is wrong.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let wrong = |told: String| Err(Failure::new(Code::BadParams, told));
        if !is_kind(&self.name) {
            return wrong(format!("{:?} is no part's name: a lower-case letter, then up to 31 of a-z, 0-9 and -", self.name));
        }
        if !is_media(&self.media) {
            return wrong(format!("{:?} is not a media type; write it as in image/png", self.media));
        }
        let extra = self.extra.as_ref().and_then(|extra| serde_json::to_string(extra).ok());
        if extra.is_some_and(|extra| extra.len() > MAX_EXTRA) {
            return wrong(format!("the part {:?} says more than {MAX_EXTRA} bytes besides", self.name));
        }
        Ok(())
    }

    /// Where the file is, if that is in this folder.
    pub(super) fn path_in(&self, folder: &Path) -> Result<PathBuf, Failure> {
        let path = folder.join(&self.path);
        let found = path.symlink_metadata().is_ok_and(|metadata| metadata.is_file());
        let inside = path.canonicalize().ok().zip(folder.canonicalize().ok()).filter(|(path, folder)| path.starts_with(folder));
        match inside.filter(|_| found) {
            Some((path, _)) => Ok(path),
            None => {
                let told = format!("the part {:?} was put out, and is no file in the job's folder", self.name);
                Err(Failure::new(Code::ProcessingFailed, told))
            }
        }
    }
}

/// Whether a text is the name of a kind, or of a part: these have the grammar of kinds of rooms.
pub(crate) fn is_kind(text: &str) -> bool {
    format!("{text}:1").parse::<RoomName>().is_ok_and(|name| name.kind() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_types_are_checked() {
        for (name, media, fine) in [
            ("poster", "image/jpeg", true),
            ("720p", "video/mp4", false),
            ("p-720", "video/mp4", true),
            ("../poster", "image/jpeg", false),
            ("poster:1", "image/jpeg", false),
            ("", "image/jpeg", false),
            ("poster", "jpeg", false),
        ] {
            assert_eq!(NewPart::new(name, media, "x").check().is_ok(), fine, "{name} {media}");
        }
        let mut part = NewPart::new("poster", "image/jpeg", "x");
        part.extra = Some([("a".to_owned(), "x".repeat(MAX_EXTRA).into())].into_iter().collect());
        assert_eq!(part.check().unwrap_err().code, Code::BadParams);
    }

    #[test]
    fn only_files_of_the_folder_are_put_out() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("work");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(outer.path().join("secret"), "x").unwrap();
        std::fs::write(folder.join("made"), "x").unwrap();
        std::os::unix::fs::symlink(outer.path().join("secret"), folder.join("link")).unwrap();
        let found = |path: &Path| NewPart::new("made", "text/plain", path).path_in(&folder).is_ok();
        assert!(found(Path::new("made")) && found(&folder.join("made")));
        for path in ["../secret", "link", "missing", ".", ""] {
            assert!(!found(Path::new(path)), "{path}");
        }
        assert!(!found(&outer.path().join("secret")));
    }
}
