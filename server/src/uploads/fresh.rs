//! Uploads that nobody knows of yet.

use samewire_protocol::{Code, Failure};

use crate::streams::Upload;

/// An upload whose address nobody has been told yet: if that never happens, nobody can go on with it, and it is given up at once.
#[derive(Debug)]
pub(crate) struct Fresh(Option<Upload>);

impl Fresh {
    pub(crate) fn new(upload: Upload) -> Self {
        Self(Some(upload))
    }

    pub(crate) fn upload(&mut self) -> Result<&mut Upload, Failure> {
        self.0.as_mut().ok_or_else(|| Failure::new(Code::Internal, "the upload was let go of"))
    }

    /// Its address is being told, or a file was made of it.
    pub(crate) fn keep(mut self) -> Option<Upload> {
        self.0.take()
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if let Some(upload) = self.0.take() {
            upload.abort(Failure::new(Code::StreamAborted, "the request that began the upload came to nothing"));
        }
    }
}
