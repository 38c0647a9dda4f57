//! Everybody who watches a file hears how it is coming along, in order; and whoever comes late knows at once how it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use samewire_protocol::{Code, Failure};
use samewire_server::jobs::NewPart;
use samewire_tests::live::raw::Raw;
use samewire_tests::live::{Host, token};
use serde_json::json;
use tokio::sync::Semaphore;

use super::stage::{Texts, broken, call, file, file_is, hear_until, settings, store, watch};

/// Goes on with each permit, by ten percent.
fn in_steps(gate: &Arc<Semaphore>) -> Texts {
    let gate = gate.clone();
    Texts::new(move |job| {
        let gate = gate.clone();
        Box::pin(async move {
            job.stage("reading");
            for step in 1..=9_u8 {
                gate.acquire().await.expect("open").forget();
                job.progress(f32::from(step) * 10.0);
            }
            let path = job.folder().join("made");
            tokio::fs::copy(job.source(), &path).await.map_err(broken("no copy"))?;
            job.output(NewPart::new("copy", "text/plain", path));
            Ok(())
        })
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_session_hears_it_in_order_and_a_late_one_is_right_at_once() {
    let gate = Arc::new(Semaphore::new(0));
    let texts = in_steps(&gate);
    let host = Host::with(settings(), move |builder| builder.processor(texts.clone())).await;
    let stored = store(&host.url(), "maria", "a text").await;
    assert_eq!(stored.media.as_deref(), Some("text/plain"));
    let mut watcher = Raw::session(host.addr(), Some(&token("maria"))).await;
    let joined = watch(&mut watcher, stored.id).await.expect("the owner may watch");
    assert_eq!((&joined["role"], &joined["state"]["state"]), (&json!("viewer"), &json!("processing")), "{joined}");

    let opening = gate.clone();
    let steps = tokio::spawn(async move {
        for _ in 0..9 {
            opening.add_permits(1);
            // Longer than what is told is gathered.
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        }
    });
    let heard = hear_until(&mut watcher, "processing:completed").await;
    steps.await.expect("no panic");
    let progress: Vec<u64> = heard
        .iter()
        .filter(|(name, _)| name == "processing:progress")
        .map(|(_, payload)| payload["progress"].as_u64().expect("a number"))
        .collect();
    assert!(progress.windows(2).all(|pair| pair[0] < pair[1]), "{progress:?}");
    assert!(progress.len() >= 5 && progress.iter().all(|progress| progress % 10 == 0 && *progress < 100), "{progress:?}");
    let others: Vec<_> = heard.iter().map(|(name, _)| name.as_str()).filter(|name| *name != "processing:progress").collect();
    assert!(others == ["processing:started", "processing:completed"] || others == ["processing:completed"], "{heard:?}");
    let (_, completed) = heard.last().expect("the last");
    assert_eq!(completed["fileId"], stored.id.to_string());
    assert_eq!(completed["parts"][0]["name"], "copy");

    let mut late = Raw::session(host.addr(), Some(&token("maria"))).await;
    let joined = watch(&mut late, stored.id).await.expect("the owner may watch");
    let record = file(&host.url(), "maria", stored.id).await;
    assert_eq!(joined["state"], record);
    assert_eq!((&record["state"], &record["processing"][0]["progress"]), (&json!("ready"), &json!(100)));
    assert_eq!(record["parts"], json!([{"name": "copy", "media": "text/plain", "size": 6}]));
}

/// Somebody who joins in the middle, again and again, while it goes on as fast as it can.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_comes_in_at_any_moment_misses_nothing() {
    const FILES: usize = 12;
    let gate = Arc::new(Semaphore::new(FILES * 9));
    let texts = in_steps(&gate);
    let host = Host::with(settings(), move |builder| builder.processor(texts.clone())).await;
    for round in 0..FILES {
        let stored = store(&host.url(), "maria", &format!("text {round}")).await;
        let mut raw = Raw::session(host.addr(), Some(&token("maria"))).await;
        tokio::time::sleep(std::time::Duration::from_millis(round as u64)).await;
        let joined = watch(&mut raw, stored.id).await.expect("the owner may watch");
        let mut progress = joined["state"]["processing"][0]["progress"].as_u64().expect("a number");
        if joined["state"]["state"] == "ready" {
            continue;
        }
        for (name, payload) in hear_until(&mut raw, "processing:completed").await {
            if name == "processing:progress" {
                let now = payload["progress"].as_u64().expect("a number");
                assert!(now >= progress, "from {progress} to {now}");
                progress = now;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failing_trying_again_giving_up_and_asking_once_more() {
    let gate = Arc::new(Semaphore::new(0));
    let (attempts, opened) = (Arc::new(AtomicU32::new(0)), gate.clone());
    let texts = Texts::new(move |_| {
        let attempt = attempts.fetch_add(1, Ordering::SeqCst);
        let gate = opened.clone();
        Box::pin(async move {
            gate.acquire().await.expect("open").forget();
            match attempt {
                0 => Err(Failure::new(Code::StorageFull, "there was no room for a moment")),
                1 => Err(Failure::new(Code::BadMedia, "this is not a text")),
                _ => Ok(()),
            }
        })
    });
    let host = Host::with(settings(), move |builder| builder.processor(texts.clone())).await;
    let url = host.url();
    let stored = store(&url, "maria", "a text").await;
    let id = stored.id;
    let mut watcher = Raw::session(host.addr(), Some(&token("maria"))).await;
    watch(&mut watcher, id).await.expect("the owner may watch");
    gate.add_permits(1);
    let heard = hear_until(&mut watcher, "processing:retrying").await;
    let (_, retrying) = heard.last().expect("the last");
    assert_eq!((&retrying["code"], &retrying["attempt"]), (&json!("storage-full"), &json!(1)));
    assert!(retrying["in"].as_u64().is_some_and(|delay| delay > 0) && retrying["reason"].is_string(), "{retrying}");
    gate.add_permits(1);
    let heard = hear_until(&mut watcher, "processing:failed").await;
    assert_eq!(heard[0].0, "processing:started");
    let (_, failed) = heard.last().expect("the last");
    assert_eq!((&failed["code"], &failed["attempt"]), (&json!("bad-media"), &json!(2)));
    assert_eq!(failed["reason"], "this is not a text");
    let record = file(&url, "maria", id).await;
    assert_eq!((&record["state"], &record["processing"][0]["reason"]), (&json!("failed"), &json!("this is not a text")));

    // Once more, and given up.
    let again = call(&url, "maria", "files/process", json!({"id": id})).await;
    assert_eq!((again.status, again.json()["state"].clone()), (200, json!("processing")), "{again:?}");
    let heard = hear_until(&mut watcher, "processing:started").await;
    assert_eq!(heard[0].0, "processing:queued", "{heard:?}");
    let given_up = call(&url, "maria", "files/cancel", json!({"id": id, "kind": "texts"})).await.json();
    assert_eq!((&given_up["state"], &given_up["processing"][0]["state"]), (&json!("failed"), &json!("canceled")));
    let heard = hear_until(&mut watcher, "processing:failed").await;
    assert_eq!(heard.last().expect("the last").1["code"], "canceled");

    // And at last.
    gate.add_permits(1);
    call(&url, "maria", "files/process", json!({"id": id, "kind": "texts"})).await;
    hear_until(&mut watcher, "processing:completed").await;
    file_is(&url, "maria", id, "ready").await;
    let refused = call(&url, "maria", "files/process", json!({"id": id, "kind": "video"})).await;
    assert_eq!(refused.problem(), "unsupported-media");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_removed_ends_its_room_and_its_job() {
    let gate = Arc::new(Semaphore::new(0));
    let texts = in_steps(&gate);
    let host = Host::with(settings(), move |builder| builder.processor(texts.clone())).await;
    let stored = store(&host.url(), "maria", "a text").await;
    let mut watcher = Raw::session(host.addr(), Some(&token("maria"))).await;
    watch(&mut watcher, stored.id).await.expect("the owner may watch");
    gate.add_permits(1);
    hear_until(&mut watcher, "processing:progress").await;
    let removed = call(&host.url(), "maria", "files/remove", json!({"id": stored.id})).await;
    assert_eq!(removed.json()["removed"], true);
    let left = watcher.expect("left").await;
    assert_eq!(left["error"]["code"], "file-not-found", "{left}");
    assert_eq!(watch(&mut watcher, stored.id).await.expect_err("it is gone")["code"], "room-not-found");
    samewire_tests::live::wait_for_blobs(host.data(), 0).await;
    samewire_tests::live::until("the folder for work is empty", || async {
        std::fs::read_dir(host.data().join("work")).expect("the folder").count() == 0
    })
    .await;
}
