//! What does not match, does not fit or cannot be written: its own code, nothing left behind, and the server goes on.

use samewire_protocol::{Code, Digest};

use super::*;

/// The stream ended with this code, and it is as if nothing had been sent.
async fn nothing_is_left(streams: &Streams, path: &Path, expected: Code) {
    assert_eq!(streams.count(), 0);
    assert_eq!(streams.store().used(&maria()).await.unwrap(), 0);
    blobs_become(path, 0).await;
    // A call of the same session hears why; another session hears nothing.
    assert_eq!(code(streams.incoming(&maria(), session(1), stream(1)).await), expected);
    assert_eq!(code(streams.incoming(&maria(), session(2), stream(1)).await), Code::StreamNotFound);
    // The id is free, and the reason belonged to the stream before.
    let data = data(70_000);
    Upload::open(streams, stream(1), None).await.unwrap().finish(&data).await.unwrap();
    streams.incoming(&maria(), session(1), stream(1)).await.unwrap().commit(None).await.unwrap();
}

#[test]
fn a_digest_that_differs() {
    short_life(settings(), async |streams, path| {
        let data = data(100_000);
        let mut upload = Upload::open(&streams, stream(1), Some(data.len() as u64)).await.unwrap();
        let incoming = streams.incoming(&maria(), session(1), stream(1)).await.unwrap();
        upload.send(&data, data.len()).await;
        upload.attachment.end(data.len() as u64, Some(Digest::of(b"other bytes")));
        let failure = upload.outcome().await.unwrap_err();
        assert!(failure.code == Code::DigestMismatch && failure.retryable);
        assert_eq!(incoming.commit(None).await.unwrap_err(), failure);
        nothing_is_left(&streams, &path, Code::DigestMismatch).await;
    });
}

#[test]
fn an_end_before_the_declared_size_or_with_another_one() {
    for (declared, sent, said) in [(Some(1_000), 900, 900), (Some(1_000), 1_000, 999), (None, 1_000, 1_001), (Some(0), 0, 1)] {
        short_life(settings(), async |streams, path| {
            let data = data(sent);
            let mut upload = Upload::open(&streams, stream(1), declared).await.unwrap();
            upload.send(&data, sent).await;
            upload.attachment.end(said, Some(Digest::of(&data)));
            assert_eq!(code(upload.outcome().await), Code::SizeMismatch);
            nothing_is_left(&streams, &path, Code::SizeMismatch).await;
        });
    }
}

#[test]
fn an_abort_frees_everything_at_once() {
    let quota = samewire_server::limits::Quota { user: 1_000_000, anonymous: 0 };
    short_life(Settings { quota, ..settings() }, async |streams, path| {
        let data = data(600_000);
        let mut upload = Upload::open(&streams, stream(1), Some(1_000_000)).await.unwrap();
        let incoming = streams.incoming(&maria(), session(1), stream(1)).await.unwrap();
        upload.send(&data, data.len()).await;
        upload.attachment.abort(Failure::new(Code::StreamAborted, "the person changed their mind"));
        // No pause: the room can be used by the very next request.
        let other = Upload::open(&streams, stream(2), Some(1_000_000)).await.unwrap();
        assert_eq!(code(incoming.finished().await), Code::StreamAborted);
        upload.attachment.push(600_000, data.slice(..1)).unwrap();
        upload.attachment.end(600_001, Some(Digest::of(b"")));
        other.attachment.abort(Failure::new(Code::StreamAborted, "this one too"));
        nothing_is_left(&streams, &path, Code::StreamAborted).await;
    });
}

#[test]
fn a_stream_can_be_given_up_without_a_hold_on_it() {
    short_life(settings(), async |streams, path| {
        let failure = || Failure::new(Code::StreamAborted, "never mind");
        streams.give_up(&maria(), stream(1), failure());
        let opening = Upload::open(&streams, stream(1), Some(10));
        tokio::pin!(opening);
        let polled = poll_once(opening.as_mut()).await;
        // The stream is still being opened, as a rule: it is given up as soon as it is.
        streams.give_up(&maria(), stream(1), failure());
        let opened = match polled {
            Poll::Ready(opened) => opened,
            Poll::Pending => opening.await,
        };
        match opened {
            Ok(mut upload) => assert_eq!(code(upload.outcome().await), Code::StreamAborted),
            Err(failure) => assert_eq!(failure.code, Code::StreamAborted),
        }
        nothing_is_left(&streams, &path, Code::StreamAborted).await;
    });
}

#[test]
fn a_disk_that_is_full() {
    short_life(settings(), async |streams, path| {
        let data = data(300_000);
        let mut upload = Upload::open(&streams, stream(1), Some(data.len() as u64)).await.unwrap();
        // The file that the first bytes go to is a disk without room.
        let blob = blobs(&path).remove(0);
        std::fs::remove_file(&blob).unwrap();
        std::os::unix::fs::symlink("/dev/full", &blob).unwrap();
        upload.attachment.push(0, data.slice(..CHUNK)).unwrap();
        let failure = upload.outcome().await.unwrap_err();
        assert!(failure.code == Code::StorageFull && failure.retryable);
        nothing_is_left(&streams, &path, Code::StorageFull).await;
    });
}

#[test]
fn a_disk_that_fails() {
    short_life(settings(), async |streams, path| {
        let mut upload = Upload::open(&streams, stream(1), None).await.unwrap();
        std::fs::remove_file(&blobs(&path)[0]).unwrap();
        upload.attachment.push(0, data(CHUNK)).unwrap();
        let failure = upload.outcome().await.unwrap_err();
        assert_eq!(failure.code, Code::Internal);
        assert!(!failure.message.contains(path.to_str().unwrap()), "a path is told to the client");
        nothing_is_left(&streams, &path, Code::Internal).await;
    });
}

#[test]
fn a_stream_that_the_disk_has_no_room_for_is_refused_at_once() {
    let settings =
        Settings { max_upload: u64::MAX, quota: samewire_server::limits::Quota { user: u64::MAX, anonymous: 0 }, ..settings() };
    short_life(settings, async |streams, path| {
        let outcome = Upload::open(&streams, stream(1), Some(1 << 52)).await.map(drop);
        assert_eq!(code(outcome), Code::StorageFull);
        assert!(streams.count() == 0 && blobs(&path).is_empty());
    });
}
