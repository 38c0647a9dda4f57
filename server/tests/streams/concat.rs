//! One upload made of several.

use samewire_protocol::{Code, Digest};
use samewire_server::limits::Quota;
use samewire_server::streams::MAX_PER_OWNER;

use super::*;

const NAMED: fn() -> StreamSpec = || spec(None);

#[test]
fn parts_become_one_in_the_order_in_which_they_are_named() {
    let folder = folder();
    let data = data(3_000_001);
    let joined = life(folder.path(), settings(), async |streams| {
        whole(&streams, stream(2), &data.slice(1_000_003..)).await;
        whole(&streams, stream(1), &data.slice(..1_000_003)).await;
        whole(&streams, stream(3), &data.slice(..0)).await;
        let parts = [stream(1), stream(3), stream(2)];
        let mut joined = streams.concat(&maria(), allowance(&streams, &maria()), None, &parts, NAMED()).await.unwrap();
        assert_eq!(joined.finish(None).await.unwrap(), (3_000_001, Digest::of(&data)));
        assert_eq!(streams.store().used(&maria()).await.unwrap(), 3_000_001);
        for part in parts {
            assert_eq!(code(go_on(&streams, part).await), Code::StreamNotFound);
        }
        blobs_become(folder.path(), 1).await;
        joined.id()
    });
    life(folder.path(), settings(), async |streams| {
        let file = go_on(&streams, joined).await.unwrap().commit(None).await.unwrap();
        assert_eq!((file.size, file.digest), (3_000_001, Digest::of(&data)));
        assert_eq!(std::fs::read(&blobs(folder.path())[0]).unwrap(), data);
    });
}

#[test]
fn the_bytes_count_once_for_the_quota() {
    let settings = Settings { quota: Quota { user: 1_000, anonymous: 0 }, ..settings() };
    short_life(settings, async |streams, path| {
        let data = data(1_000);
        let maria = maria();
        whole(&streams, stream(1), &data.slice(..600)).await;
        whole(&streams, stream(2), &data.slice(600..)).await;
        let concat = async |parts: &[StreamId]| streams.concat(&maria, allowance(&streams, &maria), None, parts, NAMED()).await;
        // Known before anything is copied: what cannot be read here is not what it fails for.
        let hidden = path.join("hidden");
        std::fs::rename(path.join("blobs"), &hidden).unwrap();
        assert_eq!(code(concat(&[stream(1), stream(2), stream(2)]).await), Code::QuotaExceeded);
        std::fs::rename(&hidden, path.join("blobs")).unwrap();
        blobs_become(&path, 2).await;
        let mut joined = concat(&[stream(1), stream(2)]).await.unwrap();
        assert_eq!(joined.finish(None).await.unwrap(), (1_000, Digest::of(&data)));
        assert_eq!(streams.store().used(&maria).await.unwrap(), 1_000);
        blobs_become(&path, 1).await;
    });
}

#[test]
fn what_cannot_be_made_one_stays_as_it_is() {
    short_life(Settings { max_upload: 1 << 20, ..settings() }, async |streams, path| {
        let data = data(700_000);
        let (maria, paul) = (maria(), Identity::user("paul").unwrap().owner().clone());
        let concat = async |owner: &Owner, parts: &[StreamId], spec: StreamSpec| {
            code(streams.concat(owner, allowance(&streams, owner), Some(stream(8)), parts, spec).await)
        };
        whole(&streams, stream(1), &data).await;
        let mut open = begin(&streams, stream(2), Some(10)).await.unwrap();
        whole(&streams, stream(3), &data.slice(..5)).await.commit(None).await.unwrap();
        let parts = [stream(1), stream(2)];
        assert_eq!(concat(&maria, &parts, NAMED()).await, Code::Conflict);
        assert_eq!(concat(&maria, &[stream(1), stream(3)], NAMED()).await, Code::Conflict);
        assert_eq!(concat(&maria, &[stream(1), stream(9)], NAMED()).await, Code::StreamNotFound);
        assert_eq!(concat(&paul, &[stream(1)], NAMED()).await, Code::StreamNotFound);
        assert_eq!(concat(&maria, &[], NAMED()).await, Code::BadRequest);
        assert_eq!(concat(&maria, &[stream(1); MAX_PER_OWNER + 1], NAMED()).await, Code::BadRequest);
        assert_eq!(concat(&maria, &[stream(1)], spec(Some(7))).await, Code::SizeMismatch);
        assert_eq!(concat(&maria, &[stream(1); 2], NAMED()).await, Code::TooBig);
        whole(&streams, stream(8), &data.slice(..3)).await;
        assert_eq!(concat(&maria, &[stream(1)], NAMED()).await, Code::BadRequest, "the id is taken");
        open.write(data.slice(..10)).await.unwrap();
        open.finish(None).await.unwrap();
        assert_eq!(go_on(&streams, stream(1)).await.unwrap().finish(None).await.unwrap().0, data.len() as u64);
        assert_eq!(blobs(&path).len(), 4);
    });
}

#[test]
fn of_two_that_want_the_same_parts_one_gets_them() {
    short_life(settings(), async |streams, path| {
        let data = data(2_000_000);
        whole(&streams, stream(1), &data).await;
        let one = async || {
            let maria = maria();
            streams.concat(&maria, allowance(&streams, &maria), None, &[stream(1)], NAMED()).await.map(drop)
        };
        let (first, second) = tokio::join!(one(), one());
        let lost = if first.is_ok() { second } else { first };
        assert_eq!(code(lost), Code::Conflict);
        blobs_become(&path, 1).await;
        assert_eq!(streams.store().used(&maria()).await.unwrap(), 2_000_000);
    });
}
