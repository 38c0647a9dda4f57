//! What one identity may keep and send.

/// What an identity may keep and send: the configuration's, or what its token says instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Bytes in files and streams.
    pub quota: u64,
    /// The largest stream, in bytes.
    pub max_upload: u64,
}
