//! What cannot be right in a configuration, before a server runs on it.

use samewire_protocol::limits::{MAX_CHUNK, MAX_SAFE_INTEGER};

use super::{Config, ConfigError};

impl Config {
    /// Says what is wrong and what to do about it.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), ConfigError> {
        let limits = &self.limits;
        let streams = &self.streams;
        let wrong = |told: &str| Err(ConfigError(told.to_owned()));
        self.check_auth()?;
        self.check_jobs()?;
        self.check_live()?;
        if let Some(origin) = self.origins.iter().find(|origin| !is_origin(origin)) {
            return wrong(&format!(
                "origins: `{origin}` is not an origin; write it as https://app.example.com, without a path"
            ));
        }
        if self.dev && !self.listen.ip().is_loopback() {
            tracing::warn!(listen = %self.listen, "dev mode lets everybody in, and this address is not only for this machine");
        }
        if limits.max_chunk == 0 || limits.max_chunk > MAX_CHUNK as u64 {
            return wrong("limits.max_chunk must be from 1 to 64 KiB");
        }
        if limits.window < limits.max_chunk {
            return wrong("limits.window must be at least limits.max_chunk, or no frame would fit in it");
        }
        for (name, value) in [
            ("limits.max_upload", limits.max_upload),
            ("streams.quota", streams.quota),
            ("streams.anonymous_quota", streams.anonymous_quota),
        ] {
            if value > MAX_SAFE_INTEGER {
                return wrong(&format!("{name} must be below 8192 TiB, the largest number that JavaScript holds exactly"));
            }
        }
        if streams.memory == 0 {
            return wrong("streams.memory must be at least 1: it is divided among the streams that are being sent");
        }
        if limits.max_text < 16 * 1024 {
            return wrong("limits.max_text must be at least 16 KiB, so that a hello with its token fits");
        }
        for (name, value) in [
            ("limits.max_calls", limits.max_calls),
            ("limits.max_streams", limits.max_streams),
            ("limits.max_sessions", limits.max_sessions),
            ("limits.max_sessions_per_user", limits.max_sessions_per_user),
        ] {
            if value == 0 {
                return wrong(&format!("{name} must be at least 1"));
            }
        }
        for (name, value) in [
            ("limits.hello_timeout", limits.hello_timeout),
            ("dialects.metacom.sign_in_timeout", self.dialects.metacom.sign_in_timeout),
            ("limits.heartbeat_interval", limits.heartbeat_interval),
            ("limits.heartbeat_timeout", limits.heartbeat_timeout),
            ("streams.idle_ttl", streams.idle_ttl),
            ("streams.absolute_ttl", streams.absolute_ttl),
            ("streams.sweep_every", streams.sweep_every),
            ("uploads.stall", self.uploads.stall),
        ] {
            if value.is_zero() {
                return wrong(&format!("{name} must be longer than nothing"));
            }
        }
        if let Err(told) = self.rooms.kinds.check() {
            return wrong(&told);
        }
        super::media::check(&self.video, &self.image)?;
        if streams.idle_ttl < limits.session_ttl {
            return wrong(
                "streams.idle_ttl must be at least limits.session_ttl, or a session would come back without its streams",
            );
        }
        Ok(())
    }
}

fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ', '*']))
}
