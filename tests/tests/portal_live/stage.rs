//! A server, and people who have a library on it.

use std::time::Duration;

use samewire_server::Config;
use samewire_tests::live::http::{self, Answer};
use samewire_tests::live::{Host, settings, token};
use serde_json::{Value, json};

/// A server with a library: olga owns it, edgar edits, vera and viktor view. Mallory has nothing to do with it.
pub(crate) struct Stage {
    pub(crate) host: Host,
    pub(crate) library: u64,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::with(settings()).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        // Those who speak by hand do not answer pings.
        Self::patient(config, Duration::from_secs(600)).await
    }

    /// The same with a server that asks whoever was silent for so long whether they are there, and gives them as long to answer.
    pub(crate) async fn patient(mut config: Config, patience: Duration) -> Self {
        config.limits.heartbeat_interval = patience;
        config.limits.heartbeat_timeout = patience;
        let mut stage = Self { host: Host::start(config).await, library: 0 };
        let library = stage.ok("olga", "POST", "/api/libraries", json!({"name": "Campaign"})).await;
        stage.library = library["id"].as_u64().expect("a number");
        for (user, role) in [("edgar", "EDITOR"), ("vera", "VIEWER"), ("viktor", "VIEWER")] {
            stage.set_role(user, role).await;
        }
        stage
    }

    pub(crate) async fn set_role(&self, user: &str, role: &str) {
        self.ok("olga", "PUT", &self.member(user), json!({"role": role})).await;
    }

    pub(crate) fn member(&self, user: &str) -> String {
        format!("/api/libraries/{}/members/{user}", self.library)
    }

    /// Makes a view of three items, and answers with its number.
    pub(crate) async fn view(&self) -> u64 {
        let items = json!([{"title": "Dragon", "health": 100}, {"title": "Goblin", "health": 20}, {"title": "Bridge"}]);
        let path = format!("/api/libraries/{}/portal-views", self.library);
        let new = json!({"name": "Session 3", "currentItem": 1, "settings": {"grid": {"size": 5}}, "items": items});
        self.ok("olga", "POST", &path, new).await["id"].as_u64().expect("a number")
    }

    pub(crate) fn request(&self, user: &str, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = method.parse().expect("a method");
        http::requests().request(method, format!("{}{path}", self.host.url())).bearer_auth(token(user))
    }

    /// What the user gets; a body that is null is none.
    pub(crate) async fn ask(&self, user: &str, method: &str, path: &str, body: Value) -> Answer {
        let request = self.request(user, method, path);
        http::send(if body.is_null() { request } else { request.body(body.to_string()) }).await
    }

    /// The same where it must succeed.
    pub(crate) async fn ok(&self, user: &str, method: &str, path: &str, body: Value) -> Value {
        let answer = self.ask(user, method, path, body).await;
        assert!((200..300).contains(&answer.status), "{user}: {method} {path}: {answer:?}");
        answer.json()
    }

    /// The status and the code where it must not.
    pub(crate) async fn refused(&self, user: &str, method: &str, path: &str, body: Value) -> (u16, String) {
        let answer = self.ask(user, method, path, body).await;
        (answer.status, answer.problem())
    }
}
