//! Connections cut at random bytes: every file arrives whole, once, and goes on where it was.

use bytes::Bytes;
use samewire::files::FileRecord;
use samewire::{Client, Digest, Source, StreamOptions};
use samewire_tests::live::proxy::{Counts, Cut, Fate, Proxy};
use samewire_tests::live::{
    Host, Insistent, blob_digests, contents, download, list, settings, store, token, until, upload, wait_for_blobs, within,
};
use samewire_tests::rng::Rng;

/// Small enough that what a cut can cost is little beside the file.
const WINDOW: u64 = 256 * 1024;
/// What may be under way besides a window: the buffers of two pairs of sockets, and the proxy's own.
const BUFFERS: u64 = 512 * 1024;

async fn host() -> Host {
    let mut config = settings();
    config.limits.window = WINDOW;
    Host::start(config).await
}

/// So many cuts, each after a random number of bytes below `longest`; what comes after them is left alone. `half` is a cut of the
/// direction in which most bytes go.
fn cuts(proxy: &Proxy, seed: u64, wanted: u64, longest: u64, half: Cut) {
    let mut rng = Rng::new(seed);
    proxy.fates(move |counts: Counts| {
        if counts.cuts >= wanted {
            return Fate::Pass;
        }
        // One in eight falls into the handshake, the hello, or right behind them.
        let after = if rng.chance(12) { rng.below(1500) } else { rng.below(longest) };
        Fate::Cut { after: after + 1, how: rng.pick(&[Cut::End, Cut::Reset, Cut::Reset, half]) }
    });
}

fn assert_is(file: &FileRecord, name: &str, size: usize, digest: Digest) {
    assert_eq!((file.name.as_str(), file.size, file.digest), (name, size as u64, digest));
}

/// Each file once in the list, each byte once on the disk, and nothing under way any more.
async fn assert_holds(host: &Host, client: &Client, expected: &[FileRecord]) {
    let mut listed = list(client).await.expect("a list");
    let mut expected = expected.to_vec();
    listed.sort_by_key(|file| file.id);
    expected.sort_by_key(|file| file.id);
    assert_eq!(listed, expected);
    wait_for_blobs(host.data(), expected.len()).await;
    let mut digests: Vec<_> = expected.iter().map(|file| (file.size, file.digest.to_string())).collect();
    digests.sort();
    assert_eq!(blob_digests(host.data()), digests);
    until("no stream is under way", || async { host.health().await.streams == 0 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_cuts_of_uploads() {
    const FILES: u64 = 4;
    const CUTS: u64 = 50;
    const SIZE: usize = 16 * 1024 * 1024;
    let host = host().await;
    let proxy = Proxy::start(host.addr()).await;
    let person = Insistent::new(&proxy.url(), Some(token("maria")));
    let mut files = Vec::new();
    for round in 0..FILES {
        let (bytes, digest) = contents(round, SIZE);
        let before = proxy.counts();
        cuts(&proxy, 100 + round, before.cuts + CUTS, SIZE as u64 / CUTS, Cut::HalfUp);
        // The connection from before has no cut in store.
        proxy.cut_all();
        let name = format!("file {round}");
        // From a file that can be read again, and from a source that gives each byte once.
        let source = match round % 2 {
            0 => Source::bytes(bytes),
            _ => Source::reader(std::io::Cursor::new(bytes), None),
        };
        let upload = person.client.upload(source, StreamOptions::named(&name));
        let file = within("an upload through cuts", store(&person.client, &upload)).await.expect("a file");
        assert_is(&file, &name, SIZE, digest);
        let finished = within("the stream's end", upload.finished()).await.expect("the stream is whole");
        assert_eq!((finished.size, finished.digest), (SIZE as u64, digest));
        files.push(file);

        let counts = proxy.counts();
        let (made, sent) = (counts.cuts - before.cuts, counts.up - before.up);
        assert_eq!(made, CUTS, "the upload was over before all its cuts were made");
        let bound = SIZE as u64 * 102 / 100 + CUTS * (WINDOW + BUFFERS);
        assert!(sent <= bound, "{sent} bytes were sent for {SIZE}, more than {bound}: it began anew somewhere");
        println!("upload {round}: {made} cuts, {sent} bytes sent for {SIZE}");
    }
    assert_holds(&host, &person.client, &files).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_cuts_of_downloads() {
    const ROUNDS: u64 = 4;
    const CUTS: u64 = 50;
    const SIZE: usize = 16 * 1024 * 1024;
    let host = host().await;
    let proxy = Proxy::start(host.addr()).await;
    let person = Insistent::new(&proxy.url(), Some(token("maria")));
    let (bytes, digest) = contents(7, SIZE);
    let file = within("an upload", upload(&person.client, "a file", bytes.clone())).await.expect("a file");
    for round in 0..ROUNDS {
        let before = proxy.counts();
        cuts(&proxy, 200 + round, before.cuts + CUTS, SIZE as u64 / CUTS, Cut::HalfDown);
        proxy.cut_all();
        let got = within("a download through cuts", download(&person.client, file.id)).await.expect("the file");
        assert!(got == bytes, "the bytes are others: {} of {SIZE}, {}", got.len(), Digest::of(&got));
        let counts = proxy.counts();
        let (made, sent) = (counts.cuts - before.cuts, counts.down - before.down);
        assert_eq!(made, CUTS, "the download was over before all its cuts were made");
        let bound = SIZE as u64 * 102 / 100 + CUTS * (WINDOW + BUFFERS);
        assert!(sent <= bound, "{sent} bytes were sent for {SIZE}, more than {bound}: it began anew somewhere");
        println!("download {round}: {made} cuts, {sent} bytes sent for {SIZE}");
    }
    assert_is(&file, "a file", SIZE, digest);
    assert_holds(&host, &person.client, &[file]).await;
}

/// Where a transfer of some kilobytes is cut it is in its first or last steps: opening, end, verification, commit, and the
/// words about them that one side said and the other never heard.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cuts_around_the_beginning_and_the_end() {
    const FILES: u64 = 60;
    const SIZE: usize = 3000;
    let host = host().await;
    let proxy = Proxy::start(host.addr()).await;
    let person = Insistent::new(&proxy.url(), Some(token("maria")));
    let mut rng = Rng::new(5);
    let mut files: Vec<FileRecord> = Vec::new();
    for round in 0..FILES {
        let (bytes, digest) = contents(1000 + round, SIZE);
        let name = format!("file {round}");
        let wanted = proxy.counts().cuts + 3;
        cuts(&proxy, rng.bits(), wanted, 9000, Cut::HalfUp);
        proxy.cut_all();
        let upload = person.client.upload(Source::bytes(bytes.clone()), StreamOptions::named(&name));
        let both = async { tokio::join!(store(&person.client, &upload), upload.finished()) };
        let (file, finished) = within("an upload", both).await;
        let file = file.expect("a file");
        assert_is(&file, &name, SIZE, digest);
        let finished = finished.expect("the stream is whole: a file was made of it");
        assert_eq!((finished.size, finished.digest), (SIZE as u64, digest));
        assert!(files.iter().all(|other| other.id != file.id));

        cuts(&proxy, rng.bits(), wanted + 3, 9000, Cut::HalfDown);
        proxy.cut_all();
        let got: Bytes = within("a download", download(&person.client, file.id)).await.expect("the file");
        assert_eq!(Digest::of(&got), digest);
        files.push(file);
    }
    proxy.fates(|_| Fate::Pass);
    println!("{} cuts", proxy.counts().cuts);
    assert_holds(&host, &person.client, &files).await;
}
