//! A disk that is full: the sender is told, the room comes back, and the server goes on.

use bytes::Bytes;
use samewire::{Code, Source, StreamOptions};
use samewire_tests::live::raw::Raw;
use samewire_tests::live::{Child, Insistent, contents, download, list, store, token, until, wait_for_blobs, within};
use serde_json::json;

/// A server in a mount namespace of its own, in which its data folder is a small disk. What is mounted goes with the process.
async fn on_a_disk_of(size: &str) -> Child {
    let root = rustix::process::geteuid().is_root();
    let namespace = if root { "-m" } else { "-Urm" };
    let script = format!("mount -t tmpfs -o size={size} tmpfs {{data}} && exec \"$@\"");
    // Both exec in place, so the process that is killed is the server's.
    Child::wrapped(&[("LIMITS_WINDOW", "1 MiB")], &["unshare", namespace, "sh", "-c", &script, "sh"]).await
}

/// Seen from inside of the namespace.
fn data(child: &Child) -> std::path::PathBuf {
    let path = child.data().strip_prefix("/").expect("an absolute path");
    std::path::Path::new("/proc").join(child.pid().to_string()).join("root").join(path)
}

/// What a small upload needs, and what the server leaves to its records.
const ROOM: u64 = 20 * 1024 * 1024;

fn free(child: &Child) -> u64 {
    let disk = rustix::fs::statvfs(data(child)).expect("a disk");
    disk.f_bavail * disk.f_frsize
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_told_and_makes_room_again() {
    let child = on_a_disk_of("48m").await;
    let person = Insistent::new(&child.url(), Some(token("maria")));
    let (small, digest) = contents(1, 2 * 1024 * 1024);
    let kept = person.client.upload(Source::bytes(small.clone()), StreamOptions::named("kept"));
    let kept = within("a small upload", store(&person.client, &kept)).await.expect("a file");
    assert_eq!(kept.digest, digest);

    for round in 0..3 {
        // Of unknown length, so that nothing can be refused before it is there.
        let endless = tokio::io::AsyncReadExt::take(tokio::io::repeat(round), 1 << 30);
        let upload = person.client.upload(Source::reader(endless, None), StreamOptions::named("too much"));
        let (stored, finished) =
            within("the end of the disk", async { tokio::join!(store(&person.client, &upload), upload.finished()) }).await;
        assert_eq!(stored.expect_err("there is no room").code, Code::StorageFull);
        let failure = finished.expect_err("there is no room");
        assert_eq!((failure.code, failure.retryable), (Code::StorageFull, true));
        until("nothing of it is left", || async { child.health().await.streams == 0 }).await;
        wait_for_blobs(&data(&child), 1).await;
        // A deleted file's name goes first, and its room a moment later.
        until("the disk has room", || async { free(&child) > ROOM }).await;
        // A declared size that the disk has no room for is refused at once.
        let mut raw = Raw::session(child.addr(), Some(&token("maria"))).await;
        let open = json!({"type": "open", "stream": 1, "ref": format!("st_{:032x}", round), "size": 47 << 20});
        raw.send(&open).await;
        assert_eq!(raw.aborted(1).await, "storage-full");
        raw.close(1000).await;
        // What there is room for works again, and what was there is there.
        let upload = person.client.upload(Source::bytes(small.clone()), StreamOptions::named("after"));
        let file = within("a small upload", store(&person.client, &upload)).await.expect("there is room");
        let got: Bytes = within("a download", download(&person.client, file.id)).await.expect("the file");
        assert!(got == small);
        let removed = person.client.call::<samewire::files::Remove>(&samewire::files::RemoveParams { id: file.id }).await;
        assert!(removed.expect("an answer").removed);
        assert_eq!(list(&person.client).await.expect("a list"), std::slice::from_ref(&kept));
    }
    let got: Bytes = within("a download", download(&person.client, kept.id)).await.expect("the file");
    assert!(got == small);
}
