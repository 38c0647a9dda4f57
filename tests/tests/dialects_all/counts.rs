//! How many a user may have, and what is counted of them.

use samewire_tests::live::raw::Raw;
use samewire_tests::live::until;
use serde_json::json;

use crate::client::{ALL, Client, Format, config, figure, host, token};

/// Of whatever format they are, they count together with those of SDKs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_connections_of_a_user_count_together() {
    let mut config = config();
    config.limits.max_sessions_per_user = ALL.len() + 1;
    let host = host(config).await;
    let session = Raw::session(host.addr(), Some(&token("ada"))).await;
    let mut clients = Vec::new();
    for format in ALL {
        clients.push(Client::enter(&host, format, "ada").await);
    }
    for format in ALL {
        assert!(!Client::dial(&host, format, Some(&token("ada"))).await.is_in().await, "{format:?}");
        Client::enter(&host, format, "bob").await.is_served().await;
    }
    let mut raw = Raw::connect(host.addr()).await;
    raw.send(&json!({"type": "hello", "token": token("ada")})).await;
    assert_eq!(raw.parting().await, ("too-many-sessions".into(), 1013));
    // Each that goes makes room for another, at once or soon.
    for format in ALL {
        clients.remove(0);
        until("there is room", || async { Client::dial(&host, format, Some(&token("ada"))).await.is_in().await }).await;
        clients.push(Client::enter_when_free(&host, format).await);
    }
    drop((clients, session));
    until("all are gone", || async { host.health().await.sessions <= 1 }).await;
}

impl Client {
    async fn enter_when_free(host: &samewire_tests::live::Host, format: Format) -> Self {
        loop {
            let mut client = Self::dial(host, format, Some(&token("ada"))).await;
            if client.is_in().await {
                return client;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_and_messages_are_counted_by_format() {
    const CLIENTS: usize = 7;
    const MESSAGES: u64 = 20;
    let host = host(config()).await;
    for format in ALL {
        let mut clients = Vec::new();
        for _ in 0..CLIENTS {
            clients.push(Client::enter(&host, format, "ada").await);
        }
        assert_eq!(figure(&host, "dialect_connections", format).await, CLIENTS as u64, "{format:?}");
        if let Some((question, answer)) = format.question() {
            let before = figure(&host, "dialect_messages_total", format).await;
            for _ in 0..MESSAGES {
                clients[0].say(question).await;
            }
            for _ in 0..MESSAGES {
                clients[0].expect(answer).await;
            }
            assert_eq!(figure(&host, "dialect_messages_total", format).await - before, MESSAGES, "{format:?}");
        }
        for other in ALL.into_iter().filter(|other| *other != format) {
            assert_eq!(figure(&host, "dialect_connections", other).await, 0, "{other:?} while there is {format:?}");
        }
        drop(clients);
        until("none is left", || async { figure(&host, "dialect_connections", format).await == 0 }).await;
    }
    until("no session is left", || async { host.health().await.sessions == 0 }).await;
}
