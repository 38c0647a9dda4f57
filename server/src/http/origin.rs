//! Which pages may talk to the server. A request without an `Origin` does not come from a page.

use axum::http::{HeaderMap, Uri, header};
use samewire_protocol::{Code, Failure};

use crate::config::Config;

/// Whether the page that a request comes from may talk to this server.
pub(crate) fn allowed(config: &Config, headers: &HeaderMap) -> Result<(), Failure> {
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let refused = |origin: &str| {
        let origin: String = origin.chars().take(128).collect();
        Failure::new(Code::OriginRefused, format!("pages of {origin:?} may not connect; the operator can add it to `origins`"))
    };
    let Ok(origin) = origin.to_str() else { return Err(refused("an origin that is not text")) };
    if config.origins.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin)) {
        return Ok(());
    }
    // `null` and what is not a URL name no host, so they are never the server's own.
    let Some(authority) = origin.parse::<Uri>().ok().and_then(|uri| uri.authority().cloned()) else {
        return Err(refused(origin));
    };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    if host.is_some_and(|host| host.eq_ignore_ascii_case(authority.as_str())) {
        return Ok(());
    }
    if config.dev && matches!(authority.host(), "localhost" | "127.0.0.1" | "[::1]") {
        return Ok(());
    }
    Err(refused(origin))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(config: &Config, origin: Option<&'static str>) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, "app.example.com:8443".parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        allowed(config, &headers).is_ok()
    }

    #[test]
    fn own_host_and_the_list_pass() {
        let config = Config { origins: vec!["https://other.example.com".into()], ..Config::default() };
        for origin in [None, Some("https://app.example.com:8443"), Some("https://other.example.com")] {
            assert!(check(&config, origin), "{origin:?}");
        }
        for origin in [
            "https://app.example.com",
            "https://evil.example",
            "null",
            "http://localhost:8443",
            "https://other.example.com.evil",
        ] {
            assert!(!check(&config, Some(origin)), "{origin}");
        }
    }

    #[test]
    fn development_takes_loopback() {
        let config = Config { dev: true, ..Config::default() };
        assert!(check(&config, Some("http://localhost:5173")) && check(&config, Some("http://127.0.0.1:3000")));
        assert!(!check(&config, Some("http://localhost.evil.example")));
    }
}
