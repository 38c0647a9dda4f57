//! What nobody comes back for is removed; what somebody holds is not.

use samewire_protocol::Code;
use samewire_server::store::now_ms;

use super::*;

fn idle() -> u64 {
    u64::try_from(settings().idle_ttl.as_millis()).unwrap() + 1
}

fn absolute() -> u64 {
    u64::try_from(settings().absolute_ttl.as_millis()).unwrap() + 1
}

#[test]
fn a_stream_that_nobody_is_attached_to_expires() {
    short_life(settings(), async |streams, path| {
        let data = data(100_000);
        let mut upload = Upload::open(&streams, stream(1), Some(data.len() as u64)).await.unwrap();
        upload.send(&data, 50_000).await;
        let incoming = streams.incoming(&maria(), session(1), stream(1)).await.unwrap();
        drop(upload);
        assert_eq!(streams.sweep(now_ms() + idle() - 60_000).await.unwrap(), 0);
        assert_eq!(streams.sweep(now_ms() + idle()).await.unwrap(), 1);
        assert_eq!(code(incoming.finished().await), Code::StreamNotFound);
        assert_eq!(streams.store().used(&maria()).await.unwrap(), 0);
        assert_eq!(streams.count(), 0);
        blobs_become(&path, 0).await;
        assert_eq!(Upload::open(&streams, stream(1), None).await.unwrap().attachment.offset, 0);
    });
}

#[test]
fn a_paused_stream_is_kept_while_its_sender_is_there_and_the_day_is_not_over() {
    short_life(settings(), async |streams, _| {
        let mut upload = Upload::open(&streams, stream(1), None).await.unwrap();
        assert_eq!(streams.sweep(now_ms() + idle()).await.unwrap(), 0);
        assert_eq!(streams.sweep(now_ms() + absolute()).await.unwrap(), 1);
        assert_eq!(code(upload.outcome().await), Code::StreamNotFound);
    });
}

#[test]
fn a_whole_stream_that_no_call_names_expires() {
    short_life(settings(), async |streams, path| {
        let mut upload = Upload::open(&streams, stream(1), None).await.unwrap();
        upload.finish(&data(1_000)).await.unwrap();
        assert_eq!(streams.sweep(now_ms() + idle()).await.unwrap(), 1);
        blobs_become(&path, 0).await;
    });
}

#[test]
fn which_stream_became_a_file_is_known_for_the_day_and_the_file_stays() {
    short_life(settings(), async |streams, path| {
        Upload::open(&streams, stream(1), None).await.unwrap().finish(&data(1_000)).await.unwrap();
        let file = streams.incoming(&maria(), session(1), stream(1)).await.unwrap().commit(None).await.unwrap();
        streams.sweep(now_ms() + idle()).await.unwrap();
        let again = streams.incoming(&maria(), session(1), stream(1)).await.unwrap();
        assert_eq!(again.commit(None).await.unwrap(), file);
        streams.sweep(now_ms() + absolute()).await.unwrap();
        assert_eq!(code(streams.incoming(&maria(), session(1), stream(1)).await), Code::StreamNotFound);
        assert_eq!(code(again.commit(None).await), Code::StreamNotFound);
        assert_eq!(streams.store().files(&maria(), 10).await.unwrap(), [file]);
        assert_eq!(blobs(&path).len(), 1);
    });
}

#[test]
fn a_download_that_nobody_holds_expires() {
    short_life(settings(), async |streams, _| {
        Upload::open(&streams, stream(1), None).await.unwrap().finish(&data(1_000)).await.unwrap();
        let file = streams.incoming(&maria(), session(1), stream(1)).await.unwrap().commit(None).await.unwrap();
        let (download, _) = streams.open_file(&maria(), session(1), file.id).await.unwrap();
        assert_eq!(streams.sweep(now_ms() + idle()).await.unwrap(), 0);
        let id = download.id();
        drop(download);
        assert_eq!(streams.sweep(now_ms() + idle()).await.unwrap(), 1);
        assert_eq!(code(streams.outgoing(&maria(), session(1), id)), Code::StreamNotFound);
    });
}

#[test]
fn streams_of_an_earlier_process_expire_too() {
    let folder = folder();
    life(folder.path(), settings(), async |streams| {
        Upload::open(&streams, stream(1), None).await.unwrap().send(&data(1_000), 1_000).await;
    });
    life(folder.path(), settings(), async |streams| {
        assert_eq!(streams.sweep(now_ms() + idle() - 60_000).await.unwrap(), 0);
        assert_eq!(streams.sweep(now_ms() + idle()).await.unwrap(), 1);
        blobs_become(folder.path(), 0).await;
    });
    life(folder.path(), settings(), async |streams| assert_eq!(streams.count(), 0));
}
