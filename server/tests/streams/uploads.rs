//! Uploads without a session: any session of their owner may name them, and no one else.

use samewire_protocol::{Code, Digest};
use samewire_server::streams::{StreamState, no_upload, not_found};

use super::*;

#[test]
fn an_upload_that_knows_no_digest_gets_the_servers() {
    short_life(settings(), async |streams, path| {
        let data = data(1_500_001);
        let mut upload = begin(&streams, stream(1), Some(data.len() as u64)).await.unwrap();
        upload.write(data.slice(..700_000)).await.unwrap();
        assert_eq!(upload.settle().await.unwrap(), 700_000);
        assert_eq!(code(upload.finish(None).await), Code::SizeMismatch);
        upload.write(data.slice(700_000..)).await.unwrap();
        assert_eq!(code(upload.write(data.slice(..1)).await), Code::SizeMismatch);
        let whole = upload.finish(None).await.unwrap();
        assert_eq!(whole, (data.len() as u64, Digest::of(&data)));
        assert_eq!(upload.finish(None).await.unwrap(), whole);
        assert_eq!(upload.finish(Some(whole.1)).await.unwrap(), whole);
        assert_eq!(code(upload.finish(Some(Digest::of(b"others"))).await), Code::DigestMismatch);
        let file = upload.commit(None).await.unwrap();
        assert_eq!((file.name.as_str(), file.digest), ("holiday.mov", whole.1));
        assert_eq!(std::fs::read(&blobs(&path)[0]).unwrap(), data);
    });
}

#[test]
fn every_session_of_the_owner_may_name_it_and_nobody_elses() {
    short_life(settings(), async |streams, _| {
        let data = data(1_000);
        let mut upload = begin(&streams, stream(1), None).await.unwrap();
        upload.write(data.clone()).await.unwrap();
        upload.finish(None).await.unwrap();
        let file = streams.incoming(&maria(), session(1), stream(1)).await.unwrap().commit(None).await.unwrap();
        let again = streams.incoming(&maria(), session(2), stream(1)).await.unwrap().commit(None).await.unwrap();
        assert_eq!(again, file);

        let paul = Identity::user("paul").unwrap().owner().clone();
        let mut held = begin(&streams, stream(2), None).await.unwrap();
        for id in [stream(1), stream(2), stream(9)] {
            assert_eq!(streams.incoming(&paul, session(1), id).await.unwrap_err(), not_found(id));
            let refused = streams.continue_upload(&paul, allowance(&streams, &paul), id).await;
            assert_eq!(refused.unwrap_err(), no_upload(id));
            assert!(streams.look(&paul, id).await.unwrap().is_none());
        }
        // What he opens under the same id is another one.
        let mut his = streams.open_upload(&paul, allowance(&streams, &paul), Some(stream(2)), spec(None)).await.unwrap();
        his.write(data.slice(..10)).await.unwrap();
        held.write(data).await.unwrap();
        assert_eq!((his.settle().await.unwrap(), held.settle().await.unwrap()), (10, 1_000));
    });
}

#[test]
fn a_newer_holder_ends_the_older_wherever_they_are() {
    short_life(settings(), async |streams, _| {
        let data = data(100_000);
        let mut first = begin(&streams, stream(1), Some(100_000)).await.unwrap();
        first.write(data.slice(..30_000)).await.unwrap();
        let mut second = go_on(&streams, stream(1)).await.unwrap();
        assert_eq!((second.received(), first.lost().await.code), (30_000, Code::Superseded));
        assert_eq!(code(first.write(data.slice(..10)).await), Code::Superseded);
        assert_eq!(code(first.settle().await), Code::Superseded);
        assert_eq!(code(first.finish(None).await), Code::Superseded);
        drop(first);

        second.write(data.slice(30_000..40_000)).await.unwrap();
        let mut third = Upload::open(&streams, stream(1), Some(100_000)).await.unwrap();
        assert_eq!((third.attachment.offset, second.lost().await.code), (40_000, Code::Superseded));
        assert_eq!(code(streams.incoming(&maria(), session(2), stream(1)).await), Code::StreamNotFound);
        third.send(&data, 60_000).await;

        let mut fourth = go_on(&streams, stream(1)).await.unwrap();
        assert_eq!(code(third.outcome().await), Code::Superseded);
        fourth.write(data.slice(60_000..)).await.unwrap();
        assert_eq!(fourth.finish(None).await.unwrap().1, Digest::of(&data));
        assert!(streams.incoming(&maria(), session(2), stream(1)).await.is_ok());
    });
}

