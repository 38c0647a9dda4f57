//! Room is reserved when a stream is opened, and free again as soon as the bytes are gone.

use std::time::Duration;

use samewire_protocol::Code;
use samewire_server::limits::Quota;
use samewire_server::store::now_ms;

use super::*;

const WINDOW: u64 = 64 * 1024;

fn with_quota(user: u64) -> Settings {
    Settings { window: WINDOW, quota: Quota { user, anonymous: 1_000 }, ..settings() }
}

#[test]
fn declared_sizes_are_reserved_at_open() {
    short_life(with_quota(1_000_000), async |streams, _| {
        let held = Upload::open(&streams, stream(1), Some(600_000)).await.unwrap();
        let failure = Upload::open(&streams, stream(2), Some(400_001)).await.map(drop).unwrap_err();
        assert_eq!(failure.code, Code::QuotaExceeded);
        assert!(failure.message.contains("400000"), "{failure}");
        let other = Upload::open(&streams, stream(2), Some(400_000)).await.unwrap();
        assert_eq!(streams.store().used(&maria()).await.unwrap(), 1_000_000);
        drop((held, other));
        // A lost connection gives nothing back; the streams can still be continued.
        assert_eq!(code(Upload::open(&streams, stream(3), Some(1)).await.map(drop)), Code::QuotaExceeded);
        assert!(Upload::open(&streams, stream(1), Some(600_000)).await.is_ok());
    });
}

#[test]
fn files_count_until_they_are_removed_and_their_last_download_is_over() {
    short_life(with_quota(1_000), async |streams, path| {
        Upload::open(&streams, stream(1), Some(1_000)).await.unwrap().finish(&data(1_000)).await.unwrap();
        let file = streams.incoming(&maria(), session(1), stream(1)).await.unwrap().commit(None).await.unwrap();
        let full = async |n| code(Upload::open(&streams, stream(n), Some(1)).await.map(drop)) == Code::QuotaExceeded;
        assert!(full(2).await);

        let (first, _) = streams.open_file(&maria(), session(1), file.id).await.unwrap();
        let (second, _) = streams.open_file(&maria(), session(1), file.id).await.unwrap();
        assert!(streams.store().remove_file(&maria(), file.id).await.unwrap());
        assert!(full(2).await, "the bytes are still there");
        first.finished();
        assert!(full(2).await);
        assert_eq!(second.read(0, 1_000).await.unwrap(), data(1_000));
        second.finished();
        Upload::open(&streams, stream(2), Some(1_000)).await.unwrap();
        blobs_become(&path, 1).await;
    });
}

#[test]
fn unknown_length_reserves_in_steps_and_gives_back_the_rest() {
    short_life(with_quota(64 << 20), async |streams, _| {
        let data = data(3 << 20);
        let mut upload = Upload::open(&streams, stream(1), None).await.unwrap();
        let at_open = streams.store().used(&maria()).await.unwrap();
        assert!((WINDOW..=16 * WINDOW).contains(&at_open));
        upload.send(&data, data.len()).await;
        upload.settle().await;
        let used = streams.store().used(&maria()).await.unwrap();
        assert!((3 << 20..=(3 << 20) + 17 * WINDOW).contains(&used), "{used}");
        upload.finish(&data).await.unwrap();
        assert_eq!(streams.store().used(&maria()).await.unwrap(), 3 << 20);
    });
}

#[test]
fn unknown_length_ends_where_the_quota_does() {
    let quota = 10 * WINDOW + 123;
    short_life(with_quota(quota), async |streams, path| {
        // One that fits exactly is stored.
        let exact = data(usize::try_from(quota).unwrap());
        let mut upload = Upload::open(&streams, stream(1), None).await.unwrap();
        upload.finish(&exact).await.unwrap();
        let file = streams.incoming(&maria(), session(1), stream(1)).await.unwrap().commit(None).await.unwrap();
        assert_eq!(code(Upload::open(&streams, stream(2), None).await.map(drop)), Code::QuotaExceeded);
        streams.store().remove_file(&maria(), file.id).await.unwrap();

        // One that goes on has credit for one byte beyond the quota, by which it is known, and is ended at once.
        let mut upload = Upload::open(&streams, stream(2), None).await.unwrap();
        upload.send(&exact, exact.len()).await;
        upload.settle().await;
        assert_eq!(code(upload.attachment.push(quota, data(2))), Code::BeyondCredit);
        assert_eq!(streams.sweep(now_ms() + 10_000).await.unwrap(), 0, "its end may be on the way");
        upload.attachment.push(quota, data(1)).unwrap();
        assert_eq!(code(upload.outcome().await), Code::QuotaExceeded);
        assert_eq!(streams.store().used(&maria()).await.unwrap(), 0);
        blobs_become(&path, 0).await;
    });
}

