//! What of a file goes to a client: a range of it, or a part that processing made.

use std::io::Read;

use samewire_protocol::{Code, Digest, FileId};
use samewire_server::store::now_ms;
use samewire_server::streams::Excerpt;

use super::*;

fn range(file: FileId, offset: u64, length: Option<u64>) -> Excerpt {
    Excerpt { offset, length, ..file.into() }
}

#[test]
fn a_range_is_read_and_proven_by_itself() {
    let folder = folder();
    let data = data(2_000_000);
    let (id, file) = life(folder.path(), settings(), async |streams| {
        let file = whole(&streams, stream(1), &data).await.commit(None).await.unwrap();
        for (offset, length, to) in [
            (0, None, 2_000_000),
            (7, Some(13), 20),
            (1_999_999, Some(5), 2_000_000),
            (500_000, None, 2_000_000),
            (3, Some(0), 3),
        ] {
            let wanted = range(file.id, offset as u64, length);
            let (out, record) = streams.open_file(&maria(), session(1), wanted).await.unwrap();
            let expected = data.slice(offset..to);
            assert_eq!((out.size(), out.digest()), (expected.len() as u64, Digest::of(&expected)));
            assert_eq!(record, file);
            let mut read = Vec::new();
            while read.len() < expected.len() {
                read.extend_from_slice(&out.read(read.len() as u64, 100_000).await.unwrap());
            }
            assert_eq!(read, expected);
            assert!(out.read(out.size(), 10).await.unwrap().is_empty(), "nothing lies behind the range");
            out.finished();
        }
        for offset in [2_000_000, u64::MAX] {
            let refused = streams.open_file(&maria(), session(1), range(file.id, offset, None)).await;
            assert_eq!(code(refused), Code::RangeNotSatisfiable);
        }
        let (out, _) = streams.open_file(&maria(), session(1), range(file.id, 1_000, Some(500))).await.unwrap();
        (out.id(), file.id)
    });
    life(folder.path(), settings(), async |streams| {
        streams.store().remove_file(&maria(), file).await.unwrap();
        let out = streams.outgoing(&maria(), session(1), id).unwrap();
        assert_eq!(out.read(0, 1_000).await.unwrap(), data.slice(1_000..1_500));
        assert_eq!(streams.store().used(&maria()).await.unwrap(), 2_000_000, "all of the blob is still there");
        out.finished();
        assert_eq!(streams.store().used(&maria()).await.unwrap(), 0);
        blobs_become(folder.path(), 0).await;
    });
}

#[test]
fn an_empty_file_has_a_range_from_its_beginning() {
    short_life(settings(), async |streams, _| {
        let file = whole(&streams, stream(1), &data(0)).await.commit(None).await.unwrap();
        let (out, _) = streams.open_file(&maria(), session(1), range(file.id, 0, Some(10))).await.unwrap();
        assert_eq!((out.size(), out.digest()), (0, Digest::of(b"")));
    });
}

/// The blobs of what was made of a file go with it; those that are being downloaded, at the end of that.
#[test]
fn what_was_made_of_a_file_goes_with_it() {
    let folder = folder();
    let (data, poster) = (data(50_000), data(3_000));
    let file = life(folder.path(), settings(), async |streams| {
        let file = whole(&streams, stream(1), &data).await.commit(None).await.unwrap();
        // Its bytes come in as those of any other file, which is then forgotten.
        whole(&streams, stream(2), &poster).await.commit(None).await.unwrap();
        file.id
    });
    let records = rusqlite::Connection::open(folder.path().join("samewire.db")).unwrap();
    records
        .execute(
            "INSERT INTO parts (file, name, owner, media, size, digest, blob, created)
             SELECT ?1, 'poster', owner, 'image/jpeg', size, digest, blob, created FROM files WHERE id != ?1",
            [file.to_string()],
        )
        .unwrap();
    records.execute("DELETE FROM files WHERE id != ?1", [file.to_string()]).unwrap();
    drop(records);

    life(folder.path(), settings(), async |streams| {
        let store = streams.store();
        assert_eq!(blobs(folder.path()).len(), 2, "what is a part's is nobody's orphan");
        assert_eq!(store.used(&maria()).await.unwrap(), 53_000);
        let content = store.content(&maria(), file, Some("poster")).await.unwrap().unwrap();
        assert_eq!((content.media.as_deref(), content.size, content.digest), (Some("image/jpeg"), 3_000, Digest::of(&poster)));
        let mut read = Vec::new();
        content.open().unwrap().read_to_end(&mut read).unwrap();
        assert_eq!(read, poster);
        assert!(store.content(&maria(), file, Some("thumbnails")).await.unwrap().is_none());

        let part = |name: &str| Excerpt { part: Some(name.into()), ..range(file, 1_000, None) };
        let (out, _) = streams.open_file(&maria(), session(1), part("poster")).await.unwrap();
        assert_eq!((out.spec().name.as_deref(), out.size()), (Some("poster"), 2_000));
        let missing = streams.open_file(&maria(), session(1), part("thumbnails")).await.unwrap_err();
        assert_eq!(missing.code, Code::FileNotFound);

        assert!(store.remove_file(&maria(), file).await.unwrap());
        assert_eq!(blobs(folder.path()).len(), 1);
        assert_eq!(store.used(&maria()).await.unwrap(), 3_000);
        assert_eq!(out.read(0, 10_000).await.unwrap(), poster.slice(1_000..));
        out.finished();
        blobs_become(folder.path(), 0).await;
        assert_eq!(streams.sweep(now_ms()).await.unwrap(), 0);
    });
}
