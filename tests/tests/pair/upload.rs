//! Streams to the server: every byte once, whatever becomes of the connection, and success only when it is true.

use std::time::Duration;

use samewire_protocol::streams::Source;
use samewire_protocol::wire::Advice;
use samewire_protocol::{Code, Digest};
use samewire_tests::net::Side;
use samewire_tests::pair::Pair;
use samewire_tests::server::Phase;

#[test]
fn a_stream_arrives_whole_and_verified() {
    for size in [1, 65_535, 65_536, 65_537, 5_000_000] {
        let mut pair = Pair::connected(1);
        let content = pair.rng.bytes(size);
        let stream = pair.upload(content.clone());
        assert_eq!(pair.uploaded(stream), Ok((size as u64, Digest::of(&content))));
        assert_eq!(pair.stored(stream).unwrap().content, content);
        assert_eq!(pair.client().uploads[&stream].durable, size as u64);
    }
}

#[test]
fn a_stream_goes_on_where_it_was_after_each_of_many_cuts() {
    let mut pair = Pair::connected(2);
    pair.net.rate = Some(2_000_000);
    let content = pair.rng.bytes(8_000_000);
    let stream = pair.upload(content.clone());
    for _ in 0..10 {
        let wait = pair.rng.below(800);
        pair.run_for(Duration::from_millis(wait));
        pair.cut();
    }
    assert!(pair.uploaded(stream).is_ok());
    assert_eq!(pair.stored(stream).unwrap().content, content);
    let sent: u64 = (0..pair.client().welcomes.len()).map(|socket| pair.net.sent(socket, Side::Client)).sum();
    // A cut costs what was on the way, not the stream.
    assert!(sent < 8_000_000 + 10 * 700_000, "{sent} bytes were sent");
}

#[test]
fn a_stream_goes_on_from_what_was_durable_when_the_server_died() {
    let mut pair = Pair::connected(3);
    pair.net.rate = Some(2_000_000);
    pair.server.flush_time = Duration::from_millis(300);
    let content = pair.rng.bytes(4_000_000);
    let stream = pair.upload(content.clone());
    for _ in 0..3 {
        pair.run_for(Duration::from_millis(900));
        pair.restart();
        assert!(pair.run_until(|pair| pair.is_live(0)));
    }
    assert!(pair.uploaded(stream).is_ok());
    assert_eq!(pair.stored(stream).unwrap().content, content);
}

#[test]
fn a_size_need_not_be_known() {
    for source in [Source::Seekable, Source::Once] {
        for size in [0, 1, 65_536, 300_000] {
            let mut pair = Pair::connected(4);
            let content = pair.rng.bytes(size);
            let stream = pair.upload_as(0, content.clone(), None, source);
            assert_eq!(pair.uploaded(stream), Ok((size as u64, Digest::of(&content))));
        }
    }
}

#[test]
fn the_word_finished_may_be_lost_at_any_moment() {
    for wait in 0..80 {
        let mut pair = Pair::connected(5);
        pair.server.flush_time = Duration::from_millis(5);
        let content = pair.rng.bytes(100_000);
        let stream = pair.upload(content.clone());
        pair.run_for(Duration::from_millis(wait));
        pair.cut();
        assert!(pair.uploaded(stream).is_ok(), "cut after {wait} ms");
        assert!(matches!(pair.stored(stream).unwrap().phase, Phase::Whole(..)));
    }
}

#[test]
fn what_the_server_says_of_a_whole_stream_may_come_in_one_breath() {
    // A driver reads what the socket has before it asks the machine what to send: `opened` and `finished` of a stream that was
    // whole before the cut come together.
    let mut pair = Pair::connected(6);
    let content = pair.rng.bytes(100_000);
    let stream = pair.upload(content.clone());
    assert!(pair.run_until(|pair| pair.stored(stream).is_some_and(|stored| matches!(stored.phase, Phase::Whole(..)))));
    pair.cut();
    pair.clients[0].lazy = true;
    assert_eq!(pair.uploaded(stream), Ok((100_000, Digest::of(&content))));
}

#[test]
fn a_stream_can_be_looked_up_slowly_while_links_come_and_go() {
    for seed in 0..60 {
        let mut pair = Pair::connected(seed);
        pair.server.open_time = Duration::from_millis(40);
        pair.server.advice = Advice { delay: 0, spread: 0 };
        pair.net.rate = Some(10_000_000);
        let content = pair.rng.bytes(1_000_000);
        let stream = pair.upload(content.clone());
        for _ in 0..8 {
            let wait = pair.rng.below(160);
            pair.run_for(Duration::from_millis(wait));
            pair.act(0, |client, net| client.session.connect(net.now));
            pair.cut();
            pair.act(0, |client, net| client.session.connect(net.now));
        }
        assert!(pair.uploaded(stream).is_ok());
        assert_eq!(pair.stored(stream).unwrap().content, content);
    }
}

#[test]
fn a_slow_source_is_asked_again_after_a_cut_and_its_late_answers_do_no_harm() {
    for seed in 0..60 {
        for known in [true, false] {
            let mut pair = Pair::connected(seed);
            pair.clients[0].read_time = Duration::from_millis(700);
            pair.server.advice = Advice { delay: 0, spread: 0 };
            let size = 600_000;
            let content = pair.rng.bytes(size);
            let stream = pair.upload_as(0, content.clone(), known.then_some(size as u64), Source::Seekable);
            for _ in 0..6 {
                let wait = pair.rng.below(1_500);
                pair.run_for(Duration::from_millis(wait));
                pair.cut();
            }
            assert_eq!(pair.uploaded(stream), Ok((size as u64, Digest::of(&content))), "seed {seed}, known {known}");
            assert_eq!(pair.stored(stream).unwrap().content, content);
        }
    }
}

#[test]
fn progress_counts_what_is_durable_on_the_server() {
    let mut pair = Pair::connected(7);
    pair.server.flush_time = Duration::from_millis(50);
    pair.net.rate = Some(1_000_000);
    let content = pair.rng.bytes(2_000_000);
    let stream = pair.upload(content);
    while pair.client().uploads[&stream].outcomes.is_empty() {
        let told = pair.client().uploads[&stream].durable;
        let stored = pair.stored(stream).map_or(0, |stored| stored.durable);
        assert!(told <= stored, "{told} told, {stored} durable");
        assert!(pair.step());
    }
}

#[test]
fn a_digest_that_is_not_ours_is_no_success() {
    let mut pair = Pair::connected(8);
    pair.server.flush_time = Duration::from_secs(5);
    let content = pair.rng.bytes(1_000);
    let stream = pair.upload(content);
    pair.run_for(Duration::from_millis(100));
    let digest = Digest::of(b"something else");
    let text = format!(r#"{{"type":"finished","stream":1,"size":1000,"digest":"{digest}"}}"#);
    pair.inject_down(samewire_tests::net::Frame::Text(text));
    assert_eq!(pair.uploaded(stream).unwrap_err().code, Code::DigestMismatch);
}

#[test]
fn finished_before_the_end_is_no_success() {
    let mut pair = Pair::connected(9);
    pair.net.rate = Some(100_000);
    let content = pair.rng.bytes(200_000);
    let stream = pair.upload(content.clone());
    pair.run_for(Duration::from_millis(500));
    let digest = Digest::of(&content[..1_000]);
    let text = format!(r#"{{"type":"finished","stream":1,"size":1000,"digest":"{digest}"}}"#);
    pair.inject_down(samewire_tests::net::Frame::Text(text));
    assert_ne!(pair.uploaded(stream).ok(), Some((1_000, digest)));
}
