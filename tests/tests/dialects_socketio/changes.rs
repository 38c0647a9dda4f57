//! The change from long polling to a WebSocket: nothing is lost or told twice, whatever becomes of the WebSocket.

use std::time::Duration;

use samewire_tests::live::raw::{Heard, Raw, opcode};
use samewire_tests::live::{Host, until};
use tokio::sync::Mutex;

use crate::stage::{Bystander, Client, Poller, SOCKET, progress, read, sessions_are, settings, store, subscribe};

/// A WebSocket of somebody who polls.
async fn upgrade(host: &Host, poller: &Poller) -> Option<Raw> {
    Raw::dial_at(host.addr(), &format!("{SOCKET}&sid={}", poller.sid), &[]).await.ok()
}

fn numbers(packets: &str) -> impl Iterator<Item = u64> + '_ {
    packets.split('\u{1e}').filter_map(read).filter_map(|(_, says)| says["progress"].as_u64())
}

/// Somebody who polls and watches a file, and what it heard of it.
struct Watcher {
    file: String,
    poller: Poller,
    heard: Vec<u64>,
    told: u64,
}

impl Watcher {
    async fn new(host: &Host) -> Self {
        let (file, poller) = (store(host, "ada").await, Poller::enter(host, "ada").await);
        poller.watch(&file).await;
        Self { file, poller, heard: Vec::new(), told: 0 }
    }

    async fn tell(&mut self, host: &Host, count: u64) {
        for n in self.told..self.told + count {
            progress(host, &self.file, usize::try_from(n).expect("a small number")).await;
        }
        self.told += count;
    }

    /// Polls until it has heard all that it was told, each once and in order.
    async fn hears_all(&mut self) {
        while self.heard.len() < usize::try_from(self.told).expect("a small number") {
            let told = self.poller.poll().await;
            assert_eq!(told.status, 200, "{told:?}");
            self.heard.extend(numbers(&told.text));
        }
        assert!(self.heard.iter().copied().eq(0..self.told), "{:?}", self.heard);
    }

    /// The same over a WebSocket.
    async fn goes_on(&mut self, mut client: Client) {
        while self.heard.len() < usize::try_from(self.told).expect("a small number") {
            self.heard.push(client.progress().await);
        }
        assert!(self.heard.iter().copied().eq(0..self.told), "{:?}", self.heard);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_turned_round_while_the_transport_changes() {
    let host = Host::start(settings()).await;
    let mut watcher = Watcher::new(&host).await;
    watcher.tell(&host, 100).await;
    let mut client = Client { raw: upgrade(&host, &watcher.poller).await.expect("a handshake") };
    watcher.hears_all().await;
    client.say("2probe").await;
    assert_eq!(client.hear().await.as_deref(), Some("3probe"));
    // The client may never hear that its WebSocket works, so that what it polls for still comes.
    watcher.tell(&host, 100).await;
    watcher.hears_all().await;
    // Where there is nothing, the answer ends the request that the client waits for before it goes on over the WebSocket.
    assert_eq!(watcher.poller.poll().await.text, "6");
    watcher.tell(&host, 100).await;
    client.say("5").await;
    until("it does not poll any more", || async {
        let told = watcher.poller.poll().await;
        assert_eq!(numbers(&told.text).count(), 0, "{told:?}");
        told.status == 400
    })
    .await;
    watcher.tell(&host, 100).await;
    watcher.goes_on(client).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_websocket_that_breaks_off_before_the_change_leaves_long_polling_as_it_was() {
    let host = Host::start(settings()).await;
    let mut bystander = Bystander::new(&host).await;
    for words in [&[][..], &["2probe"], &["nonsense"], &["2probe", "nonsense"], &["5"], &["2probe", "2probe"]] {
        let mut watcher = Watcher::new(&host).await;
        let mut raw = upgrade(&host, &watcher.poller).await.expect("a handshake");
        for word in words {
            raw.frame(opcode::TEXT, true, word.as_bytes()).await;
        }
        watcher.tell(&host, 10).await;
        watcher.hears_all().await;
        drop(raw);
        watcher.tell(&host, 10).await;
        watcher.hears_all().await;
        // Another may be tried, as soon as the server knows that the first came to nothing.
        let next = Mutex::new(None);
        until("another is tried", || async {
            *next.lock().await = upgrade(&host, &watcher.poller).await;
            next.lock().await.is_some()
        })
        .await;
        let mut client = Client { raw: next.into_inner().expect("a handshake") };
        client.say("2probe").await;
        assert_eq!(client.hear().await.as_deref(), Some("3probe"), "{words:?}");
        watcher.tell(&host, 10).await;
        client.say("5").await;
        watcher.goes_on(client).await;
    }
    sessions_are(&host, 1).await;
    bystander.is_well(&host).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_websocket_that_stays_silent_ends_and_long_polling_goes_on() {
    let mut config = settings();
    config.limits.hello_timeout = Duration::from_secs(1);
    let host = Host::start(config).await;
    for words in [&[][..], &["2probe"]] {
        let mut watcher = Watcher::new(&host).await;
        let mut raw = upgrade(&host, &watcher.poller).await.expect("a handshake");
        for word in words {
            raw.frame(opcode::TEXT, true, word.as_bytes()).await;
        }
        watcher.tell(&host, 10).await;
        watcher.hears_all().await;
        while !matches!(raw.next().await, Heard::Close(..) | Heard::Gone) {}
        watcher.tell(&host, 10).await;
        watcher.hears_all().await;
        assert!(upgrade(&host, &watcher.poller).await.is_some(), "another may be tried");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_websocket_is_tried_at_a_time() {
    let host = Host::start(settings()).await;
    let watcher = Watcher::new(&host).await;
    let mut first = Client { raw: upgrade(&host, &watcher.poller).await.expect("a handshake") };
    assert!(upgrade(&host, &watcher.poller).await.is_none(), "one is being tried");
    first.say("2probe").await;
    assert_eq!(first.hear().await.as_deref(), Some("3probe"));
    assert!(upgrade(&host, &watcher.poller).await.is_none(), "one is being tried");
    first.say("5").await;
    first.say(&subscribe(&watcher.file, "1")).await;
    assert_eq!(first.answer(1).await["ok"], true);
    assert!(upgrade(&host, &watcher.poller).await.is_none(), "it has one");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_said_in_a_request_is_heard_before_what_is_said_over_the_websocket() {
    let host = Host::start(settings()).await;
    let poller = Poller::enter(&host, "ada").await;
    let asked = |n: usize| subscribe("fi_x", &n.to_string());
    let mut client = Client { raw: upgrade(&host, &poller).await.expect("a handshake") };
    client.say("2probe").await;
    assert_eq!(client.hear().await.as_deref(), Some("3probe"));
    let body: Vec<_> = (0..500).map(asked).collect();
    assert_eq!(poller.post(body.join("\u{1e}")).await.status, 200);
    client.say("5").await;
    for n in 500..600 {
        client.say(&asked(n)).await;
    }
    for n in 0..600 {
        let told = client.hear().await.expect("an answer");
        assert!(told.starts_with(&format!("43/file-processing,{n}[")), "{n}: {told}");
    }
}
