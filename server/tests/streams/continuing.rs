//! A stream that is continued goes on where it was, and the one who sent it before has no more say.

use samewire_protocol::{Code, Digest};
use samewire_server::streams::{Notice, StreamState};

use super::*;

#[test]
fn a_stream_goes_on_after_a_cut_at_what_was_pushed() {
    short_life(settings(), async |streams, path| {
        let data = data(700_001);
        let mut upload = Upload::open(&streams, stream(1), Some(data.len() as u64)).await.unwrap();
        assert_eq!((upload.attachment.offset, upload.attachment.state), (0, StreamState::Open));
        assert_eq!(upload.attachment.limit, settings().window);
        upload.send(&data, 300_000).await;
        drop(upload);

        let mut upload = Upload::open(&streams, stream(1), Some(data.len() as u64)).await.unwrap();
        assert_eq!(upload.attachment.offset, 300_000, "what was queued must be on the disk before the stream goes on");
        let finished = upload.finish(&data).await.unwrap();
        assert_eq!(finished, (data.len() as u64, Digest::of(&data)));

        let again = Upload::open(&streams, stream(1), Some(data.len() as u64)).await.unwrap();
        let (size, digest) = finished;
        assert_eq!(again.attachment.state, StreamState::Whole { size, digest });
        assert_eq!((again.attachment.offset, again.attachment.limit), (size, size));
        assert_eq!(std::fs::read(&blobs(&path)[0]).unwrap(), data);
    });
}

#[test]
fn the_older_attachment_is_fenced_off() {
    short_life(settings(), async |streams, _| {
        let data = data(400_000);
        let mut old = Upload::open(&streams, stream(1), Some(data.len() as u64)).await.unwrap();
        old.send(&data, 100_000).await;
        let mut new = Upload::open(&streams, stream(1), Some(data.len() as u64)).await.unwrap();
        assert_eq!(new.attachment.offset, 100_000);

        old.attachment.push(100_000, data.slice(100_000..150_000)).unwrap();
        old.attachment.end(100_000, Some(Digest::of(b"nothing")));
        old.attachment.abort(Failure::new(Code::StreamAborted, "too late"));
        drop(old);

        assert_eq!(new.finish(&data).await.unwrap(), (data.len() as u64, Digest::of(&data)));
    });
}

#[test]
fn an_attachment_that_waits_is_fenced_off_by_a_newer_one() {
    short_life(settings(), async |streams, _| {
        let data = data(200_000);
        let mut first = Upload::open(&streams, stream(1), None).await.unwrap();
        first.send(&data, data.len()).await;
        let all = (0..8).map(|_| Upload::open(&streams, stream(1), None));
        let outcomes = futures_util::future::join_all(all).await;
        let current: Vec<_> = outcomes
            .into_iter()
            .filter(|outcome| {
                outcome.as_ref().err().is_none_or(|failure| {
                    assert_eq!(failure.code, Code::Superseded);
                    false
                })
            })
            .collect();
        assert!(!current.is_empty());
        let mut last = Upload::open(&streams, stream(1), None).await.unwrap();
        assert_eq!(last.attachment.offset, data.len() as u64);
        last.finish(&data).await.unwrap();
    });
}

#[test]
fn an_end_that_is_said_twice_is_answered_twice() {
    short_life(settings(), async |streams, _| {
        let data = data(1_000);
        let mut upload = Upload::open(&streams, stream(1), None).await.unwrap();
        let finished = upload.finish(&data).await.unwrap();
        let mut again = Upload::open(&streams, stream(1), None).await.unwrap();
        again.attachment.end(finished.0, Some(finished.1));
        assert_eq!(again.outcome().await.unwrap(), finished);
        again.attachment.end(finished.0, Some(Digest::of(b"other bytes")));
        assert_eq!(code(again.outcome().await), Code::DigestMismatch);
        // The stream is as good as it was.
        let incoming = streams.incoming(&maria(), session(1), stream(1)).await.unwrap();
        assert_eq!(incoming.finished().await.unwrap(), finished);
    });
}

#[test]
fn another_session_of_the_owner_takes_the_stream_with_it() {
    let folder = folder();
    let data = data(100_000);
    life(folder.path(), settings(), async |streams| {
        let mut upload = Upload::open(&streams, stream(1), None).await.unwrap();
        upload.send(&data, 50_000).await;
        let mut moved = Upload::open_as(&streams, &maria(), session(2), stream(1), None).await.unwrap();
        assert_eq!(moved.attachment.offset, 50_000);
        assert_eq!(code(streams.incoming(&maria(), session(1), stream(1)).await), Code::StreamNotFound);
        assert!(streams.incoming(&maria(), session(2), stream(1)).await.is_ok());
        moved.finish(&data).await.unwrap();
    });
    life(folder.path(), settings(), async |streams| {
        assert_eq!(code(streams.incoming(&maria(), session(1), stream(1)).await), Code::StreamNotFound);
        assert!(streams.incoming(&maria(), session(2), stream(1)).await.is_ok());
    });
}

#[test]
fn another_size_is_another_stream() {
    short_life(settings(), async |streams, _| {
        let held = Upload::open(&streams, stream(1), Some(10)).await.unwrap();
        for size in [Some(11), None] {
            assert_eq!(code(Upload::open(&streams, stream(1), size).await.map(drop)), Code::SizeMismatch);
        }
        // Whoever was refused has not fenced off the one who is there.
        held.attachment.push(0, Bytes::from_static(b"0123456789")).unwrap();
        held.attachment.end(10, Some(Digest::of(b"0123456789")));
        let Upload { mut notices, .. } = held;
        while !matches!(notices.recv().await.unwrap(), Notice::Finished { .. }) {}
    });
}

#[test]
fn an_empty_stream_is_a_stream() {
    short_life(settings(), async |streams, _| {
        for (n, size) in [(1, Some(0)), (2, None)] {
            let mut upload = Upload::open(&streams, stream(n), size).await.unwrap();
            assert_eq!(upload.finish(&Bytes::new()).await.unwrap(), (0, Digest::of(b"")));
            let incoming = streams.incoming(&maria(), session(1), stream(n)).await.unwrap();
            assert_eq!(incoming.commit(None).await.unwrap().size, 0);
        }
    });
}
