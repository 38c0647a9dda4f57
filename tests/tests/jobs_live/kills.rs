//! The server is killed in the middle of jobs: each of them is done or has failed in the end, once, and nothing else is left.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use parking::Shared;
use samewire_server::jobs::NewPart;
use samewire_tests::live::{Host, blob_digests, until, wait_for_blobs, within};
use samewire_tests::rng::Rng;
use serde_json::{Value, json};

use super::stage::{Body, Outside, Texts, broken, call, file, file_is, settings, store};

/// The address of a server that is started anew on another port.
mod parking {
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    pub(super) struct Shared(Arc<Mutex<String>>);

    impl Shared {
        pub(super) fn set(&self, url: String) {
            *self.0.lock().expect("no panic") = url;
        }

        pub(super) fn get(&self) -> String {
            self.0.lock().expect("no panic").clone()
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_processor_of_a_server_that_is_killed() {
    let begun = Arc::new(AtomicU32::new(0));
    let counted = begun.clone();
    let texts = Texts::new(move |job| {
        let counted = counted.clone();
        Box::pin(async move {
            let first = counted.fetch_add(1, Ordering::SeqCst) == 0;
            let path = job.folder().join("made");
            tokio::fs::write(&path, "half").await.map_err(broken("no room"))?;
            if first {
                // In the middle of this, the server ends.
                std::future::pending::<()>().await;
            }
            job.output(NewPart::new("made", "text/plain", path));
            Ok(())
        })
    });
    let mut host = Host::with(settings(), move |builder| builder.processor(texts.clone())).await;
    let stored = store(&host.url(), "maria", "a text").await;
    until("it is under way", || async { begun.load(Ordering::SeqCst) == 1 }).await;
    host.kill().await;
    host.restart().await;
    let ready = file_is(&host.url(), "maria", stored.id, "ready").await;
    assert_eq!((&ready["processing"][0]["attempt"], &ready["parts"][0]["name"]), (&json!(2), &json!("made")));
    host.restart().await;
    assert_eq!(file(&host.url(), "maria", stored.id).await, ready);
    assert_eq!(begun.load(Ordering::SeqCst), 2, "what is done is not done again");
    wait_for_blobs(host.data(), 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_of_a_server_that_is_killed() {
    let mut outside = Outside::start(&[], &[]).await;
    let stored = store(&outside.url(), "maria", "a text").await;
    let first = Outside::claim(&outside.url(), 60_000, 30_000).await.expect("a job");
    let (id, lease) = (first["id"].as_str().expect("an id"), first["lease"].as_str().expect("a lease"));
    let part = format!("{id}/parts/made");
    let sent = Outside::ask(&outside.url(), "PUT", &part, Some(lease), Body::Part(b"by the first")).await.expect("an answer");
    assert_eq!(sent.status, 200);
    outside.child.kill();
    outside.child.restart().await;
    let url = outside.url();
    let late = Outside::ask(&url, "POST", &format!("{id}/complete"), None, Body::Json(&json!({"lease": lease}))).await;
    assert_eq!(late.expect("an answer").problem(), "lease-lost");
    let second = Outside::claim(&url, 60_000, 30_000).await.expect("the job again");
    assert_eq!((second["id"].as_str(), &second["attempt"]), (Some(id), &json!(2)));
    let complete = json!({"lease": second["lease"]});
    let done = Outside::ask(&url, "POST", &format!("{id}/complete"), None, Body::Json(&complete)).await;
    assert_eq!(done.expect("an answer").status, 200);
    let file = file_is(&url, "maria", stored.id, "ready").await;
    assert!(file.get("parts").is_none(), "what the first one sent does not count: {file}");
    wait_for_blobs(outside.child.data(), 1).await;
}

/// Works until it is dropped; what it says may be lost at any moment.
async fn work(url: Shared) {
    loop {
        let at = url.get();
        let Some(job) = Outside::claim(&at, 60_000, 200).await else {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        let (id, lease) = (job["id"].as_str().expect("an id"), job["lease"].as_str().expect("a lease"));
        let text = format!("made of {}", job["file"]["id"].as_str().expect("an id"));
        let part = format!("{id}/parts/made");
        for percent in [20, 60] {
            let report = json!({"lease": lease, "progress": percent});
            Outside::ask(&at, "POST", &format!("{id}/progress"), None, Body::Json(&report)).await;
        }
        Outside::ask(&at, "PUT", &part, Some(lease), Body::Part(text.as_bytes())).await;
        Outside::ask(&at, "POST", &format!("{id}/complete"), None, Body::Json(&json!({"lease": lease}))).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_at_any_moment_lose_nothing_and_do_nothing_twice() {
    const FILES: usize = 24;
    const KILLS: u64 = 6;
    let mut outside = Outside::start(&[], &[]).await;
    let url = Shared::default();
    url.set(outside.url());
    let mut stored = Vec::new();
    for round in 0..FILES {
        stored.push(store(&outside.url(), "maria", &format!("text {round}")).await.id);
    }
    let workers: Vec<_> = (0..2).map(|_| tokio::spawn(work(url.clone()))).collect();
    let mut rng = Rng::new(17);
    for _ in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(rng.below(120))).await;
        outside.child.kill();
        outside.child.restart().await;
        url.set(outside.url());
    }
    let over = async {
        for id in &stored {
            loop {
                let state = file(&outside.url(), "maria", *id).await["state"].clone();
                if state != "processing" {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    };
    within("every job is over", over).await;
    workers.iter().for_each(tokio::task::JoinHandle::abort);
    let (mut ready, mut blobs): (usize, Vec<(u64, String)>) = (0, Vec::new());
    for (round, id) in stored.iter().enumerate() {
        let file = file(&outside.url(), "maria", *id).await;
        let job = &file["processing"][0];
        let text = format!("text {round}");
        blobs.push((text.len() as u64, samewire::Digest::of(text.as_bytes()).to_string()));
        match file["state"].as_str() {
            Some("ready") => {
                ready += 1;
                let part = format!("made of {id}");
                assert_eq!(file["parts"], json!([{"name": "made", "media": "text/plain", "size": part.len()}]));
                blobs.push((part.len() as u64, samewire::Digest::of(part.as_bytes()).to_string()));
            }
            // All attempts were at moments when the server was killed.
            Some("failed") => {
                assert_eq!((&job["attempt"], &job["code"]), (&json!(3), &json!("processing-failed")), "{file}");
            }
            _ => panic!("{file}"),
        }
        assert!(job["attempt"].as_u64().is_some_and(|attempt| (1..=3).contains(&attempt)), "{file}");
    }
    println!("{ready} of {FILES} were done");
    assert!(ready > FILES / 2, "{ready}");
    blobs.sort();
    wait_for_blobs(outside.child.data(), blobs.len()).await;
    assert_eq!(blob_digests(outside.child.data()), blobs);
    // A new process finds nothing to do, and nothing to remove.
    outside.child.restart().await;
    assert!(Outside::claim(&outside.url(), 60_000, 0).await.is_none());
    assert_eq!(blob_digests(outside.child.data()), blobs);
    let list: Value = call(&outside.url(), "maria", "files/list", json!({})).await.json();
    assert_eq!(list["files"].as_array().map(Vec::len), Some(FILES));
}

/// Asked to stop, a server puts back what is under way, and the attempt does not count.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_puts_back_what_is_under_way() {
    let mut outside = Outside::start(&[], &[]).await;
    let stored = store(&outside.url(), "maria", "a text").await;
    let first = Outside::claim(&outside.url(), 60_000, 30_000).await.expect("a job");
    outside.child.terminate();
    assert!(outside.child.ended().await);
    outside.child.restart().await;
    let again = Outside::claim(&outside.url(), 60_000, 30_000).await.expect("the job again");
    assert_eq!((&again["id"], &again["attempt"]), (&first["id"], &json!(1)));
    let waiting = file(&outside.url(), "maria", stored.id).await;
    assert_eq!(waiting["processing"][0]["state"], "running");
}