#[test]
fn a_holder_that_waits_for_credit_is_ended_too() {
    short_life(with_quota(200_000), async |streams, _| {
        let other = Upload::open(&streams, stream(2), Some(100_000)).await.unwrap();
        let mut first = begin(&streams, stream(1), None).await.unwrap();
        first.write(data(100_000)).await.unwrap();
        first.settle().await.unwrap();
        let writing = tokio::spawn(async move { first.write(data(100_000)).await.map(|()| first) });
        assert_eq!(code(writing.await.unwrap()), Code::QuotaExceeded);
        assert_eq!(streams.store().used(&maria()).await.unwrap(), 100_000);
        assert!(streams.look(&maria(), stream(1)).await.unwrap().is_none());
        drop(other);
    });
}

#[test]
fn a_length_that_becomes_known_is_reserved() {
    short_life(with_quota(1_000_000), async |streams, _| {
        let data = data(500_000);
        let mut upload = begin(&streams, stream(1), None).await.unwrap();
        upload.write(data.slice(..100_000)).await.unwrap();
        for (size, expected) in [(99_999, Code::SizeMismatch), (1_000_001, Code::QuotaExceeded), (65 << 20, Code::TooBig)] {
            assert_eq!(code(upload.declare(size).await), expected, "{size}");
        }
        upload.declare(500_000).await.unwrap();
        upload.declare(500_000).await.unwrap();
        assert_eq!(code(upload.declare(500_001).await), Code::SizeMismatch);
        assert_eq!(streams.store().used(&maria()).await.unwrap(), 500_000);
        assert_eq!(code(Upload::open(&streams, stream(2), Some(500_001)).await.map(drop)), Code::QuotaExceeded);
        drop(upload);
        let mut upload = go_on(&streams, stream(1)).await.unwrap();
        assert_eq!((upload.received(), upload.size()), (100_000, Some(500_000)));
        assert_eq!(code(upload.write(data.clone()).await), Code::SizeMismatch);
        upload.write(data.slice(100_000..)).await.unwrap();
        assert_eq!(upload.finish(None).await.unwrap().1, Digest::of(&data));
    });
}

#[test]
fn a_look_disturbs_nobody() {
    let folder = folder();
    let data = data(100_000);
    let file = life(folder.path(), settings(), async |streams| {
        let noted = StreamSpec { note: Some("filename aG9saWRheQ==".into()), ..spec(Some(100_000)) };
        let maria = maria();
        let mut upload = streams.open_upload(&maria, allowance(&streams, &maria), None, noted.clone()).await.unwrap();
        let id = upload.id();
        upload.write(data.slice(..70_000)).await.unwrap();
        upload.settle().await.unwrap();
        let seen = streams.look(&maria, id).await.unwrap().unwrap();
        assert_eq!((seen.offset, seen.size, seen.state, &seen.spec), (70_000, Some(100_000), StreamState::Open, &noted));
        assert_eq!(seen.expires - seen.opened, 24 * 60 * 60 * 1000);
        upload.write(data.slice(70_000..)).await.unwrap();
        upload.finish(None).await.unwrap();
        let seen = streams.look(&maria, id).await.unwrap().unwrap();
        assert!(matches!(seen.state, StreamState::Whole { size: 100_000, .. }) && seen.file.is_none());
        assert!(seen.expires < seen.opened + 2 * 60 * 60 * 1000, "a whole one waits for a call only so long");
        let file = upload.commit(None).await.unwrap();
        (id, file.id, noted)
    });
    life(folder.path(), settings(), async |streams| {
        let (id, file, noted) = file;
        let seen = streams.look(&maria(), id).await.unwrap().unwrap();
        assert!(matches!(seen.state, StreamState::Committed { size: 100_000, .. }));
        assert_eq!((seen.file, seen.offset, &seen.spec), (Some(file), 100_000, &noted));
        let mut upload = go_on(&streams, id).await.unwrap();
        assert_eq!(code(upload.write(data.slice(..1)).await), Code::SizeMismatch);
        assert_eq!(upload.finish(None).await.unwrap().0, 100_000);
        assert_eq!(upload.commit(Some("again")).await.unwrap().id, file);
        assert_eq!(streams.incoming(&maria(), session(7), id).await.unwrap().commit(None).await.unwrap().id, file);
    });
}

fn with_quota(user: u64) -> Settings {
    Settings { window: 64 * 1024, quota: samewire_server::limits::Quota { user, anonymous: 1_000 }, ..settings() }
}
