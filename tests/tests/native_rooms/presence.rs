//! Who is there: told with the first connection of a user and with the end of the last, and not with every cut in between.

use std::time::Duration;

use samewire::rooms::{JoinOptions, Presence, Room, RoomStatus};
use samewire_server::rooms::KindPolicy;
use samewire_server::rooms::policy::PresenceMode;
use samewire_tests::live::proxy::Proxy;
use samewire_tests::live::{Insistent, PATIENCE, token, until, within};
use serde_json::json;
use tokio::task::JoinHandle;

use crate::cuts::cuts;
use crate::place::{allow_many_sockets, client, host, join, open};

/// Takes down who is there, each time that it changes.
fn take_down(room: &Room) -> JoinHandle<Vec<(Vec<String>, u64, u64)>> {
    let (room, mut presence, mut status) = (room.clone(), room.watch_presence(), room.watch_status());
    tokio::spawn(async move {
        let told = |presence: &Presence| {
            (presence.entries.keys().map(ToString::to_string).collect::<Vec<_>>(), presence.users, presence.members)
        };
        let mut all = vec![told(&room.presence())];
        loop {
            tokio::select! {
                biased;
                changed = presence.changed() => match changed {
                    Ok(()) => all.push(told(&presence.borrow_and_update())),
                    Err(_) => return all,
                },
                _ = status.wait_for(|status| matches!(status, RoomStatus::Left { .. })) => return all,
            }
        }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_comes_with_the_first_connection_and_goes_with_the_last() {
    let host = host(open()).await;
    let watcher = join(&client(&host.url(), Some(token("watcher"))), "users").await.expect("a room");
    let told = take_down(&watcher);
    let mut devices = Vec::new();
    for device in 0..3 {
        let client = client(&host.url(), Some(token("ada")));
        let options = JoinOptions::new().info(json!({"device": device}));
        devices.push(within("a join", client.join("test:users", options)).await.expect("a room"));
        until("it is counted", || async { watcher.presence().members == 2 + device }).await;
        let presence = watcher.presence();
        assert_eq!(presence.users, 2);
        let entry = &presence.entries["ada"];
        assert_eq!(entry.info.as_deref().map(|info| info.get()), Some(r#"{"device":0}"#), "that of the first");
    }
    for left in (0..3).rev() {
        devices.pop();
        until("it is not counted any more", || async { watcher.presence().members == 1 + left }).await;
        assert_eq!(watcher.presence().entries.contains_key("ada"), left > 0);
    }
    watcher.leave();
    let told = within("the end", told).await.expect("no panic");
    let there: Vec<bool> = told.iter().map(|(ids, ..)| ids.iter().any(|id| id == "ada")).collect();
    let changes = there.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert_eq!(changes, 2, "she came once and went once: {told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_is_no_coming_and_going() {
    let host = host(KindPolicy { linger: PATIENCE, presence: PresenceMode::Members, ..open() }).await;
    let proxy = Proxy::start(host.addr()).await;
    let watcher = join(&client(&host.url(), None), "cuts").await.expect("a room");
    let people: Vec<_> = (0..3).map(|_| Insistent::new(&proxy.url(), None)).collect();
    let mut rooms = Vec::new();
    for person in &people {
        rooms.push(join(&person.client, "cuts").await.expect("a room"));
    }
    until("all are there", || async { watcher.presence().members == 4 }).await;
    let told = take_down(&watcher);
    cuts(&proxy, 6, 40, 3_000);
    proxy.cut_all();
    let mut n = 0_u64;
    while proxy.counts().cuts < 40 {
        n += 1;
        within("a publication", rooms[0].publish("count", &n)).await.expect("published");
    }
    for room in &rooms {
        within("all are back", room.watch_status().wait_for(|status| *status == RoomStatus::Joined)).await.expect("a room");
    }
    assert_eq!(watcher.presence().entries.len(), 4);
    watcher.leave();
    let told = within("the end", told).await.expect("no panic");
    assert!(told.iter().all(|(ids, _, members)| ids.len() == 4 && *members == 4), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_who_stays_away_is_gone_after_a_while_and_comes_back_as_another() {
    let linger = Duration::from_millis(100);
    let host = host(KindPolicy { linger, ..open() }).await;
    let proxy = Proxy::start(host.addr()).await;
    let watcher = join(&client(&host.url(), Some(token("watcher"))), "away").await.expect("a room");
    let person = Insistent::new(&proxy.url(), Some(token("ada")));
    let ada = join(&person.client, "away").await.expect("a room");
    for round in 1..=3_u64 {
        let member = ada.member();
        until("she is there", || async { watcher.presence().entries.contains_key("ada") }).await;
        proxy.retarget(None);
        proxy.cut_all();
        until("she is gone", || async { !watcher.presence().entries.contains_key("ada") }).await;
        watcher.publish("count", &round).await.expect("published");
        proxy.retarget(Some(host.addr()));
        until("she is back", || async { watcher.presence().entries.contains_key("ada") }).await;
        // What she missed is kept all the same.
        let mut heard = crate::place::Heard::default();
        heard.until(&ada, "what was said", |heard| heard.messages.len() == 1).await;
        assert_eq!((heard.offsets(), heard.recovered, heard.lost.len()), (vec![round], 1, 0));
        assert_ne!(ada.member(), member);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_is_counted_and_read_page_by_page() {
    const CROWD: usize = 260;
    allow_many_sockets();
    let host = host(KindPolicy { presence: PresenceMode::Members, ..open() }).await;
    let watcher = join(&client(&host.url(), None), "crowd").await.expect("a room");
    let deaf = client(&host.url(), None);
    let deaf = within("a join", deaf.join("test:crowd", JoinOptions::new().presence(false))).await.expect("a room");
    let mut crowd = Vec::new();
    for _ in 0..CROWD {
        crowd.push(join(&client(&host.url(), None), "crowd").await.expect("a room"));
    }
    until("all are counted", || async { watcher.presence().members == CROWD as u64 + 2 }).await;
    assert!(watcher.presence().entries.is_empty(), "so many are only counted");
    assert_eq!(deaf.presence().members, 0, "it did not ask");
    let mut entries = Vec::new();
    loop {
        let after = entries.last().map(|entry: &samewire::rooms::Entry| entry.id.clone());
        let page = watcher.presence_page(after.as_deref(), Some(100)).await.expect("a page");
        assert_eq!(page.members, CROWD as u64 + 2);
        entries.extend(page.entries);
        if !page.more {
            break;
        }
    }
    let mut ids: Vec<_> = entries.iter().map(|entry| entry.id.clone()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), CROWD + 2);
    crowd.truncate(20);
    until("those who stayed are listed", || async { watcher.presence().entries.len() == 22 }).await;
    assert_eq!(watcher.presence().members, 22);
}
