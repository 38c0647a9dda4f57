//! A server that is attacked, and somebody who uses it meanwhile.

use std::time::Duration;

use samewire_server::Config;
use samewire_tests::live::raw::Raw;
use samewire_tests::live::{Host, PATIENCE, settings, token, until, wait_for_blobs};
use serde_json::json;

/// What one user may store.
pub(crate) const QUOTA: u64 = 8 * 1024 * 1024;

/// A server, and a session that has nothing to do with the attack.
pub(crate) struct Ward {
    pub(crate) host: Host,
    bystander: Raw,
    calls: u64,
}

/// A configuration with small limits. Nothing that is left behind expires while a test runs, however busy the machine is.
pub(crate) fn limits() -> Config {
    let mut config = settings();
    config.limits.max_text = 64 * 1024;
    config.limits.window = 256 * 1024;
    config.limits.max_upload = 4 * 1024 * 1024;
    config.limits.session_ttl = PATIENCE;
    config.streams.idle_ttl = PATIENCE;
    config.streams.quota = QUOTA;
    config.streams.anonymous_quota = QUOTA;
    config
}

/// The same for tests that leave something behind and do not come back for it: it expires at once.
pub(crate) fn forgetful() -> Config {
    let mut config = limits();
    config.limits.session_ttl = Duration::from_millis(100);
    config.streams.idle_ttl = Duration::from_millis(150);
    config
}

impl Ward {
    pub(crate) async fn new() -> Self {
        Self::with(limits()).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        Self::with_token(config, &token("bystander")).await
    }

    pub(crate) async fn with_token(config: Config, token: &str) -> Self {
        let host = Host::start(config).await;
        let bystander = Raw::session(host.addr(), Some(token)).await;
        Self { host, bystander, calls: 0 }
    }

    /// A session of the attacker's.
    pub(crate) async fn attacker(&self) -> Raw {
        Raw::session(self.host.addr(), Some(&token("mallory"))).await
    }

    /// The server answers others as ever, over the connection that they have.
    pub(crate) async fn goes_on(&mut self, after: &str) {
        self.calls += 1;
        let answer = self.bystander.call(self.calls, "system/echo", json!([after])).await;
        assert_eq!(answer, Ok(json!([after])), "after {after}");
    }

    /// Waits until the server has seen the end of every session but the bystander's.
    pub(crate) async fn alone(&self) {
        until("only the bystander's session is there", || async { self.host.health().await.sessions == 1 }).await;
    }

    /// Once the attacker is away and what he left has expired: no stream, no byte, and all of the quota.
    pub(crate) async fn nothing_is_left(mut self) {
        self.goes_on("all of it").await;
        self.alone().await;
        until("no stream is under way", || async { self.host.health().await.streams == 0 }).await;
        wait_for_blobs(self.host.data(), 0).await;
        let mut attacker = self.attacker().await;
        attacker.call(1, "files/list", json!({})).await.map(|list| assert_eq!(list["files"], json!([]))).expect("a list");
        // Two streams of the largest size fill the quota to the last byte.
        for stream in [1, 3] {
            attacker.open(stream, &format!("st_{stream:032x}"), Some(QUOTA / 2)).await;
        }
        attacker.close(1000).await;
        self.goes_on("the end").await;
    }
}
