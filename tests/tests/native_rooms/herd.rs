//! Many clients whose connections are lost at once: they come back spread as the server advises, and each finds its place.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use samewire::Client;
use samewire::rooms::{JoinOptions, Room, RoomEvent};
use samewire_server::rooms::KindPolicy;
use samewire_tests::live::proxy::{Fate, Proxy};
use samewire_tests::live::{Host, PATIENCE, settings, until, within};

use crate::place::{allow_many_sockets, client, join, open};

const HERD: usize = 200;
const SPREAD: Duration = Duration::from_secs(4);

async fn herd(url: &str) -> Vec<(Client, Room)> {
    allow_many_sockets();
    let mut herd = Vec::new();
    for _ in 0..HERD {
        let client = client(url, None);
        let room = within("a join", client.join("test:herd", JoinOptions::new())).await.expect("a room");
        herd.push((client, room));
    }
    herd
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_come_back_spread_as_the_server_advises() {
    let mut config = settings();
    config.reconnect.spread = SPREAD;
    config.rooms.kinds.insert("test", KindPolicy { linger: PATIENCE, ..open() });
    let host = Host::start(config).await;
    let proxy = Proxy::start(host.addr()).await;
    let watcher = join(&client(&host.url(), None), "herd").await.expect("a room");
    let herd = herd(&proxy.url()).await;
    until("all are there", || async { watcher.presence().members == HERD as u64 + 1 }).await;

    let arrivals = Arc::new(Mutex::new(Vec::new()));
    let noted = arrivals.clone();
    proxy.fates(move |_| {
        noted.lock().unwrap_or_else(PoisonError::into_inner).push(Instant::now());
        Fate::Pass
    });
    let mut standings: Vec<_> = herd.iter().map(|(_, room)| room.watch_status()).collect();
    standings.iter_mut().for_each(|standing| standing.mark_unchanged());
    let cut = Instant::now();
    proxy.cut_all();
    for standing in &mut standings {
        // Some are back already when others have not yet noticed.
        within("a lost connection", standing.changed()).await.expect("a room");
    }
    watcher.publish("meanwhile", &()).await.expect("published");
    for (_, room) in &herd {
        let told = within("what was said meanwhile", async {
            let mut recovered = 0;
            loop {
                match room.next().await {
                    Some(RoomEvent::Recovered) => recovered += 1,
                    Some(RoomEvent::Message(message)) => return (recovered, message.offset),
                    other => panic!("{other:?}"),
                }
            }
        });
        let (recovered, offset) = told.await;
        assert!(recovered <= 1 && offset == Some(1));
    }
    assert_eq!(watcher.presence().members, HERD as u64 + 1);
    // A busy machine makes some of them late, and none of them early: they do not come as one.
    let arrivals = arrivals.lock().unwrap_or_else(PoisonError::into_inner).clone();
    assert!(arrivals.len() >= HERD, "{} came back", arrivals.len());
    for (share, most) in [(8, 0.45), (4, 0.6), (2, 0.8)] {
        let early = arrivals.iter().filter(|at| at.duration_since(cut) < SPREAD / share).count();
        assert!((early as f64) < most * HERD as f64, "{early} of {HERD} came within 1/{share} of the spread");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_find_a_server_that_was_killed_and_started_anew() {
    let mut config = settings();
    config.reconnect.spread = Duration::from_millis(500);
    config.rooms.kinds.insert("test", open());
    let mut host = Host::start(config).await;
    let proxy = Proxy::start(host.addr()).await;
    let herd = herd(&proxy.url()).await;
    proxy.retarget(None);
    proxy.cut_all();
    host.restart().await;
    proxy.retarget(Some(host.addr()));
    let watcher = join(&client(&host.url(), None), "herd").await.expect("a room");
    until("all are there", || async { watcher.presence().members == HERD as u64 + 1 }).await;
    watcher.publish("again", &()).await.expect("published");
    for (_, room) in &herd {
        let told = within("what is said", async {
            let mut lost = 0;
            loop {
                match room.next().await {
                    Some(RoomEvent::Lost { missed: None }) => lost += 1,
                    Some(RoomEvent::Message(message)) => return (lost, message.offset),
                    other => panic!("{other:?}"),
                }
            }
        });
        assert_eq!(told.await, (1, Some(1)));
    }
}
