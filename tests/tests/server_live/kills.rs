//! The server's process is killed at random moments: what was said to be stored is stored, what is stored is whole, and nothing
//! else is left.

use std::time::Duration;

use bytes::Bytes;
use samewire::files::FileRecord;
use samewire::{Digest, Source, StreamOptions};
use samewire_tests::live::proxy::{Fate, Proxy};
use samewire_tests::live::{
    Child, Insistent, blob_digests, contents, download, list, raw::Raw, store, token, until, wait_for_blobs, within,
};
use samewire_tests::rng::Rng;
use serde_json::json;

const QUOTA: u64 = 64 * 1024 * 1024;

async fn child() -> Child {
    // Clients of these tests dial at once; those that stay away are let go soon.
    let settings = [("LIMITS_WINDOW", "256 KiB"), ("STREAMS_QUOTA", "64 MiB")];
    Child::start(&settings).await
}

/// Kills the server once the next connection has carried `after` bytes, or a little later, and starts it anew.
async fn kill(child: &mut Child, proxy: &Proxy, later: Duration) {
    tokio::time::sleep(later).await;
    proxy.retarget(None);
    child.kill();
    child.restart().await;
    proxy.retarget(Some(child.addr()));
}

/// What is listed is what was told as stored, whole, and nothing else is on the disk.
async fn assert_holds(child: &Child, person: &Insistent, told: &[FileRecord]) {
    let mut listed = within("a list", list(&person.client)).await.expect("a list");
    let mut told = told.to_vec();
    listed.sort_by_key(|file| file.id);
    told.sort_by_key(|file| file.id);
    assert_eq!(listed, told);
    until("no stream is under way", || async { child.health().await.streams == 0 }).await;
    wait_for_blobs(child.data(), told.len()).await;
    let mut expected: Vec<_> = told.iter().map(|file| (file.size, file.digest.to_string())).collect();
    expected.sort();
    assert_eq!(blob_digests(child.data()), expected);
    assert_quota_left(child, QUOTA - told.iter().map(|file| file.size).sum::<u64>()).await;
}

