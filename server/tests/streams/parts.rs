//! Parts of an upload count as a whole or not at all, whatever happens meanwhile.

use samewire_protocol::{Code, Digest};

use super::*;

#[test]
fn a_part_counts_once_it_is_proven() {
    short_life(settings(), async |streams, path| {
        let data = data(2_000_000);
        let mut upload = begin(&streams, stream(1), Some(data.len() as u64)).await.unwrap();
        upload.write(data.slice(..10_000)).await.unwrap();
        upload.begin_part().await.unwrap();
        assert_eq!(code(upload.begin_part().await), Code::Conflict);
        // More than the window: credit goes on with what is on the disk, though nothing of it counts.
        upload.write(data.slice(10_000..1_500_000)).await.unwrap();
        assert_eq!(upload.settle().await.unwrap(), 10_000);
        let incoming = streams.incoming(&maria(), session(1), stream(1)).await.unwrap();
        assert_eq!(incoming.progress().durable, 10_000);
        assert_eq!(upload.commit_part().await.unwrap(), 1_500_000);
        assert_eq!(incoming.progress().durable, 1_500_000);
        assert_eq!(code(upload.commit_part().await), Code::Conflict);

        upload.begin_part().await.unwrap();
        upload.write(data.slice(1_500_000..)).await.unwrap();
        assert_eq!(code(upload.finish(None).await), Code::Conflict);
        upload.commit_part().await.unwrap();
        assert_eq!(upload.finish(None).await.unwrap().1, Digest::of(&data));
        assert_eq!(code(upload.begin_part().await), Code::Conflict);
        assert_eq!(std::fs::read(&blobs(&path)[0]).unwrap(), data);
    });
}

#[test]
fn a_part_that_is_discarded_never_was() {
    short_life(settings(), async |streams, path| {
        let (right, wrong) = (data(900_000), Bytes::from(vec![0; 900_000]));
        let mut upload = begin(&streams, stream(1), Some(900_000)).await.unwrap();
        for (from, to) in [(0, 300_001), (300_001, 600_000), (600_000, 900_000)] {
            for _ in 0..2 {
                upload.begin_part().await.unwrap();
                upload.write(wrong.slice(from..to)).await.unwrap();
                assert_eq!(upload.discard_part().await.unwrap(), from as u64);
                assert_eq!(upload.received(), from as u64);
            }
            upload.begin_part().await.unwrap();
            upload.write(right.slice(from..to)).await.unwrap();
            assert_eq!(upload.commit_part().await.unwrap(), to as u64);
        }
        assert_eq!(upload.finish(None).await.unwrap().1, Digest::of(&right));
        assert_eq!(std::fs::read(&blobs(&path)[0]).unwrap(), right);
    });
}

#[test]
fn a_part_whose_holder_is_lost_is_dropped() {
    short_life(settings(), async |streams, _| {
        let data = data(700_000);
        let mut upload = begin(&streams, stream(1), None).await.unwrap();
        upload.write(data.slice(..100_000)).await.unwrap();
        upload.begin_part().await.unwrap();
        upload.write(data.slice(..400_000)).await.unwrap();
        drop(upload);
        // A newer holder does not wait for the older to let go.
        let mut upload = go_on(&streams, stream(1)).await.unwrap();
        assert_eq!(upload.received(), 100_000);
        upload.begin_part().await.unwrap();
        upload.write(data.slice(..300_000)).await.unwrap();
        let mut newer = go_on(&streams, stream(1)).await.unwrap();
        assert_eq!(newer.received(), 100_000);
        assert_eq!(code(upload.commit_part().await), Code::Superseded);
        newer.write(data.slice(100_000..)).await.unwrap();
        assert_eq!(newer.finish(None).await.unwrap().1, Digest::of(&data));
    });
}

/// The process is killed before the part begins, while it is written, and after it was proven.
#[test]
fn a_part_that_was_not_proven_does_not_survive_a_kill() {
    let (running, folder) = (folder(), folder());
    let data = data(1_000_000);
    life(running.path(), settings(), async |streams| {
        let mut held = Vec::new();
        for n in 1..=4 {
            let mut upload = begin(&streams, stream(n), Some(1_000_000)).await.unwrap();
            upload.write(data.slice(..100_000)).await.unwrap();
            upload.settle().await.unwrap();
            if n > 1 {
                upload.begin_part().await.unwrap();
            }
            if n > 2 {
                upload.write(data.slice(100_000..600_000)).await.unwrap();
                upload.settle().await.unwrap();
            }
            if n > 3 {
                upload.commit_part().await.unwrap();
            }
            held.push(upload);
        }
        // What a kill would leave at this moment. To end this life would let go of the uploads, and put in order what is let go.
        copy(running.path(), folder.path());
    });
    let mut sizes: Vec<u64> = blobs(folder.path()).iter().map(|blob| blob.metadata().unwrap().len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [100_000, 100_000, 600_000, 600_000], "the kill left the bytes of a part behind");
    // Twice, because what is written after a part was cut off must be safe from the next kill.
    for written in [100_000, 300_000] {
        life(folder.path(), settings(), async |streams| {
            for n in 1..=3 {
                let mut upload = go_on(&streams, stream(n)).await.unwrap();
                assert_eq!(upload.received(), written, "{n}");
                if written == 100_000 {
                    upload.write(data.slice(100_000..300_000)).await.unwrap();
                    upload.settle().await.unwrap();
                } else {
                    upload.write(data.slice(300_000..)).await.unwrap();
                    assert_eq!(upload.finish(None).await.unwrap().1, Digest::of(&data));
                }
            }
            assert_eq!(go_on(&streams, stream(4)).await.unwrap().received(), 600_000);
        });
    }
}

#[test]
fn a_part_of_a_stream_that_is_given_up_leaves_nothing() {
    short_life(settings(), async |streams, path| {
        let mut upload = begin(&streams, stream(1), Some(500_000)).await.unwrap();
        upload.begin_part().await.unwrap();
        upload.write(data(400_000)).await.unwrap();
        streams.give_up(&maria(), stream(1), Failure::new(Code::Canceled, "not wanted any more"));
        assert_eq!(code(upload.commit_part().await), Code::Canceled);
        assert_eq!(streams.store().used(&maria()).await.unwrap(), 0);
        blobs_become(&path, 0).await;
    });
}

#[test]
fn a_part_beyond_the_quota_ends_an_upload_of_unknown_length() {
    let settings =
        Settings { window: 64 * 1024, quota: samewire_server::limits::Quota { user: 500_000, anonymous: 0 }, ..settings() };
    short_life(settings, async |streams, path| {
        let mut upload = begin(&streams, stream(1), None).await.unwrap();
        upload.begin_part().await.unwrap();
        let refused = match upload.write(data(600_000)).await {
            Ok(()) => upload.commit_part().await.map(drop),
            refused => refused,
        };
        assert_eq!(code(refused), Code::QuotaExceeded);
        blobs_become(&path, 0).await;
    });
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}
