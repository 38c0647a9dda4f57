//! What peers need to find each other: the ICE servers of the configuration, with credentials for whoever asks.

mod turn;

use samewire_protocol::live::{IceConfig, IceServer, StreamName};

use crate::auth::Identity;
use crate::config::{Config, ConfigError, Secret};
use turn::{Credentials, TurnServer};

/// Answers with ICE servers. There is one for the whole server.
#[derive(Debug)]
pub struct Ice {
    fixed: Vec<IceServer>,
    turn: Option<TurnServer>,
    relay_only: bool,
}

impl Ice {
    /// Takes what the configuration says.
    ///
    /// # Errors
    /// The file with the secret cannot be read, or the secret is too short.
    pub fn new(config: &Config) -> Result<Self, ConfigError> {
        let live = &config.live;
        let fixed = live.ice_servers.iter().map(|server| IceServer {
            urls: boxed(&server.urls),
            username: server.username.as_deref().map(Box::from),
            credential: server.credential.as_ref().map(|credential| credential.reveal().into()),
        });
        let secret = config.turn_secret()?;
        Ok(Self {
            fixed: fixed.collect(),
            turn: secret.as_ref().map(|secret: &Secret| TurnServer::new(&live.turn, secret)),
            relay_only: live.relay_only,
        })
    }

    /// The servers for who has no peer connections yet: those that take anybody. Where others are held back, what is told here ended
    /// in 1970, so that whoever is let in asks again.
    #[must_use]
    pub fn without_credentials(&self) -> IceConfig {
        let (open, held): (Vec<_>, Vec<_>) = self.fixed.iter().cloned().partition(|server| server.credential.is_none());
        let end = (!held.is_empty() || self.turn.is_some()).then_some(0);
        IceConfig { ice_servers: open, expires_at: end, expires_in: end, relay_only: self.relay_only }
    }

    /// The servers for who starts or watches this stream, at this time in milliseconds since 1970-01-01 UTC.
    #[must_use]
    pub fn config(&self, stream: &StreamName, who: &Identity, now_ms: u64) -> IceConfig {
        let mut ice_servers = self.fixed.clone();
        let (mut expires_at, mut expires_in) = (None, None);
        if let Some(turn) = &self.turn {
            let Credentials { username, credential, expires } = turn.credentials(stream, who, now_ms);
            (expires_at, expires_in) = (Some(expires), Some(expires.saturating_sub(now_ms)));
            ice_servers.push(IceServer {
                urls: turn.urls.clone(),
                username: Some(username.into()),
                credential: Some(credential.into()),
            });
        }
        IceConfig { ice_servers, expires_at, expires_in, relay_only: self.relay_only }
    }
}

fn boxed(urls: &[String]) -> Vec<Box<str>> {
    urls.iter().map(|url| url.as_str().into()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn ice(text: &str) -> Ice {
        Ice::new(&Config::parse(text, []).expect("a configuration")).expect("usable")
    }

    fn told(text: &str) -> String {
        let ice = ice(text);
        assert!(!format!("{ice:?}").contains(SECRET));
        let config = ice.config(&"stage".parse().expect("a name"), &Identity::user("maria").expect("a user"), 1_000_500);
        serde_json::to_string(&config).expect("JSON")
    }

    #[test]
    fn everybody_hears_of_the_fixed_servers_and_each_gets_credentials_of_their_own() {
        assert_eq!(told(""), r#"{"ice_servers":[]}"#);
        let fixed = format!("[live]\nice_servers = ['stun:a', {{urls = 'turn:b', username = 'u', credential = '{SECRET}'}}]\n");
        let first =
            format!(r#"{{"ice_servers":[{{"urls":["stun:a"]}},{{"urls":["turn:b"],"username":"u","credential":"{SECRET}"}}"#);
        assert_eq!(told(&fixed), format!("{first}]}}"));
        let text = format!("{fixed}relay_only = true\n[live.turn]\nurls = 'turn:c'\nsecret = '{SECRET}'\nttl = '10m'");
        let all = told(&text);
        let last = all.strip_prefix(&format!(r#"{first},{{"urls":["turn:c"],"username":"1600:"#)).expect("the same at first");
        let end = r#""}],"expires_at":1600000,"expires_in":599500,"relay_only":true}"#;
        assert!(last.contains(r#"","credential":""#) && last.ends_with(end), "{last}");
    }

    #[test]
    fn who_is_no_peer_gets_no_password() {
        let told = |text: &str| serde_json::to_string(&ice(text).without_credentials()).expect("JSON");
        assert_eq!(told("[live]\nice_servers = ['stun:a']"), r#"{"ice_servers":[{"urls":["stun:a"]}]}"#);
        let held = r#"{"ice_servers":[{"urls":["stun:a"]}],"expires_at":0,"expires_in":0}"#;
        let fixed = format!("[live]\nice_servers = ['stun:a', {{urls = 'turn:b', username = 'u', credential = '{SECRET}'}}]");
        assert_eq!(told(&fixed), held);
        let turn = format!("[live]\nice_servers = ['stun:a']\n[live.turn]\nurls = 'turn:c'\nsecret = '{SECRET}'");
        assert_eq!(told(&turn), held);
    }
}