/// A stream of exactly this size can be opened, and one that is a byte longer cannot.
async fn assert_quota_left(child: &Child, left: u64) {
    let mut raw = Raw::session(child.addr(), Some(&token("maria"))).await;
    raw.send(&json!({"type": "open", "stream": 1, "ref": format!("st_{:032x}", 1), "size": left + 1})).await;
    assert_eq!(raw.aborted(1).await, "quota-exceeded", "with {left} bytes left");
    raw.open(3, &format!("st_{:032x}", 3), Some(left)).await;
    raw.send(&json!({"type": "abort", "stream": 3})).await;
    raw.close(1000).await;
    until("the stream is gone", || async { child.health().await.streams == 0 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_during_uploads() {
    const FILES: u64 = 6;
    const KILLS: u64 = 4;
    const SIZE: usize = 4 * 1024 * 1024;
    let mut child = child().await;
    let proxy = Proxy::start(child.addr()).await;
    let person = Insistent::new(&proxy.url(), Some(token("maria")));
    let mut rng = Rng::new(11);
    let mut told = Vec::new();
    for round in 0..FILES {
        let (bytes, digest) = contents(round, SIZE);
        // Each connection stands still after a random number of bytes, and that is when the server dies.
        let (held, fate) = (proxy.counts().held, rng.bits());
        let mut fates = Rng::new(fate);
        proxy.fates(move |counts| match counts.held < held + KILLS {
            true => Fate::Hold { after: 1 + fates.below(SIZE as u64 / (KILLS + 1)) },
            false => Fate::Pass,
        });
        proxy.cut_all();
        let name = format!("file {round}");
        let source = match round % 2 {
            0 => Source::bytes(bytes),
            _ => Source::reader(std::io::Cursor::new(bytes), Some(SIZE as u64)),
        };
        let upload = person.client.upload(source, StreamOptions::named(&name));
        let killing = async {
            for kills in 1..=KILLS {
                proxy.until("a connection that stands still", |counts| counts.held >= held + kills).await;
                // What came before that may still be on its way to the disk, or not.
                kill(&mut child, &proxy, Duration::from_micros(rng.below(3000))).await;
            }
        };
        let (file, ()) =
            within("an upload through kills", async { tokio::join!(store(&person.client, &upload), killing) }).await;
        let file = file.expect("a file");
        assert_eq!((file.name.as_str(), file.size, file.digest), (name.as_str(), SIZE as u64, digest));
        told.push(file);
    }
    assert_holds(&child, &person, &told).await;
    // And with no memory of anything but the disk.
    child.restart().await;
    proxy.retarget(Some(child.addr()));
    assert_holds(&child, &person, &told).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_during_downloads() {
    const ROUNDS: u64 = 3;
    const KILLS: u64 = 5;
    const SIZE: usize = 4 * 1024 * 1024;
    let mut child = child().await;
    let proxy = Proxy::start(child.addr()).await;
    let person = Insistent::new(&proxy.url(), Some(token("maria")));
    let (bytes, _) = contents(3, SIZE);
    let upload = person.client.upload(Source::bytes(bytes.clone()), StreamOptions::named("a file"));
    let file = within("an upload", store(&person.client, &upload)).await.expect("a file");
    let mut rng = Rng::new(12);
    for _ in 0..ROUNDS {
        let (held, fate) = (proxy.counts().held, rng.bits());
        let mut fates = Rng::new(fate);
        proxy.fates(move |counts| match counts.held < held + KILLS {
            true => Fate::Hold { after: 1 + fates.below(SIZE as u64 / (KILLS + 1)) },
            false => Fate::Pass,
        });
        proxy.cut_all();
        let killing = async {
            for kills in 1..=KILLS {
                proxy.until("a connection that stands still", |counts| counts.held >= held + kills).await;
                kill(&mut child, &proxy, Duration::ZERO).await;
            }
        };
        let both = async { tokio::join!(download(&person.client, file.id), killing) };
        let (got, ()): (_, ()) = within("a download through kills", both).await;
        let got: Bytes = got.expect("the file");
        assert!(got == bytes, "{} bytes of {SIZE}, {}", got.len(), Digest::of(&got));
    }
    let listed = list(&person.client).await.expect("a list");
    assert_eq!(listed, [file]);
    wait_for_blobs(child.data(), 1).await;
}

/// Everything is sent, and the server dies somewhere between taking the end, verifying, recording the stream as whole, making the
/// file, and saying so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_between_the_end_and_the_answer() {
    const FILES: u64 = 40;
    const SIZE: usize = 100_000;
    let mut child = child().await;
    let proxy = Proxy::start(child.addr()).await;
    let person = Insistent::new(&proxy.url(), Some(token("maria")));
    within("a session", person.client.connect()).await.expect("a session");
    let mut rng = Rng::new(13);
    let mut told = Vec::new();
    let mut answered_before = 0;
    for round in 0..FILES {
        let (bytes, digest) = contents(500 + round, SIZE);
        let name = format!("file {round}");
        let before = proxy.counts().up;
        let upload = person.client.upload(Source::bytes(bytes), StreamOptions::named(&name));
        let storing = store(&person.client, &upload);
        let killing = async {
            proxy.until("all bytes are sent", |counts| counts.up >= before + SIZE as u64).await;
            kill(&mut child, &proxy, Duration::from_micros(rng.below(5000))).await;
        };
        let both = async {
            let mut killing = std::pin::pin!(killing);
            let mut storing = std::pin::pin!(storing);
            tokio::select! {
                () = &mut killing => (storing.await, false),
                file = &mut storing => {
                    killing.await;
                    (file, true)
                }
            }
        };
        let (file, answered) = within("an upload through a kill", both).await;
        answered_before += u64::from(answered);
        let file = file.expect("a file");
        assert_eq!((file.size, file.digest), (SIZE as u64, digest));
        let listed = within("a list", list(&person.client)).await.expect("a list");
        assert!(listed.contains(&file), "{} was told as stored, and is not listed: {listed:?}", file.id);
        told.push(file);
    }
    println!("{answered_before} of {FILES} were answered before the server died");
    assert_holds(&child, &person, &told).await;
}
