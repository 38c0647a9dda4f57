//! Keys with which other servers call this one.

use std::fmt;
use std::sync::Arc;

use samewire_protocol::{Code, Failure};

use crate::config::Secret;

/// The keys of the configuration. Kept as digests: they have one length, and their comparison takes the same time wherever they
/// differ.
pub(crate) struct ApiKeys(Vec<(Arc<str>, blake3::Hash)>);

impl ApiKeys {
    pub(crate) fn new(keys: impl IntoIterator<Item = (String, Secret)>) -> Self {
        Self(keys.into_iter().map(|(name, key)| (name.into(), blake3::hash(key.reveal().as_bytes()))).collect())
    }

    /// Whose key it is.
    pub(crate) fn verify(&self, presented: Option<&str>) -> Result<Arc<str>, Failure> {
        let told = "this address is for servers: send the header `Authorization: Bearer KEY` with a key of the configuration's api_keys";
        let presented = presented.ok_or_else(|| Failure::new(Code::Unauthenticated, told))?;
        let digest = blake3::hash(presented.as_bytes());
        // All of them are looked at, whichever it is.
        let found = self.0.iter().fold(None, |found, (name, key)| if *key == digest { Some(name) } else { found });
        found.cloned().ok_or_else(|| Failure::new(Code::TokenInvalid, "this is none of the server's API keys"))
    }
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_its_name_and_nothing_else_is_a_key() {
        let key = |end: char| format!("0123456789abcdef0123456789abcde{end}");
        let keys = ApiKeys::new([("shop".to_owned(), Secret::new(key('f'))), ("crm".to_owned(), Secret::new(key('0')))]);
        assert_eq!(keys.verify(Some(&key('f'))).as_deref(), Ok("shop"));
        assert_eq!(keys.verify(Some(&key('0'))).as_deref(), Ok("crm"));
        assert_eq!(keys.verify(None).expect_err("no key").code, Code::Unauthenticated);
        for wrong in ["", "shop", &key('1'), &key('f')[1..], &format!("{} ", key('f'))] {
            assert_eq!(keys.verify(Some(wrong)).expect_err("no key").code, Code::TokenInvalid, "{wrong}");
        }
        assert!(!format!("{keys:?}").contains("0123"));
        assert!(ApiKeys::new([]).verify(Some("")).is_err());
    }
}
