//! Who may send when: text before bulk, and one stream after the other.

use std::time::Duration;

use samewire_tests::pair::Pair;

#[test]
fn streams_take_turns() {
    let mut pair = Pair::connected(1);
    pair.net.rate = Some(1_000_000);
    let content = pair.rng.bytes(3_000_000);
    let streams: Vec<_> = (0..4).map(|_| pair.upload(content.clone())).collect();
    let counts = |pair: &Pair| -> Vec<_> {
        streams.iter().map(|stream| pair.stored(*stream).map_or(0, |stored| stored.content.len())).collect()
    };
    // The first to be opened has the socket's buffer to itself for a moment.
    pair.run_for(Duration::from_secs(1));
    for _ in 0..6 {
        let before = counts(&pair);
        pair.run_for(Duration::from_secs(1));
        let got: Vec<_> = counts(&pair).iter().zip(before).map(|(now, before)| now - before).collect();
        let (least, most) = (got.iter().min().unwrap(), got.iter().max().unwrap());
        assert!(most - least <= 2 * 65_536, "{got:?}");
    }
    for stream in streams {
        assert!(pair.uploaded(stream).is_ok());
    }
}

#[test]
fn a_small_stream_does_not_wait_for_a_large_one() {
    let mut pair = Pair::connected(2);
    pair.net.rate = Some(1_000_000);
    let large = pair.rng.bytes(20_000_000);
    let large = pair.upload(large);
    pair.run_for(Duration::from_secs(3));
    let before = pair.net.now;
    let small = pair.upload(vec![1; 1_000].into());
    assert!(pair.uploaded(small).is_ok());
    let took = pair.net.now.since(before);
    assert!(took < Duration::from_millis(900), "{took:?}");
    assert!(pair.client().uploads[&large].outcomes.is_empty());
}

#[test]
fn a_call_waits_for_some_chunks_and_not_for_the_file() {
    let mut pair = Pair::connected(3);
    pair.net.rate = Some(10_000_000);
    let content = pair.rng.bytes(50_000_000);
    let stream = pair.upload(content);
    pair.run_for(Duration::from_secs(1));
    let mut worst = Duration::ZERO;
    for n in 0..20 {
        let before = pair.net.now;
        let call = pair.call("echo", &format!(r#"{{"tag":"{n}"}}"#));
        assert!(pair.result(call).is_ok());
        worst = worst.max(pair.net.now.since(before));
        pair.run_for(Duration::from_millis(37));
    }
    assert!(pair.client().uploads[&stream].outcomes.is_empty());
    // 20 ms there and back; what waits in the socket's buffer is 256 KiB, which is 26 ms here.
    assert!(worst < Duration::from_millis(60), "{worst:?}");
}

#[test]
fn a_call_is_answered_while_a_download_runs() {
    let mut pair = Pair::connected(4);
    pair.net.rate = Some(10_000_000);
    let content = pair.rng.bytes(50_000_000);
    pair.server.files.push(content);
    pair.call("download", r#"{"tag":"d","file":0}"#);
    pair.run_for(Duration::from_secs(1));
    for n in 0..20 {
        let before = pair.net.now;
        let call = pair.call("echo", &format!(r#"{{"tag":"{n}"}}"#));
        assert!(pair.result(call).is_ok());
        let took = pair.net.now.since(before);
        assert!(took < Duration::from_millis(60), "{took:?}");
        pair.run_for(Duration::from_millis(37));
    }
}
