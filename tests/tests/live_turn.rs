//! Credentials for TURN, against a real coturn: made for who has peer connections, good while they last, and for nobody
//! who changed them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use samewire_server::Config;
use samewire_server::auth::{Grants, Identity};
use samewire_server::config::Secret;
use samewire_server::live::Ice;
use samewire_tests::live::raw::Raw;
use samewire_tests::live::{Host, Turn, settings, token_with};
use serde_json::json;

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
async fn who_has_peer_connections_gets_some_and_nobody_else() {
    let turn = Turn::start(SECRET).await;
    let mut config = config(&turn);
    config.limits.heartbeat_interval = Duration::from_secs(600);
    let host = Host::start(config).await;
    let mut members = Vec::new();
    for role in ["broadcaster", "viewer", "audience"] {
        members.push(member(&host, role).await);
    }
    let [maria, eve, pia] = members.as_mut_slice() else { panic!("three members") };
    let refused = pia.call(1, "live/ice", json!({"stream": "stage"})).await.expect_err("nothing to relay");
    assert_eq!(refused["code"], "forbidden");

    // Nobody has credentials for a stream that nobody has started: their number would be that of the names one can think of.
    let nothing = json!({"ice_servers": [], "expires_at": 0, "expires_in": 0});
    for member in [&mut *maria, &mut *eve] {
        assert_eq!(member.call(1, "live/ice", json!({"stream": "stage"})).await.expect("an answer"), nothing);
    }
    let waiting = eve.call(2, "live/watch", json!({"stream": "stage", "wait": true})).await.expect("it waits");
    assert_eq!((&waiting["waiting"], &waiting["ice"]), (&json!(true), &nothing));

    let started = maria.call(2, "live/start", json!({"stream": "stage"})).await.expect("may start");
    let let_in = eve.call(3, "live/ice", json!({"stream": "stage"})).await.expect("servers");
    let mut names = Vec::new();
    for ice in [&started["ice"], &let_in] {
        let expires = ice["expires_at"].as_u64().expect("an end");
        assert!((now_ms()..=now_ms() + 60 * 60 * 1_000).contains(&expires), "{ice}");
        let text = |part: &str| ice["ice_servers"][0][part].as_str().unwrap_or_default().to_owned();
        assert_eq!(ice["ice_servers"][0]["urls"], json!([turn.url()]));
        assert!(turn.relays_for(&text("username"), &text("credential")).await, "{ice}");
        names.push(text("username"));
    }
    assert_ne!(names[0], names[1], "each has credentials of its own");
    let watched = eve.call(4, "live/watch", json!({"stream": "stage"})).await.expect("it watches");
    assert_eq!(watched["ice"]["ice_servers"][0]["urls"], json!([turn.url()]));
    eve.call(5, "live/leave", json!({"stream": "stage"})).await.expect("it leaves");
    assert_eq!(eve.call(6, "live/ice", json!({"stream": "stage"})).await.expect("an answer"), nothing);
}

/// Somebody in the stream's room.
async fn member(host: &Host, role: &str) -> Raw {
    let grants = Grants::default().live("stage".parse().expect("a pattern"), role.parse().expect("a role"));
    let mut raw = Raw::session(host.addr(), Some(&token_with(role, grants))).await;
    raw.send(&json!({"type": "join", "room": "live:stage"})).await;
    raw
}
