//! What peer connections are made with.

use serde::{Deserialize, Serialize};

/// The servers that help two ends to reach each other, as a client hands them to its peer connections.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IceConfig {
    /// The servers. Empty: both ends are in one network.
    #[serde(default)]
    pub ice_servers: Vec<IceServer>,
    /// Until when the credentials hold, in milliseconds since 1970-01-01 UTC. None: for good. 0 for who has no peer connections yet, where
    /// there are more servers for who has: whoever is let in asks again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<u64>,
    /// For how long they hold from the answer on, in milliseconds: whose clock is wrong counts by this. None: for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<u64>,
    /// Whether only relayed paths are to be used.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub relay_only: bool,
}

/// One of them, as `RTCIceServer` has it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IceServer {
    /// Its addresses: `stun:`, `turn:` or `turns:` (RFC 7064, RFC 7065).
    pub urls: Vec<Box<str>>,
    /// Who asks, at a TURN server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<Box<str>>,
    /// The password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<Box<str>>,
}

impl std::fmt::Debug for IceServer {
    /// Without the password, which is not to come into a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IceServer").field("urls", &self.urls).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "1700003600:0f1e2d3c4b5a6978.8796a5b4c3d2e1f0";

    #[test]
    fn ice_servers_are_as_browsers_take_them_and_their_passwords_are_not_logged() {
        let server = IceServer {
            urls: vec!["turn:turn.example.com".into()],
            username: Some(NAME.into()),
            credential: Some("secret".into()),
        };
        assert!(!format!("{server:?}").contains("secret"));
        let config = IceConfig { ice_servers: vec![server], expires_at: Some(5), expires_in: Some(4), relay_only: false };
        let server = format!(r#"{{"urls":["turn:turn.example.com"],"username":"{NAME}","credential":"secret"}}"#);
        let told = format!(r#"{{"ice_servers":[{server}],"expires_at":5,"expires_in":4}}"#);
        assert_eq!(serde_json::to_string(&config).unwrap(), told);
    }
}
