//! Streams from the server: the app sees every byte once and in order, as fast as it uses them up.

use std::time::Duration;

use samewire_protocol::Code;
use samewire_tests::pair::Pair;

fn with_file(seed: u64, size: usize) -> Pair {
    let mut pair = Pair::new(seed);
    let content = pair.rng.bytes(size);
    pair.server.files.push(content);
    pair
}

#[test]
fn a_file_arrives_whole_and_verified() {
    for size in [0, 1, 65_536, 300_000, 3_000_000, 20_000_000] {
        let mut pair = with_file(1, size);
        let before = pair.net.now;
        assert_eq!(pair.download(0).unwrap(), pair.server.files[0]);
        let took = pair.net.now.since(before);
        assert!(took < Duration::from_secs(2), "{size} bytes took {took:?} on a fast network");
        pair.run_for(Duration::from_secs(1));
        assert_eq!(pair.server.delivered, 1);
        assert!(pair.server.sending.is_empty());
    }
}

#[test]
fn it_goes_on_after_each_of_many_cuts() {
    for seed in 0..20 {
        let mut pair = with_file(seed, 4_000_000);
        pair.net.rate = Some(2_000_000);
        pair.call("download", r#"{"tag":"a","file":0}"#);
        for _ in 0..8 {
            let wait = pair.rng.below(700);
            pair.run_for(Duration::from_millis(wait));
            pair.cut();
        }
        assert_eq!(pair.downloaded(0).unwrap(), pair.server.files[0]);
        assert_eq!(pair.client().downloads.len(), 1);
        pair.run_for(Duration::from_secs(60));
        assert!(pair.server.sending.is_empty());
        let (_, machine) = pair.server.sessions().next().unwrap();
        assert_eq!(machine.load().streams_out, 0);
    }
}

#[test]
fn the_readers_last_word_may_be_lost_at_any_moment() {
    for size in [1_000, 600_000] {
        for wait in 0..100 {
            let mut pair = with_file(2, size);
            pair.connect();
            pair.call("download", r#"{"tag":"a","file":0}"#);
            pair.run_for(Duration::from_millis(wait));
            pair.cut();
            assert_eq!(pair.downloaded(0).unwrap(), pair.server.files[0]);
            pair.run_for(Duration::from_secs(30));
            assert_eq!(pair.client().downloads.len(), 1, "cut after {wait} ms: the stream was offered again");
            let (_, machine) = pair.server.sessions().next().unwrap();
            assert_eq!(machine.load().streams_out, 0, "cut after {wait} ms: the server still waits for the reader");
            assert_eq!(pair.server.delivered, 1);
            assert_eq!(pair.client().session.load().untold, 0);
        }
    }
}

#[test]
fn a_slow_app_holds_the_server_back() {
    let mut pair = with_file(3, 3_000_000);
    pair.server.config.limits.window = 300_000;
    pair.connect();
    pair.clients[0].use_time = None;
    pair.call("download", r#"{"tag":"a","file":0}"#);
    pair.run_for(Duration::from_secs(5));
    let download = &pair.client().downloads[0];
    let (stream, got) = (download.stream, download.content.len() as u64);
    assert!(got > 0 && got <= 300_000, "{got} bytes came unasked");
    pair.clients[0].use_time = Some(Duration::from_millis(5));
    pair.act(0, |client, net| client.session.consume(net.now, stream, got));
    assert_eq!(pair.downloaded(0).unwrap(), pair.server.files[0]);
}

#[test]
fn a_restarted_server_goes_on_with_it() {
    let mut pair = with_file(4, 4_000_000);
    pair.net.rate = Some(2_000_000);
    pair.call_idempotent("download", r#"{"tag":"a","file":0}"#);
    pair.run_for(Duration::from_millis(900));
    let before = pair.client().downloads[0].content.len();
    assert!(before > 100_000);
    pair.restart();
    assert_eq!(pair.downloaded(0).unwrap(), pair.server.files[0]);
}

#[test]
fn a_restarted_server_that_does_not_know_it_says_so() {
    let mut pair = with_file(5, 4_000_000);
    pair.server.keeps_downloads = false;
    pair.net.rate = Some(2_000_000);
    pair.call("download", r#"{"tag":"a","file":0}"#);
    pair.run_for(Duration::from_millis(900));
    pair.restart();
    assert_eq!(pair.downloaded(0).unwrap_err().code, Code::StreamNotFound);
}

#[test]
fn new_streams_after_a_restart_do_not_take_the_numbers_of_old_ones() {
    let mut pair = with_file(6, 2_000_000);
    pair.net.rate = Some(2_000_000);
    for n in 0..3 {
        pair.call("download", &format!(r#"{{"tag":"{n}","file":0}}"#));
    }
    pair.run_for(Duration::from_millis(500));
    pair.restart();
    pair.call_idempotent("download", r#"{"tag":"3","file":0}"#);
    for n in 0..4 {
        assert_eq!(pair.downloaded(n).unwrap(), pair.server.files[0]);
    }
}

#[test]
fn several_at_once_each_get_their_own_bytes() {
    let mut pair = with_file(7, 500_000);
    for _ in 0..4 {
        let content = pair.rng.bytes(500_000);
        pair.server.files.push(content);
    }
    for n in 0..5 {
        pair.call("download", &format!(r#"{{"tag":"{n}","file":{n}}}"#));
    }
    for n in 0..5 {
        let name = format!("file-{n}");
        assert_eq!(pair.downloaded(n).unwrap(), pair.server.files[n]);
        assert_eq!(pair.client().downloads[n].spec.name.as_ref(), Some(&name));
    }
}

#[test]
fn no_more_are_open_than_the_server_allows() {
    let mut pair = with_file(8, 2_000_000);
    pair.server.config.limits.max_streams = 2;
    pair.connect();
    pair.net.rate = Some(1_000_000);
    let calls: Vec<_> = (0..3).map(|n| pair.call("download", &format!(r#"{{"tag":"{n}","file":0}}"#))).collect();
    assert!(pair.result(calls[1]).is_ok());
    assert_eq!(pair.result(calls[2]).unwrap_err().code, Code::TooManyStreams);
}
