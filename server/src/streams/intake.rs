//! Who looks at what becomes a file.

use samewire_protocol::Digest;
use samewire_protocol::files::FileRecord;

use crate::auth::Owner;

/// How many of a candidate's first bytes are shown, at most.
pub const HEAD: usize = 8 * 1024;

/// Looks at each stream that becomes a file, says what it is by its content and which jobs begin with it. The file and its jobs
/// are recorded in one transaction. `()` says nothing and begins none.
pub trait Intake: Send + Sync {
    /// Decides about a file that is about to be recorded, on a thread that may block.
    fn plan(&self, candidate: &Candidate<'_>) -> Plan;

    /// A new file and its jobs are recorded. Must not block.
    fn stored(&self, owner: &Owner, file: &FileRecord);
}

/// What is about to become a file: all its bytes are there and verified.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Whose it is.
    pub owner: &'a Owner,
    /// The file's name.
    pub name: &'a str,
    /// The media type that the uploader gave.
    pub media: Option<&'a str>,
    /// The size in bytes.
    pub size: u64,
    /// The digest of all bytes.
    pub digest: Digest,
    /// The first bytes: all of them, or [`HEAD`].
    pub head: &'a [u8],
}

/// What is decided about a new file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Its media type by its content. Where that says nothing, the one that the uploader gave stands.
    pub media: Option<String>,
    /// The kinds of the jobs that begin with it.
    pub jobs: Vec<Box<str>>,
}

impl Intake for () {
    fn plan(&self, _: &Candidate<'_>) -> Plan {
        Plan::default()
    }

    fn stored(&self, _: &Owner, _: &FileRecord) {}
}
