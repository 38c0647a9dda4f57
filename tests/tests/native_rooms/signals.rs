//! Messages to one member: told once, in order, also to one whose connection is lost for a moment.

use samewire::Code;
use samewire::rooms::{Member, RoomStatus, To};
use samewire_tests::live::proxy::Proxy;
use samewire_tests::live::{Insistent, token, until, within};

use crate::cuts::cuts;
use crate::place::{Heard, client, host, join, numbers, open};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_reaches_whom_it_is_for_and_nobody_else() {
    let host = host(open()).await;
    let ada = join(&client(&host.url(), Some(token("ada"))), "signals").await.expect("a room");
    // One user on two devices, and another.
    let bobs = [
        join(&client(&host.url(), Some(token("bob"))), "signals").await.expect("a room"),
        join(&client(&host.url(), Some(token("bob"))), "signals").await.expect("a room"),
    ];
    let eve = join(&client(&host.url(), Some(token("eve"))), "signals").await.expect("a room");
    let first = bobs[0].member().expect("a member");
    let sent = ada.send(To::Member(first), "count", &1).await.expect("sent");
    assert_eq!((sent.delivered, sent.held), (1, 0));
    let sent = ada.send(To::User("bob".into()), "count", &2).await.expect("sent");
    assert_eq!((sent.delivered, sent.held), (2, 0));
    for nobody in [To::Member(Member(9_999)), To::User("nobody".into()), To::Role("nobody".parse().expect("a role"))] {
        let refused = ada.send(nobody.clone(), "count", &3).await.expect_err("nobody is meant");
        assert_eq!(refused.code, Code::MemberNotFound, "{nobody:?}");
    }
    ada.publish("end", &()).await.expect("published");
    for (room, expected) in [(&bobs[0], vec![1, 2]), (&bobs[1], vec![2]), (&eve, vec![])] {
        let mut heard = Heard::default();
        heard.until(room, "all of it", |heard| heard.messages.len() == 1 && heard.signals.len() >= expected.len()).await;
        assert_eq!(numbers(&heard.signals), expected);
        let from_ada = |signal: &samewire::rooms::Message| {
            signal.from == ada.member() && signal.user.as_deref() == Some("ada") && signal.offset.is_none()
        };
        assert!(heard.signals.iter().all(from_ada), "{:?}", heard.signals);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_said_while_one_was_away_is_told_when_it_is_back() {
    let host = host(open()).await;
    let proxy = Proxy::start(host.addr()).await;
    let ada = join(&client(&host.url(), None), "away").await.expect("a room");
    let person = Insistent::new(&proxy.url(), None);
    let bob = join(&person.client, "away").await.expect("a room");
    let member = bob.member().expect("a member");
    let mut heard = Heard::default();
    for round in 0..5_u64 {
        proxy.retarget(None);
        proxy.cut_all();
        within("a lost connection", bob.watch_status().wait_for(|status| *status == RoomStatus::Away)).await.expect("a room");
        // The server may notice a moment later; from then on it holds what is said.
        until("the server holds it", || async {
            let sent = ada.send(To::Member(member), "probe", &0).await.expect("sent");
            sent.held == 1
        })
        .await;
        for n in 1..=10 {
            let sent = ada.send(To::Member(member), "count", &(round * 10 + n)).await.expect("sent");
            assert_eq!((sent.delivered, sent.held), (0, 1));
        }
        proxy.retarget(Some(host.addr()));
        let counted = |heard: &Heard| heard.signals.iter().filter(|signal| signal.name.as_str() == "count").count() as u64;
        heard.until(&bob, "what was held", |heard| counted(heard) == (round + 1) * 10).await;
        heard.signals.retain(|signal| signal.name.as_str() == "count");
        assert_eq!(numbers(&heard.signals), (1..=(round + 1) * 10).collect::<Vec<_>>());
        assert_eq!(bob.member(), Some(member), "it is still the same member");
    }
    assert_eq!((heard.recovered, heard.lost.len()), (5, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signals_through_cuts_come_once_and_in_order() {
    const SIGNALS: u64 = 400;
    let host = host(open()).await;
    let proxy = Proxy::start(host.addr()).await;
    let ada = join(&client(&host.url(), None), "cuts").await.expect("a room");
    let person = Insistent::new(&proxy.url(), None);
    let bob = join(&person.client, "cuts").await.expect("a room");
    let member = bob.member().expect("a member");
    cuts(&proxy, 5, 40, 6_000);
    proxy.cut_all();
    let sending = tokio::spawn(async move {
        for n in 1..=SIGNALS {
            // As many as are kept may wait for one who is away; then the sender has to.
            while let Err(failure) = ada.send(To::Member(member), "count", &n).await {
                assert_eq!((failure.code, failure.retryable), (Code::Overloaded, true));
                tokio::task::yield_now().await;
            }
        }
    });
    let mut heard = Heard::default();
    heard.until(&bob, "all of them", |heard| heard.signals.len() as u64 >= SIGNALS).await;
    assert_eq!(numbers(&heard.signals), (1..=SIGNALS).collect::<Vec<_>>());
    within("the sender's end", sending).await.expect("all were sent");
    assert!(heard.recovered > 0 && heard.lost.is_empty());
}
