//! When a client comes back: full jitter, and never sooner than the server asked for.

use std::time::Duration;

use samewire_protocol::session::{BackoffConfig, Input, Status};
use samewire_protocol::wire::Advice;
use samewire_tests::net::Reach;
use samewire_tests::pair::Pair;

/// How long the client waits from now on until it dials again.
fn wait(pair: &Pair) -> Duration {
    match pair.client().session.status() {
        Status::Waiting { retry_at } => retry_at.since(pair.net.now),
        status => panic!("the client does not wait: {status:?}"),
    }
}

fn lose(pair: &mut Pair) {
    pair.cut();
    assert!(pair.run_until(|pair| matches!(pair.client().session.status(), Status::Waiting { .. })));
}

#[test]
fn the_welcomes_advice_is_obeyed_after_a_cut() {
    let mut waits = Vec::new();
    for seed in 0..200 {
        let mut pair = Pair::new(seed);
        pair.server.advice = Advice { delay: 3_000, spread: 8_000 };
        pair.connect();
        lose(&mut pair);
        waits.push(wait(&pair));
    }
    assert!(waits.iter().all(|wait| (3_000..=11_000).contains(&wait.as_millis())), "{waits:?}");
    let early = waits.iter().filter(|wait| wait.as_millis() < 7_000).count();
    assert!((60..140).contains(&early), "{early} of 200 in the first half of the spread");
}

#[test]
fn advice_that_changes_is_told_with_the_next_ping() {
    let mut waits = Vec::new();
    for seed in 0..200 {
        let mut pair = Pair::connected(seed);
        pair.server.advice = Advice { delay: 3_000, spread: 8_000 };
        pair.run_for(Duration::from_secs(26));
        lose(&mut pair);
        waits.push(wait(&pair));
    }
    assert!(waits.iter().all(|wait| (3_000..=11_000).contains(&wait.as_millis())), "{waits:?}");
    let early = waits.iter().filter(|wait| wait.as_millis() < 7_000).count();
    assert!((60..140).contains(&early), "{early} of 200 in the first half of the spread");
}

#[test]
fn a_goodbyes_advice_goes_before_the_welcomes() {
    let mut waits = Vec::new();
    for seed in 0..50 {
        let mut pair = Pair::connected(seed);
        pair.drain(Advice { delay: 20_000, spread: 30_000 });
        assert!(pair.run_until(|pair| matches!(pair.client().session.status(), Status::Waiting { .. })));
        waits.push(wait(&pair));
    }
    assert!(waits.iter().all(|wait| (20_000..=50_000).contains(&wait.as_millis())), "{waits:?}");
}

#[test]
fn the_span_grows_with_each_failure_up_to_the_cap() {
    let mut longest = [Duration::ZERO; 10];
    for seed in 0..200 {
        let mut pair = Pair::new(seed);
        pair.net.reach = Reach::Refused;
        pair.connect_as(0);
        for longest in &mut longest {
            let waiting = |pair: &Pair| matches!(pair.client().session.status(), Status::Waiting { .. });
            assert!(pair.run_until(waiting));
            *longest = (*longest).max(wait(&pair));
            assert!(pair.run_until(|pair| !waiting(pair)));
        }
    }
    for (attempt, longest) in longest.iter().enumerate() {
        let span = BackoffConfig::default().base * 2u32.pow(u32::try_from(attempt).unwrap());
        let span = span.min(BackoffConfig::default().cap);
        assert!(*longest <= span && *longest > span.mul_f64(0.9), "attempt {attempt}: {longest:?} of {span:?}");
    }
}

#[test]
fn a_link_that_stood_for_a_while_makes_the_next_failure_a_first_one() {
    let mut pair = Pair::connected(3);
    pair.server.advice = Advice { delay: 0, spread: 0 };
    for _ in 0..8 {
        lose(&mut pair);
        assert!(pair.run_until(|pair| pair.is_live(0)));
    }
    pair.run_for(Duration::from_secs(11));
    lose(&mut pair);
    assert!(wait(&pair) <= BackoffConfig::default().base, "{:?}", wait(&pair));
}

#[test]
fn a_link_that_carried_something_does_so_sooner() {
    for (size, is_first) in [(20_000_000, true), (0, false)] {
        let mut pair = Pair::new(3);
        pair.server.advice = Advice { delay: 0, spread: 0 };
        pair.connect();
        pair.net.rate = Some(500_000);
        let content = pair.rng.bytes(size);
        if size > 0 {
            pair.upload(content);
        }
        let mut longest = Duration::ZERO;
        for _ in 0..8 {
            pair.run_for(Duration::from_millis(1_500));
            lose(&mut pair);
            longest = longest.max(wait(&pair));
            assert!(pair.run_until(|pair| pair.is_live(0)));
        }
        assert_eq!(longest <= BackoffConfig::default().base, is_first, "{longest:?} with {size} bytes to send");
    }
}

#[test]
fn a_device_that_is_online_again_does_not_wait_on() {
    let mut pair = Pair::connected(4);
    pair.net.reach = Reach::Refused;
    lose(&mut pair);
    pair.run_for(Duration::from_secs(90));
    pair.net.reach = Reach::Open;
    assert!(pair.run_until(|pair| matches!(pair.client().session.status(), Status::Waiting { .. })));
    let link = pair.client().session.link();
    pair.act(0, |client, net| client.session.handle_input(net.now, link, Input::Network { online: true }));
    assert!(wait(&pair) <= Duration::from_millis(250));
    pair.run_for(Duration::from_secs(1));
    assert!(pair.is_live(0));
}

#[test]
fn connect_does_not_wait_either() {
    let mut pair = Pair::connected(5);
    pair.server.advice = Advice { delay: 60_000, spread: 0 };
    pair.cut();
    pair.run_for(Duration::from_millis(1));
    pair.connect();
    assert!(pair.net.now.as_micros() < 2_000_000);
}
