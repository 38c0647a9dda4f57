//! Files of one owner with the same content share their bytes, where that is configured.

use samewire_protocol::Digest;
use tokio::io::AsyncReadExt;

use super::*;

fn sharing() -> Settings {
    Settings { dedupe: true, ..settings() }
}

#[test]
fn the_same_bytes_are_kept_and_counted_once_until_the_last_file_goes() {
    let folder = folder();
    let data = data(100_000);
    let files = life(folder.path(), sharing(), async |streams| {
        let mut files = Vec::new();
        for n in 1..=3 {
            files.push(whole(&streams, stream(n), &data).await.commit(Some("a copy")).await.unwrap().id);
            assert_eq!(blobs(folder.path()).len(), 1, "the new bytes go in the same breath");
        }
        whole(&streams, stream(4), &data.slice(1..)).await.commit(Some("others")).await.unwrap();
        assert_eq!(streams.store().used(&maria()).await.unwrap(), 199_999);
        assert_eq!(streams.store().files(&maria(), 10).await.unwrap().len(), 4);
        files
    });
    life(folder.path(), sharing(), async |streams| {
        let (last, others) = files.split_last().unwrap();
        for file in others {
            assert!(streams.store().remove_file(&maria(), *file).await.unwrap());
            assert_eq!(streams.store().used(&maria()).await.unwrap(), 199_999);
        }
        let (download, _) = streams.open_file(&maria(), session(1), *last).await.unwrap();
        assert_eq!(download.read(0, data.len()).await.unwrap(), data);
        download.finished();
        assert_eq!(blobs(folder.path()).len(), 2);
        assert!(streams.store().remove_file(&maria(), *last).await.unwrap());
        assert_eq!(streams.store().used(&maria()).await.unwrap(), 99_999);
        assert_eq!(blobs(folder.path()).len(), 1);
    });
}

#[test]
fn nobody_shares_with_another_owner() {
    short_life(sharing(), async |streams, path| {
        let data = data(10_000);
        let paul = Identity::user("paul").unwrap().owner().clone();
        whole(&streams, stream(1), &data).await.commit(None).await.unwrap();
        let mut his = streams.open_upload(&paul, allowance(&streams, &paul), None, spec(None)).await.unwrap();
        his.write(data).await.unwrap();
        his.finish(None).await.unwrap();
        his.commit(None).await.unwrap();
        assert_eq!(blobs(&path).len(), 2);
        assert_eq!(streams.store().used(&paul).await.unwrap(), 10_000);
    });
}

#[test]
fn without_it_every_file_has_its_own() {
    short_life(settings(), async |streams, path| {
        let data = data(10_000);
        for n in 1..=2 {
            whole(&streams, stream(n), &data).await.commit(None).await.unwrap();
        }
        assert_eq!(blobs(&path).len(), 2);
        assert_eq!(streams.store().used(&maria()).await.unwrap(), 20_000);
    });
}

/// A handler that reads the stream finds its bytes, though they are another file's by now.
#[test]
fn a_reader_of_the_stream_reads_on() {
    short_life(sharing(), async |streams, path| {
        let data = data(300_000);
        whole(&streams, stream(1), &data).await.commit(None).await.unwrap();
        let upload = whole(&streams, stream(2), &data).await;
        let incoming = streams.incoming(&maria(), session(1), stream(2)).await.unwrap();
        upload.commit(None).await.unwrap();
        assert_eq!(blobs(&path).len(), 1);
        let mut read = Vec::new();
        incoming.reader().read_to_end(&mut read).await.unwrap();
        assert_eq!(Digest::of(&read), Digest::of(&data));
    });
}
