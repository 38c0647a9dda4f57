//! Signed addresses of files: whoever has one reads the file for a while, so that a page's `<video>` can, which cannot send a token.
//!
//! The signature is a keyed hash over the owner, the file, the part, and when the address was made and until when it is good. It says
//! nothing, and so it needs no look-up to be refused but that of the file's owner. What was made before all of its owner's tokens were
//! revoked is good no more.

use std::fmt;

use samewire_protocol::files::{FileLink, LinkParams};
use samewire_protocol::limits::MAX_SAFE_INTEGER;
use samewire_protocol::{Code, Failure, FileId};

use crate::auth::{Access, Identity, Key, Owner};
use crate::calls::State;
use crate::store::{Store, now_ms};
use crate::streams::no_file;

use super::rest::escaped;

/// How long an address is good where nobody asks for less or more, and at most; in milliseconds.
const HOUR: u64 = 60 * 60 * 1_000;
const LONGEST: u64 = 7 * 24 * HOUR;

/// Signs addresses, and knows its signatures. Cheap to clone.
#[derive(Clone)]
pub(crate) struct FileLinks {
    key: Key,
}

/// What the query of an address says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Claim<'a> {
    pub(crate) expires: Option<u64>,
    pub(crate) signature: &'a str,
}

impl FileLinks {
    /// Under a key of their own, made of that of the tickets: no ticket is an address.
    pub(crate) fn new(key: &Key) -> Self {
        Self { key: blake3::derive_key("samewire: addresses of files, version 1", key) }
    }

    fn issue(&self, owner: &Owner, file: FileId, part: Option<&str>, now: u64, ttl: u64) -> FileLink {
        let expires = now.saturating_add(ttl).min(MAX_SAFE_INTEGER);
        let mac = self.mac(owner, file, part, now, expires).to_hex();
        let place = match part {
            Some(part) => format!("parts/{}", escaped(part)),
            None => "content".to_owned(),
        };
        FileLink { url: format!("/api/files/{file}/{place}?expires={expires}&signature={now:x}.{mac}"), expires }
    }

    /// When an address of this owner's file was made that is good now. `None` for every other.
    pub(crate) fn made(&self, claim: Claim<'_>, owner: &Owner, file: FileId, part: Option<&str>, now: u64) -> Option<u64> {
        let expires = claim.expires.filter(|expires| now < *expires)?;
        let (made, mac) = claim.signature.split_once('.')?;
        let made = u64::from_str_radix(made, 16).ok()?;
        // The comparison of two blake3 hashes takes the same time wherever they differ.
        let good = blake3::Hash::from_hex(mac).ok()? == self.mac(owner, file, part, made, expires);
        good.then_some(made)
    }

    fn mac(&self, owner: &Owner, file: FileId, part: Option<&str>, made: u64, expires: u64) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(&made.to_be_bytes()).update(&expires.to_be_bytes()).update(file.to_string().as_bytes());
        // The one before the last has its length before it, so that nothing can be moved from it to the last.
        hasher.update(&(owner.as_str().len() as u64).to_be_bytes()).update(owner.as_str().as_bytes());
        match part {
            Some(part) => hasher.update(b"/").update(part.as_bytes()),
            None => &mut hasher,
        };
        hasher.finalize()
    }
}

impl fmt::Debug for FileLinks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileLinks").finish_non_exhaustive()
    }
}

/// `files/link`.
pub(super) async fn link(
    State(links): State<FileLinks>,
    State(store): State<Store>,
    who: Identity,
    params: LinkParams,
) -> Result<FileLink, Failure> {
    let LinkParams { id, part, ttl } = params;
    let ttl = ttl.unwrap_or(HOUR);
    if ttl == 0 || ttl > LONGEST {
        return Err(Failure::new(Code::BadParams, format!("an address is good for 1 to {LONGEST} milliseconds")));
    }
    let part = part.as_deref();
    store.content(who.owner(), id, part).await?.ok_or_else(|| no_file(id, part))?;
    Ok(links.issue(who.owner(), id, part, now_ms(), ttl))
}

/// What the holder of an address has, for whoever asks what was revoked.
pub(crate) fn access(owner: &Owner, made: u64) -> Access {
    let mut access = Access::new(Identity::recorded(owner));
    access.issued = Some(made);
    access
}

/// Of addresses that are not good, nobody is told more.
pub(crate) fn refused() -> Failure {
    Failure::new(Code::Forbidden, "this address of a file is not good, or not any more; ask files/link for another one")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(url: &str) -> Claim<'_> {
        let query = url.split_once('?').expect("a query").1;
        let (expires, signature) = query.split_once('&').expect("two values");
        Claim {
            expires: expires.strip_prefix("expires=").and_then(|at| at.parse().ok()),
            signature: signature.strip_prefix("signature=").expect("a signature"),
        }
    }

    #[test]
    fn an_address_is_good_for_its_file_its_part_its_owner_and_its_time() {
        let links = FileLinks::new(&[7; 32]);
        let (owner, other) = (Owner::recorded("maria"), Owner::recorded("mari"));
        let (file, part) = (FileId::from_random([1; 16]), Some("poster"));
        let link = links.issue(&owner, file, part, 1_000, 500);
        assert!(link.url.starts_with(&format!("/api/files/{file}/parts/poster?expires=1500&signature=")), "{}", link.url);
        let good = claim(&link.url);
        assert_eq!(links.made(good, &owner, file, part, 1_499), Some(1_000));
        assert_eq!(links.made(good, &owner, file, part, 1_500), None, "too late");
        assert_eq!(links.made(good, &other, file, part, 1_000), None, "of another owner");
        assert_eq!(links.made(good, &owner, FileId::from_random([2; 16]), part, 1_000), None, "of another file");
        for elsewhere in [None, Some("video"), Some("")] {
            assert_eq!(links.made(good, &owner, file, elsewhere, 1_000), None, "of {elsewhere:?}");
        }
        assert_eq!(FileLinks::new(&[8; 32]).made(good, &owner, file, part, 1_000), None, "under another key");
        assert_eq!(links.made(Claim { expires: Some(9_999), ..good }, &owner, file, part, 1_000), None, "for longer");
        for at in 0..good.signature.len() {
            let mut forged = good.signature.to_owned().into_bytes();
            forged[at] = if forged[at] == b'0' { b'1' } else { b'0' };
            let forged = String::from_utf8(forged).expect("ASCII");
            assert_eq!(links.made(Claim { signature: &forged, ..good }, &owner, file, part, 1_000), None, "{forged}");
        }
        // Of what stands side by side, nothing can be moved across.
        let whole = links.issue(&Owner::recorded("maria/poster"), file, None, 1_000, 500);
        assert_eq!(links.made(claim(&whole.url), &owner, file, part, 1_000), None);
    }
}
