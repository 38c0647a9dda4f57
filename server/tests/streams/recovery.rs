//! What a new process makes of the streams of one that was killed.

use samewire_protocol::{Code, Digest};
use samewire_server::store::StoreError;
use samewire_server::streams::StreamState;

use super::*;

#[test]
fn a_stream_goes_on_in_the_next_process_where_its_bytes_end() {
    let folder = folder();
    let data = data(900_000);
    let size = Some(data.len() as u64);
    let durable = life(folder.path(), settings(), async |streams| {
        let mut upload = Upload::open(&streams, stream(1), size).await.unwrap();
        upload.send(&data, 500_000).await;
        upload.settle().await;
        // These may or may not make it.
        upload.attachment.push(500_000, data.slice(500_000..560_000)).unwrap();
        500_000
    });
    life(folder.path(), settings(), async |streams| {
        assert_eq!(streams.count(), 1);
        let mut upload = Upload::open(&streams, stream(1), size).await.unwrap();
        assert!((durable..=560_000).contains(&upload.attachment.offset), "{}", upload.attachment.offset);
        assert_eq!(upload.finish(&data).await.unwrap(), (data.len() as u64, Digest::of(&data)));
        let file = streams.incoming(&maria(), session(1), stream(1)).await.unwrap().commit(None).await.unwrap();
        assert_eq!(file.digest, Digest::of(&data));
    });
    assert_eq!(std::fs::read(&blobs(folder.path())[0]).unwrap(), data);
}

#[test]
fn a_whole_stream_is_whole_in_the_next_process_without_its_sender() {
    let folder = folder();
    let data = data(100_000);
    let finished = life(folder.path(), settings(), async |streams| {
        Upload::open(&streams, stream(1), None).await.unwrap().finish(&data).await.unwrap()
    });
    life(folder.path(), settings(), async |streams| {
        let incoming = streams.incoming(&maria(), session(1), stream(1)).await.unwrap();
        assert_eq!(incoming.finished().await.unwrap(), finished);
        let upload = Upload::open(&streams, stream(1), None).await.unwrap();
        assert_eq!(upload.attachment.state, StreamState::Whole { size: finished.0, digest: finished.1 });
        assert_eq!(incoming.commit(None).await.unwrap().size, finished.0);
    });
}

#[test]
fn blobs_that_nothing_names_are_deleted_and_other_files_are_not() {
    let folder = folder();
    life(folder.path(), settings(), async |streams| {
        Upload::open(&streams, stream(1), None).await.unwrap().finish(&data(10)).await.unwrap();
    });
    let kept = blobs(folder.path());
    let beside = kept[0].parent().unwrap();
    let orphan = beside.parent().unwrap().parent().unwrap().join("00/11");
    std::fs::create_dir_all(&orphan).unwrap();
    let orphan = orphan.join(format!("0011{}", "2".repeat(28)));
    std::fs::write(&orphan, "orphan").unwrap();
    let foreign = [beside.join("README"), beside.join(format!("0011{}", "2".repeat(28)))];
    foreign.iter().for_each(|path| std::fs::write(path, "not a blob").unwrap());
    life(folder.path(), settings(), async |_| ());
    assert!(!orphan.exists());
    assert!(kept[0].exists() && foreign.iter().all(|path| path.exists()));
}

#[test]
fn a_stream_whose_blob_is_missing_begins_anew() {
    let folder = folder();
    let data = data(50_000);
    life(folder.path(), settings(), async |streams| {
        Upload::open(&streams, stream(1), Some(data.len() as u64)).await.unwrap().send(&data, 20_000).await;
        Upload::open(&streams, stream(2), None).await.unwrap().finish(&data).await.unwrap();
    });
    blobs(folder.path()).iter().for_each(|blob| std::fs::remove_file(blob).unwrap());
    life(folder.path(), settings(), async |streams| {
        assert_eq!(code(streams.incoming(&maria(), session(1), stream(2)).await), Code::StreamNotFound);
        let mut upload = Upload::open(&streams, stream(1), Some(data.len() as u64)).await.unwrap();
        assert_eq!(upload.attachment.offset, 0);
        upload.finish(&data).await.unwrap();
        assert_eq!(streams.store().used(&maria()).await.unwrap(), data.len() as u64);
    });
}

#[test]
fn bytes_beyond_the_declared_size_are_cut_off() {
    let folder = folder();
    let data = data(50_000);
    let size = Some(data.len() as u64);
    life(folder.path(), settings(), async |streams| {
        let mut upload = Upload::open(&streams, stream(1), size).await.unwrap();
        upload.send(&data, data.len()).await;
        upload.settle().await;
    });
    let blob = blobs(folder.path()).remove(0);
    std::fs::write(&blob, [data.as_ref(), b"beyond"].concat()).unwrap();
    life(folder.path(), settings(), async |streams| {
        let mut upload = Upload::open(&streams, stream(1), size).await.unwrap();
        assert_eq!(Some(upload.attachment.offset), size);
        upload.finish(&data).await.unwrap();
    });
    assert_eq!(std::fs::read(blob).unwrap(), data);
}

#[test]
fn bytes_that_a_disk_lost_are_found_out() {
    let folder = folder();
    let data = data(80_000);
    life(folder.path(), settings(), async |streams| {
        let mut upload = Upload::open(&streams, stream(1), None).await.unwrap();
        upload.send(&data, 40_000).await;
        upload.settle().await;
    });
    // As after a loss of power: the length is there, the bytes are not.
    std::fs::write(&blobs(folder.path())[0], vec![0; 40_000]).unwrap();
    life(folder.path(), settings(), async |streams| {
        let mut upload = Upload::open(&streams, stream(1), None).await.unwrap();
        let failure = upload.finish(&data).await.unwrap_err();
        assert!(failure.code == Code::DigestMismatch && failure.retryable);
        let mut anew = Upload::open(&streams, stream(1), None).await.unwrap();
        assert_eq!(anew.attachment.offset, 0);
        anew.finish(&data).await.unwrap();
    });
}

#[test]
fn two_servers_do_not_share_a_folder() {
    let folder = folder();
    life(folder.path(), settings(), async |_| {
        assert!(matches!(Store::open(folder.path()), Err(StoreError::InUse(_))));
    });
    Store::open(folder.path()).unwrap();
}

#[test]
fn records_of_a_newer_server_are_not_touched() {
    let folder = folder();
    drop(Store::open(folder.path()).unwrap());
    let connection = rusqlite::Connection::open(folder.path().join("samewire.db")).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    assert!(matches!(Store::open(folder.path()), Err(StoreError::Newer { found: 99, .. })));
}
