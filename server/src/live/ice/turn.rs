//! Credentials for a TURN server, made without asking it: coturn's scheme (`use-auth-secret`), as published in
//! draft-uberti-behave-turn-rest-00.
//!
//! The user name is the time when it ends, in seconds since 1970, a colon, and whom it is for; the password is
//! base64(HMAC-SHA1(secret, user name)). Whom it is for is told by digests: a TURN server takes no spaces and no quotes, a name goes over
//! the network in the clear, and has less than 513 bytes there. Under the same secret they are the same every time, so the server counts the
//! allocations of one identity for one stream together.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use samewire_protocol::live::StreamName;

use crate::auth::Identity;
use crate::config::{Secret, Turn};

/// What the digests of names are keyed with comes from the secret, for this and nothing else.
const NAMING: &str = "samewire: names in TURN credentials, version 1";

/// Makes credentials for one TURN server.
pub(super) struct TurnServer {
    pub(super) urls: Vec<Box<str>>,
    /// How long they are good, in seconds.
    ttl: u64,
    key: hmac::Key,
    naming: [u8; 32],
}

/// What lets somebody use the TURN server for a while.
#[derive(PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) username: String,
    pub(super) credential: String,
    /// In milliseconds since 1970-01-01 UTC.
    pub(super) expires: u64,
}

impl TurnServer {
    pub(super) fn new(config: &Turn, secret: &Secret) -> Self {
        let secret = secret.reveal().as_bytes();
        Self {
            urls: super::boxed(&config.urls),
            ttl: config.ttl.as_secs(),
            key: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret),
            naming: blake3::derive_key(NAMING, secret),
        }
    }

    pub(super) fn credentials(&self, stream: &StreamName, who: &Identity, now_ms: u64) -> Credentials {
        let expires = (now_ms / 1_000).saturating_add(self.ttl);
        let (identity, channel) = (self.name("identity", who.id()), self.name("stream", stream.as_str()));
        tracing::debug!(identity = who.id(), %stream, turn = %format_args!("{identity}.{channel}"), "TURN credentials were made");
        let username = format!("{expires}:{identity}.{channel}");
        let credential = self.password(&username);
        Credentials { username, credential, expires: expires.saturating_mul(1_000) }
    }

    fn password(&self, username: &str) -> String {
        STANDARD.encode(hmac::sign(&self.key, username.as_bytes()))
    }

    /// Sixteen digits that stand for a name.
    fn name(&self, what: &str, name: &str) -> String {
        let mut hasher = blake3::Hasher::new_keyed(&self.naming);
        // A name has no zero byte, and what it is of is one of two words.
        let digest = hasher.update(what.as_bytes()).update(&[0]).update(name.as_bytes()).finalize();
        let mut digits = digest.to_hex().to_string();
        digits.truncate(16);
        digits
    }
}

impl fmt::Debug for TurnServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TurnServer").field("urls", &self.urls).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn server(secret: &str) -> TurnServer {
        let config = Turn { urls: vec!["turn:a.example".into()], ttl: Duration::from_secs(3600), ..Turn::default() };
        TurnServer::new(&config, &Secret::new(secret))
    }

    fn stream(name: &str) -> StreamName {
        name.parse().expect("a stream's name")
    }

    fn user(id: &str) -> Identity {
        Identity::user(id).expect("a user's id")
    }

    /// The first two were computed by `printf %s "$USERNAME" | openssl dgst -sha1 -hmac "$SECRET" -binary | base64`, the third is
    /// RFC 2202, section 3, test case 2.
    #[test]
    fn passwords_are_those_of_the_published_scheme() {
        for (secret, username, password) in [
            (SECRET, "1700003600:maria.stage-1", "IX2qlAxtnZfNYl8qCumgU3YnNWA="),
            (SECRET, "12334939:mbzrxpgjys", "4EfSSJP2bOX5IM/T+lS6BUsINSM="),
            ("Jefe", "what do ya want for nothing?", "7/zfauXrL6LSdBbV8YTfnCWafHk="),
        ] {
            assert_eq!(server(secret).password(username), password, "{username}");
        }
    }

    #[test]
    fn the_name_tells_the_end_and_stands_for_identity_and_stream() {
        let server = server(SECRET);
        let made = |name: &str, id: &str, now: u64| server.credentials(&stream(name), &user(id), now);
        let Credentials { username, credential, expires } = made("stage-1", "Maria O'Neill \u{1F600}", 1_700_000_000_999);
        assert_eq!(expires, 1_700_003_600_000);
        let name = username.strip_prefix("1700003600:").expect("the end comes first");
        assert!(name.len() == 33 && name.bytes().all(|byte| byte == b'.' || byte.is_ascii_hexdigit()), "{name}");
        assert_eq!(credential, server.password(&username));

        let of = |username: &str| username.split_once(':').expect("a colon").1.to_owned();
        assert_eq!(of(&made("stage-1", "Maria O'Neill \u{1F600}", 1_800_000_000_000).username), name, "the same later");
        let (elsewhere, other) =
            (of(&made("stage-2", "Maria O'Neill \u{1F600}", 0).username), of(&made("stage-1", "olga", 0).username));
        assert_eq!((&elsewhere[..17], &other[16..]), (&name[..17], &name[16..]), "each half stands for one of both");
        assert!(elsewhere != name && other != name && elsewhere[17..] != other[..16]);
        assert_ne!(
            of(&super::tests::server("another secret of thirty-two bytes")
                .credentials(&stream("stage-1"), &user("olga"), 0)
                .username),
            other
        );
        // A stream and an identity of the same name are not told alike.
        let alike = of(&made("olga", "olga", 0).username);
        assert_ne!(alike[..16], alike[17..]);
    }

    #[test]
    fn nothing_of_the_secret_is_shown() {
        assert!(!format!("{:?}", server(SECRET)).contains(SECRET));
    }
}
