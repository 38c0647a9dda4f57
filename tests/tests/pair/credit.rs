//! A sender never goes beyond its credit, and credit follows what is durable.

use std::time::Duration;

use samewire_protocol::streams::Source;
use samewire_tests::pair::Pair;

#[test]
fn no_byte_goes_beyond_the_credit_whatever_the_window() {
    // The model server writes it down as a fault when one does.
    for window in [1, 100, 65_535, 65_536, 65_537, 200_000, 1_000_000] {
        for source in [Source::Seekable, Source::Once] {
            let mut pair = Pair::new(window);
            pair.server.config.limits.window = window;
            pair.connect();
            let size = if window < 1_000 { 3_000 } else { 700_000 };
            let content = pair.rng.bytes(size);
            let stream = pair.upload_as(0, content.clone(), Some(size as u64), source);
            pair.run_for(Duration::from_millis(333));
            pair.cut();
            assert!(pair.uploaded(stream).is_ok(), "window {window}");
            assert_eq!(pair.stored(stream).unwrap().content, content);
        }
    }
}

#[test]
fn a_window_that_shrinks_with_a_restart_is_no_trap() {
    for source in [Source::Seekable, Source::Once] {
        let mut pair = Pair::connected(2);
        pair.net.rate = Some(2_000_000);
        let content = pair.rng.bytes(3_000_000);
        let stream = pair.upload_as(0, content.clone(), None, source);
        pair.run_for(Duration::from_millis(700));
        pair.server.config.limits.window = 20_000;
        pair.restart();
        assert!(pair.uploaded(stream).is_ok());
        assert_eq!(pair.stored(stream).unwrap().content, content);
    }
}

#[test]
fn a_disk_that_stands_still_stops_the_sender_within_the_window() {
    let mut pair = Pair::new(3);
    pair.server.config.limits.window = 500_000;
    pair.connect();
    pair.server.flush_time = Duration::from_secs(300);
    let content = pair.rng.bytes(5_000_000);
    let stream = pair.upload(content);
    pair.run_for(Duration::from_secs(20));
    let came = pair.stored(stream).unwrap().content.len();
    assert!(came > 300_000 && came <= 500_000, "{came} bytes came");
}

#[test]
fn a_frame_is_no_larger_than_the_server_asked_for() {
    for source in [Source::Seekable, Source::Once] {
        let mut pair = Pair::new(4);
        pair.connect();
        pair.net.rate = Some(2_000_000);
        let content = pair.rng.bytes(2_000_000);
        let stream = pair.upload_as(0, content.clone(), None, source);
        pair.run_for(Duration::from_millis(500));
        // The model's machine hangs up on a larger frame.
        pair.server.config.limits.max_chunk = 10_000;
        pair.restart();
        assert!(pair.uploaded(stream).is_ok());
        assert_eq!(pair.stored(stream).unwrap().content, content);
        assert_eq!(pair.client().welcomes.len(), 2);
    }
}

#[test]
fn a_server_with_absurd_numbers_does_not_break_the_client() {
    let mut pair = Pair::new(5);
    pair.server.config.limits.window = u64::MAX >> 11;
    pair.server.config.limits.max_chunk = 0;
    pair.server.config.heartbeat.interval = u64::MAX >> 12;
    pair.server.config.heartbeat.timeout = u64::MAX >> 12;
    let content = pair.rng.bytes(300_000);
    pair.server.files.push(content);
    pair.connect();
    assert_eq!(pair.download(0).unwrap(), pair.server.files[0]);
}
