//! A source that gives each byte once: what is on the way is kept, and what is lost for good is said to be.

use std::time::Duration;

use samewire_protocol::Code;
use samewire_protocol::failure::Ran;
use samewire_protocol::streams::Source;
use samewire_protocol::wire::Advice;
use samewire_tests::pair::Pair;

#[test]
fn it_survives_cuts_at_any_moment() {
    for seed in 0..60 {
        let mut pair = Pair::connected(seed);
        pair.server.advice = Advice { delay: 0, spread: 0 };
        pair.net.rate = Some(1_000_000);
        let content = pair.rng.bytes(900_000);
        pair.clients[0].read_size = 1 + usize::try_from(pair.rng.below(100_000)).unwrap();
        let stream = pair.upload_as(0, content.clone(), None, Source::Once);
        for _ in 0..8 {
            let wait = pair.rng.below(400);
            pair.run_for(Duration::from_millis(wait));
            pair.cut();
        }
        assert!(pair.uploaded(stream).is_ok(), "seed {seed}");
        assert_eq!(pair.stored(stream).unwrap().content, content);
    }
}

#[test]
fn a_source_that_still_reads_when_the_link_goes_is_not_asked_a_second_time() {
    // The model client writes it down as a fault when it is: the second answer would be thrown away.
    for seed in 0..60 {
        let mut pair = Pair::connected(seed);
        pair.server.advice = Advice { delay: 0, spread: 0 };
        pair.clients[0].read_time = Duration::from_millis(900);
        let content = pair.rng.bytes(900_000);
        let stream = pair.upload_as(0, content.clone(), None, Source::Once);
        for _ in 0..6 {
            let wait = pair.rng.below(900);
            pair.run_for(Duration::from_millis(wait));
            pair.cut();
        }
        assert!(pair.uploaded(stream).is_ok());
        assert_eq!(pair.stored(stream).unwrap().content, content);
    }
}

#[test]
fn a_server_that_lost_only_what_was_not_durable_gets_it_again() {
    let mut pair = Pair::connected(3);
    pair.server.flush_time = Duration::from_millis(400);
    pair.net.rate = Some(1_000_000);
    let content = pair.rng.bytes(3_000_000);
    let stream = pair.upload_as(0, content.clone(), None, Source::Once);
    for _ in 0..3 {
        pair.run_for(Duration::from_millis(900));
        pair.restart();
        assert!(pair.run_until(|pair| pair.is_live(0)));
    }
    assert!(pair.uploaded(stream).is_ok());
    assert_eq!(pair.stored(stream).unwrap().content, content);
}

#[test]
fn bytes_that_were_durable_and_are_gone_cannot_be_sent_again() {
    let mut pair = Pair::connected(4);
    pair.net.rate = Some(1_000_000);
    let content = pair.rng.bytes(3_000_000);
    let stream = pair.upload_as(0, content, None, Source::Once);
    pair.run_for(Duration::from_secs(1));
    assert!(pair.client().uploads[&stream].durable > 0);
    pair.server.streams.clear();
    pair.restart();
    let failure = pair.uploaded(stream).unwrap_err();
    assert_eq!((failure.code, failure.ran), (Code::ConnectionLost, Ran::Maybe));
    pair.run_for(Duration::from_secs(5));
    assert!(pair.server.streams.is_empty(), "the server was told to let go of what it has");
}
