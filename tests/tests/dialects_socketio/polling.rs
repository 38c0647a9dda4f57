//! Long polling, and the change from it to a WebSocket: forged, half open, and out of turn.

use std::time::Duration;

use samewire_tests::live::raw::Raw;
use samewire_tests::live::{Host, http, token, until, within};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::stage::{Bystander, Client, HERE, Poller, SOCKET, address, connections, sessions_are, settings, store, subscribe};

/// The code of Engine.IO in an answer.
async fn refused(request: reqwest::RequestBuilder) -> (u16, u64) {
    let answer = http::send(request).await;
    (answer.status, answer.json()["code"].as_u64().unwrap_or(u64::MAX))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_are_not_of_a_client_are_refused() {
    let host = Host::start(settings()).await;
    let mut bystander = Bystander::new(&host).await;
    let http = http::requests();
    let at = |query: &str| format!("{}/socket.io/{query}", host.url());
    for (query, code) in [
        ("", 5),
        ("?transport=polling", 5),
        ("?EIO=3&transport=polling", 5),
        ("?EIO=5&transport=polling", 5),
        ("?EIO=4", 0),
        ("?EIO=4&transport=flashsocket", 0),
        ("?EIO=4&transport=websocket", 3),
        ("?EIO=4&transport=polling&sid=", 1),
        ("?EIO=4&transport=polling&sid=../../../../etc", 1),
        ("?EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAA", 1),
        ("?EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAA%00", 1),
        ("?EIO=4&EIO=4&transport=polling", 3),
    ] {
        assert_eq!(refused(http.get(at(query))).await, (400, code), "{query}");
    }
    for sid in ["AAAAAAAAAAAAAAAA", "x"] {
        let forged = address(&host, Some(sid));
        assert_eq!(refused(http.post(&forged).body(format!("42{HERE},[\"a\"]"))).await, (400, 1));
        let socket = format!("{SOCKET}&sid={sid}");
        let refusal = Raw::dial_at(host.addr(), &socket, &[]).await.expect_err("a forgery");
        assert_eq!((refusal.status, &refusal.body["code"]), (400, &json!(1)));
    }
    assert_eq!(refused(http.post(address(&host, None)).body("40")).await, (400, 2));
    assert_eq!(refused(http.delete(address(&host, None))).await, (400, 2));
    bystander.is_well(&host).await;
    assert_eq!(connections(&host).await, Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_are_no_packets_end_their_own_client() {
    let mut config = settings();
    config.limits.max_text = 16 * 1024;
    let host = Host::start(config).await;
    let mut bystander = Bystander::new(&host).await;
    for (body, statuses) in [
        ("x".to_owned(), 400..=400),
        ("4\u{1e}x".to_owned(), 200..=400),
        ("b!!!".to_owned(), 400..=400),
        (format!("42{HERE},[1]"), 200..=200),
        ("4".repeat(20_000), 413..=413),
    ] {
        let poller = Poller::enter(&host, "mallory").await;
        let posted = poller.post(body.clone()).await;
        assert!(statuses.contains(&posted.status), "{body}: {posted:?}");
        until("the client is gone", || async { poller.poll().await.status == 400 }).await;
    }
    bystander.is_well(&host).await;
    sessions_are(&host, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_packets_in_one_body_are_heard_in_their_order() {
    let host = Host::start(settings()).await;
    let poller = Poller::enter(&host, "ada").await;
    let body: Vec<_> = (0..2_000).map(|n| subscribe("fi_x", &n.to_string())).collect();
    assert_eq!(poller.post(body.join("\u{1e}")).await.status, 200);
    let mut answered = Vec::new();
    while answered.len() < 2_000 {
        let told = poller.poll().await;
        assert_eq!(told.status, 200);
        let numbers =
            told.text.split('\u{1e}').map(|text| text.strip_prefix("43/file-processing,").expect("an answer").to_owned());
        answered.extend(numbers.map(|text| text.split('[').next().and_then(|n| n.parse::<usize>().ok()).expect("a number")));
    }
    assert_eq!(answered, (0..2_000).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_twice_at_a_time_is_given_up() {
    let host = Host::start(settings()).await;
    let poller = Poller::enter(&host, "ada").await;
    let (first, second) = tokio::join!(poller.poll(), poller.poll());
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400], "one is told that it is over, the other that it should not have asked");
    assert_eq!(poller.poll().await.status, 400);
    sessions_are(&host, 0).await;
}

/// The beginning of a request with a body that does not come.
async fn half(host: &Host, poller: &Poller) -> TcpStream {
    let mut socket = TcpStream::connect(host.addr()).await.expect("a connection");
    let head = format!(
        "POST /socket.io/?EIO=4&transport=polling&sid={} HTTP/1.1\r\nHost: {}\r\nContent-Length: 100\r\n\r\n4",
        poller.sid,
        host.addr()
    );
    socket.write_all(head.as_bytes()).await.expect("sent");
    socket
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_does_not_come_blocks_its_own_client_and_not_for_ever() {
    let mut config = settings();
    config.limits.hello_timeout = Duration::from_secs(2);
    let host = Host::start(config).await;
    let mut bystander = Bystander::new(&host).await;
    let poller = Poller::enter(&host, "mallory").await;
    let mut socket = half(&host, &poller).await;
    until("another body is out of turn", || async {
        poller.post("6").await.json()["code"] == 3 || poller.poll().await.status == 400
    })
    .await;
    let mut answer = Vec::new();
    let _ = within("an answer", socket.read_to_end(&mut answer)).await;
    assert!(answer.starts_with(b"HTTP/1.1 400"), "{}", String::from_utf8_lossy(&answer));
    until("the client is gone", || async { poller.poll().await.status == 400 }).await;
    bystander.is_well(&host).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_body_that_broke_off_the_next_is_taken() {
    let host = Host::start(settings()).await;
    let poller = Poller::enter(&host, "ada").await;
    drop(half(&host, &poller).await);
    let file = store(&host, "ada").await;
    until("the next is taken", || async { matches!(poller.post(subscribe(&file, "")).await.status, 200 | 400) }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_never_comes_in_leaves_again_and_its_place_is_free() {
    let mut config = settings();
    config.limits.hello_timeout = Duration::from_secs(2);
    config.limits.max_sessions = 4;
    let host = Host::start(config).await;
    let mut open = Vec::new();
    let mut sockets = Vec::new();
    for _ in 0..2 {
        open.push(Poller::open(&host).await);
        sockets.push(Client::open(&host).await);
    }
    let full = http::send(http::requests().get(address(&host, None))).await;
    // One of them may have left by now.
    assert!(full.status == 503 && full.json()["code"] == 3 || full.status == 200, "{full:?}");
    for socket in sockets {
        socket.ends().await;
    }
    until("they are gone", || async { connections(&host).await == Some(0) }).await;
    assert_eq!(open[0].poll().await.status, 400);
    Client::enter(&host, "ada").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_are_only_so_many_places() {
    let mut config = settings();
    config.limits.max_sessions = 2;
    let host = Host::start(config).await;
    let (one, two) = (Client::enter(&host, "ada").await, Client::enter(&host, "ada").await);
    assert_eq!(refused(http::requests().get(address(&host, None))).await, (503, 3));
    let refusal = Raw::dial_at(host.addr(), SOCKET, &[]).await.expect_err("no place");
    assert_eq!(refusal.status, 503);
    drop((one, two));
    until("there is a place", || async { Raw::dial_at(host.addr(), SOCKET, &[]).await.is_ok() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_refused_may_try_again_over_the_same_connection() {
    let host = Host::start(settings()).await;
    let poller = Poller::open(&host).await;
    poller.post(format!("40{HERE},{}", json!({"token": "forged"}))).await;
    poller.until(|text| text.starts_with("44/file-processing,").then_some(())).await;
    poller.post(format!("40{HERE},{}", json!({"token": token("ada")}))).await;
    poller.until(|text| text.starts_with("40/file-processing,").then_some(())).await;
}
