//! How connections end that nobody asked to end.

use std::time::Duration;

use samewire_tests::live::http::{requests, send};
use samewire_tests::live::raw::Raw;
use samewire_tests::live::{until, within};
use serde_json::json;

use crate::client::{ALL, API_KEY, Client, Format, config, figure, host, token};

/// Clients of Socket.IO are told in packets of their own, and their WebSocket then has a close code of the library's, or none.
fn is_end(format: Format, code: u16, expected: u16) -> bool {
    code == expected || (format == Format::SocketIo && matches!(code, 1000 | 1005 | 1006))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_ends_what_a_user_has_in_every_format_and_nothing_else() {
    let host = host(config()).await;
    let (mut theirs, mut others, pass) = (Vec::new(), Vec::new(), token("bob"));
    for format in ALL {
        let mut client = Client::dial(&host, format, Some(&pass)).await;
        assert!(client.is_in().await, "{format:?}");
        theirs.push(client);
        others.push(Client::enter(&host, format, "ada").await);
    }
    let mut session = Raw::session(host.addr(), Some(&token("bob"))).await;
    let revoke = requests().post(format!("{}/api/revocations", host.url())).bearer_auth(API_KEY);
    let revoked = send(revoke.body(json!({"user": "bob"}).to_string())).await.json();
    assert_eq!(revoked, json!({"sessions": ALL.len() + 1}));
    for client in &mut theirs {
        let code = client.end().await;
        assert!(is_end(client.format, code, 1008), "{:?}: {code}", client.format);
    }
    assert_eq!(session.parting().await.0, "token-revoked");
    for client in &mut others {
        client.is_served().await;
    }
    for format in ALL {
        // A token of later is another matter.
        assert!(!Client::dial(&host, format, Some(&pass)).await.is_in().await, "{format:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_tells_all_and_waits_for_none() {
    let mut host = host(config()).await;
    let mut clients = Vec::new();
    for format in ALL {
        clients.push(Client::enter(&host, format, "ada").await);
        // One that never reads again.
        std::mem::forget(Client::enter(&host, format, "bob").await);
    }
    let telling = async {
        for client in &mut clients {
            let code = client.end().await;
            assert!(is_end(client.format, code, 1012), "{:?}: {code}", client.format);
        }
    };
    within("the server to stop", async { tokio::join!(host.stop(), telling) }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_silent_is_given_up_in_every_format() {
    let mut config = config();
    config.limits.heartbeat_interval = Duration::from_millis(200);
    config.limits.heartbeat_timeout = Duration::from_millis(200);
    let host = host(config).await;
    for format in ALL {
        // It answers no pings.
        let silent = Client::enter(&host, format, "ada").await;
        until(&format!("{format:?} is gone"), || async { figure(&host, "dialect_connections", format).await == 0 }).await;
        until(&format!("{format:?} has no session"), || async { host.health().await.sessions == 0 }).await;
        drop(silent);
    }
}