#[test]
fn unknown_length_goes_on_when_room_was_made() {
    let quota = 8 * WINDOW;
    short_life(with_quota(quota), async |streams, _| {
        let other = Upload::open(&streams, stream(2), Some(4 * WINDOW)).await.unwrap();
        let data = data(usize::try_from(6 * WINDOW).unwrap());
        let mut upload = Upload::open(&streams, stream(1), None).await.unwrap();
        upload.send(&data, data.len() - usize::try_from(2 * WINDOW).unwrap()).await;
        upload.settle().await;
        other.attachment.abort(Failure::new(Code::StreamAborted, "room for the other"));
        upload.finish(&data).await.unwrap();
    });
}

#[test]
fn unknown_length_ends_at_the_largest_stream() {
    let max_upload = 5 * WINDOW;
    let settings = Settings { max_upload, ..with_quota(64 << 20) };
    short_life(settings, async |streams, _| {
        let exact = data(usize::try_from(max_upload).unwrap());
        Upload::open(&streams, stream(1), None).await.unwrap().finish(&exact).await.unwrap();
        let mut upload = Upload::open(&streams, stream(2), None).await.unwrap();
        upload.send(&exact, exact.len()).await;
        upload.settle().await;
        upload.attachment.push(max_upload, data(1)).unwrap();
        assert_eq!(code(upload.outcome().await), Code::TooBig);
    });
}

#[test]
fn anonymous_sessions_have_their_own_quota_and_leave_nothing() {
    short_life(with_quota(1_000_000), async |streams, path| {
        let identity = Identity::anonymous(session(1));
        let open = async |n, size| Upload::open_as(&streams, identity.owner(), session(1), stream(n), Some(size)).await;
        assert_eq!(code(open(1, 1_001).await.map(drop)), Code::QuotaExceeded);
        open(1, 500).await.unwrap().finish(&data(500)).await.unwrap();
        streams.incoming(identity.owner(), session(1), stream(1)).await.unwrap().commit(None).await.unwrap();
        let mut held = open(2, 500).await.unwrap();
        let mut user = Upload::open(&streams, stream(3), Some(10)).await.unwrap();

        streams.owner_gone(identity.owner()).await.unwrap();
        assert_eq!(code(held.outcome().await), Code::SessionClosed);
        assert_eq!(streams.store().used(identity.owner()).await.unwrap(), 0);
        assert!(streams.store().files(identity.owner(), 10).await.unwrap().is_empty());
        blobs_become(&path, 1).await;
        user.finish(&data(10)).await.unwrap();
    });
}

#[test]
fn anonymous_files_of_a_session_that_a_restart_forgot_expire() {
    let folder = folder();
    let identity = Identity::anonymous(session(1));
    life(folder.path(), settings(), async |streams| {
        for (n, owner) in [(1, identity.owner()), (2, &maria())] {
            Upload::open_as(&streams, owner, session(1), stream(n), None).await.unwrap().finish(&data(500)).await.unwrap();
            streams.incoming(owner, session(1), stream(n)).await.unwrap().commit(None).await.unwrap();
        }
    });
    life(folder.path(), settings(), async |streams| {
        let day = u64::try_from((settings().absolute_ttl + Duration::from_secs(1)).as_millis()).unwrap();
        streams.sweep(now_ms()).await.unwrap();
        assert_eq!(blobs(folder.path()).len(), 2);
        streams.sweep(now_ms() + day).await.unwrap();
        assert_eq!(blobs(folder.path()).len(), 1);
        assert_eq!(streams.store().files(&maria(), 10).await.unwrap().len(), 1);
    });
}
