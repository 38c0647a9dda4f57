//! Pausing a stream: nothing more goes out, nothing is lost, and everything else goes on.

use std::time::Duration;

use samewire_protocol::streams::Source;
use samewire_tests::pair::Pair;

#[test]
fn a_paused_stream_stands_still_and_goes_on() {
    for source in [Source::Seekable, Source::Once] {
        let mut pair = Pair::connected(1);
        pair.net.rate = Some(1_000_000);
        let content = pair.rng.bytes(3_000_000);
        let stream = pair.upload_as(0, content.clone(), Some(3_000_000), source);
        let other = pair.upload_as(0, content.clone(), Some(3_000_000), source);
        pair.run_for(Duration::from_secs(1));
        pair.act(0, |client, net| client.session.pause_stream(net.now, stream, true));
        pair.run_for(Duration::from_secs(1));
        let before = pair.stored(stream).unwrap().content.len();
        assert!(pair.uploaded(other).is_ok());
        pair.cut();
        pair.run_for(Duration::from_secs(60));
        assert_eq!(pair.stored(stream).unwrap().content.len(), before);
        pair.act(0, |client, net| client.session.pause_stream(net.now, stream, false));
        assert!(pair.uploaded(stream).is_ok());
        assert_eq!(pair.stored(stream).unwrap().content, content);
    }
}

#[test]
fn a_stream_paused_before_the_connection_waits() {
    let mut pair = Pair::new(2);
    let stream = pair.upload("hello".into());
    pair.act(0, |client, net| client.session.pause_stream(net.now, stream, true));
    pair.run_for(Duration::from_secs(10));
    assert!(pair.stored(stream).unwrap().content.is_empty());
    pair.act(0, |client, net| client.session.pause_stream(net.now, stream, false));
    assert!(pair.uploaded(stream).is_ok());
}

#[test]
fn a_stream_paused_at_its_end_does_not_end() {
    let mut pair = Pair::connected(3);
    pair.clients[0].read_time = Duration::from_millis(100);
    let stream = pair.upload_as(0, "hello".into(), None, Source::Once);
    pair.run_for(Duration::from_millis(150));
    pair.act(0, |client, net| client.session.pause_stream(net.now, stream, true));
    pair.run_for(Duration::from_secs(10));
    assert!(pair.client().uploads[&stream].outcomes.is_empty());
    pair.act(0, |client, net| client.session.pause_stream(net.now, stream, false));
    assert!(pair.uploaded(stream).is_ok());
}
