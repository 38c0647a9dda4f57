//! Streams to a client go on after a cut, a restart, and the removal of their file.

use samewire_protocol::files::FileRecord;
use samewire_protocol::{Code, Digest};
use samewire_server::streams::MAX_READ;

use super::*;

async fn stored(streams: &Streams, data: &Bytes) -> FileRecord {
    Upload::open(streams, stream(1), None).await.unwrap().finish(data).await.unwrap();
    streams.incoming(&maria(), session(1), stream(1)).await.unwrap().commit(None).await.unwrap()
}

#[test]
fn a_file_is_read_in_pieces_from_any_place() {
    short_life(settings(), async |streams, _| {
        let data = data(MAX_READ + 10_000);
        let file = stored(&streams, &data).await;
        let (download, record) = streams.open_file(&maria(), session(1), file.id).await.unwrap();
        assert_eq!(record, file);
        assert_eq!((download.size(), download.digest()), (data.len() as u64, Digest::of(&data)));
        assert_eq!(download.spec().name.as_deref(), Some("holiday.mov"));
        assert_eq!(download.read(0, usize::MAX).await.unwrap(), data.slice(..MAX_READ));
        assert_eq!(download.read(MAX_READ as u64, usize::MAX).await.unwrap(), data.slice(MAX_READ..));
        assert_eq!(download.read(5, 10).await.unwrap(), data.slice(5..15));
        for end in [data.len() as u64, u64::MAX] {
            assert!(download.read(end, 10).await.unwrap().is_empty());
        }
        download.finished();
        assert_eq!(code(download.read(0, 1).await), Code::StreamNotFound);
        assert_eq!(code(streams.outgoing(&maria(), session(1), download.id())), Code::StreamNotFound);
    });
}

#[test]
fn a_download_goes_on_in_the_next_process_even_without_its_file() {
    let folder = folder();
    let data = data(100_000);
    let (id, file) = life(folder.path(), settings(), async |streams| {
        let file = stored(&streams, &data).await;
        let (download, _) = streams.open_file(&maria(), session(1), file.id).await.unwrap();
        assert_eq!(download.read(0, 50_000).await.unwrap(), data.slice(..50_000));
        (download.id(), file)
    });
    life(folder.path(), settings(), async |streams| {
        assert!(streams.store().remove_file(&maria(), file.id).await.unwrap());
        let download = streams.outgoing(&maria(), session(1), id).unwrap();
        assert_eq!(download.read(50_000, 50_000).await.unwrap(), data.slice(50_000..));
    });
    life(folder.path(), settings(), async |streams| {
        let download = streams.outgoing(&maria(), session(2), id).unwrap();
        assert_eq!(download.digest(), Digest::of(&data));
        assert_eq!(download.read(0, 100_000).await.unwrap(), data);
        download.finished();
        blobs_become(folder.path(), 0).await;
        assert_eq!(streams.store().used(&maria()).await.unwrap(), 0);
    });
}

#[test]
fn a_newer_hold_fences_off_the_older() {
    short_life(settings(), async |streams, _| {
        let data = data(1_000);
        let file = stored(&streams, &data).await;
        let (old, _) = streams.open_file(&maria(), session(1), file.id).await.unwrap();
        let new = streams.outgoing(&maria(), session(2), old.id()).unwrap();
        assert_eq!(code(old.read(0, 10).await), Code::Superseded);
        old.abort();
        drop(old);
        assert_eq!(new.read(0, 1_000).await.unwrap(), data);
    });
}

#[test]
fn somebody_elses_file_is_not_there() {
    short_life(settings(), async |streams, _| {
        let file = stored(&streams, &data(10)).await;
        let paul = Identity::user("paul").unwrap();
        let foreign = streams.open_file(paul.owner(), session(2), file.id).await.unwrap_err();
        assert_eq!(foreign.code, Code::FileNotFound);
        assert!(streams.store().remove_file(&maria(), file.id).await.unwrap());
        let unknown = streams.open_file(&maria(), session(1), file.id).await.unwrap_err();
        assert_eq!(foreign, unknown);
    });
}

#[test]
fn bytes_of_a_handler_are_a_stream_too() {
    let folder = folder();
    let data = data(100_000);
    let id = life(folder.path(), settings(), async |streams| {
        let spec = StreamSpec { name: Some("report.csv".into()), ..StreamSpec::default() };
        let made = streams.open_bytes(&maria(), session(1), allowance(&streams, &maria()), spec, data.clone()).await.unwrap();
        assert_eq!((made.size(), made.digest()), (data.len() as u64, Digest::of(&data)));
        assert_eq!(streams.store().used(&maria()).await.unwrap(), data.len() as u64);
        made.id()
    });
    life(folder.path(), settings(), async |streams| {
        let made = streams.outgoing(&maria(), session(1), id).unwrap();
        assert_eq!(made.spec().name.as_deref(), Some("report.csv"));
        assert_eq!(made.read(0, 100_000).await.unwrap(), data);
        made.abort();
        blobs_become(folder.path(), 0).await;
        assert_eq!(streams.store().used(&maria()).await.unwrap(), 0);
    });
    let quota = samewire_server::limits::Quota { user: 10, anonymous: 0 };
    short_life(Settings { quota, ..settings() }, async |streams, path| {
        let outcome = streams
            .open_bytes(&maria(), session(1), allowance(&streams, &maria()), StreamSpec::default(), data.slice(..11))
            .await;
        assert_eq!(code(outcome), Code::QuotaExceeded);
        assert!(blobs(&path).is_empty());
    });
}
