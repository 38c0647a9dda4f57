//! Credentials for TURN, against a real coturn: good for whom the server made them, while they last, and for nobody who changed them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use samewire_server::Config;
use samewire_server::auth::{Grants, Identity};
use samewire_server::config::Secret;
use samewire_server::live::Ice;
use samewire_tests::live::raw::Raw;
use samewire_tests::live::{Host, Turn, settings, token_with};
use serde_json::{Value, json};

const SECRET: &str = "a secret of the tests, shared with coturn";

fn config(turn: &Turn) -> Config {
    let mut config = settings();
    config.live.turn.urls = vec![turn.url()];
    config.live.turn.secret = Some(Secret::new(SECRET));
    config
}

/// The user name and password that were made at this time, in milliseconds since 1970-01-01 UTC.
fn credentials(config: &Config, user: &str, now_ms: u64) -> (String, String) {
    let ice = Ice::new(config).expect("a usable configuration");
    let made = ice.config(&"stage".parse().expect("a name"), &Identity::user(user).expect("a user"), now_ms);
    let server = made.ice_servers.first().expect("one server");
    let text = |part: &Option<Box<str>>| part.as_deref().expect("credentials").to_owned();
    (text(&server.username), text(&server.credential))
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    u64::try_from(since.as_millis()).expect("a time")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn coturn_takes_what_is_good_and_nothing_else() {
    let turn = Turn::start(SECRET).await;
    let config = config(&turn);
    let now = now_ms();
    let hour = 60 * 60 * 1_000;
    // Names that coturn itself would not take.
    for user in ["maria", "Robert'); union select \u{1F600}", &"\u{1F600}".repeat(128)] {
        let (username, credential) = credentials(&config, user, now);
        assert!(turn.relays_for(&username, &credential).await, "{user}: {username}");
    }
    let (username, credential) = credentials(&config, "maria", now);
    let (old, old_credential) = credentials(&config, "maria", now - hour - 2_000);
    assert!(!turn.relays_for(&old, &old_credential).await, "an hour and two seconds ago");
    assert!(!turn.relays_for(&username, &old_credential).await, "a new end for an old password");
    assert!(!turn.relays_for(&credentials(&config, "olga", now).0, &credential).await, "somebody else's");
    let mut other = config.clone();
    other.live.turn.secret = Some(Secret::new("another secret, as long as the first one"));
    let (username, credential) = credentials(&other, "maria", now);
    assert!(!turn.relays_for(&username, &credential).await, "under another secret");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_watches_gets_some_and_the_audience_none() {
    let turn = Turn::start(SECRET).await;
    let mut config = config(&turn);
    config.limits.heartbeat_interval = Duration::from_secs(600);
    let host = Host::start(config).await;
    let mut given = Vec::new();
    for role in ["broadcaster", "viewer", "audience"] {
        let grants = Grants::default().live("stage".parse().expect("a pattern"), role.parse().expect("a role"));
        let mut raw = Raw::session(host.addr(), Some(&token_with(role, grants))).await;
        raw.send(&json!({"type": "join", "room": "live:stage"})).await;
        let ice = raw.call(1, "live/ice", json!({"stream": "stage"})).await;
        if role == "audience" {
            assert_eq!(ice.expect_err("nothing to relay")["code"], "forbidden");
            continue;
        }
        let ice = ice.expect("servers");
        let expires = ice["expires_at"].as_u64().expect("an end");
        assert!((now_ms()..=now_ms() + 60 * 60 * 1_000).contains(&expires), "{ice}");
        let text = |part: &str| ice["ice_servers"][0][part].as_str().unwrap_or_default().to_owned();
        assert_eq!(ice["ice_servers"][0]["urls"], json!([turn.url()]));
        assert!(turn.relays_for(&text("username"), &text("credential")).await, "{ice}");
        given.push(ice["ice_servers"][0]["username"].clone());
    }
    assert_eq!(given.len(), 2, "{}", Value::from(given.clone()));
    assert_ne!(given[0], given[1], "each has credentials of its own");
}
