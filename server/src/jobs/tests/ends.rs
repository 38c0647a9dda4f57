//! How jobs end: done, after attempts that were not, given up, and never twice.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use samewire_protocol::files::{FileState, JobState};
use samewire_protocol::{Code, Digest};
use tokio::sync::Notify;

use super::super::{Job, NewPart};
use super::stage::{Stage, Tally, Worker, failure, until};
use crate::auth::Identity;

/// Writes something into the folder.
fn write(job: &Job, name: &str, bytes: usize) -> std::path::PathBuf {
    let path = job.folder().join(name);
    std::fs::write(&path, vec![b'x'; bytes]).expect("written");
    path
}

/// Counts when it is dropped.
struct Dropped(Tally);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.count();
    }
}

#[tokio::test]
async fn what_is_put_out_becomes_parts_of_the_file() {
    let worker = Worker::new("lines", |job| {
        Box::pin(async move {
            assert_eq!(std::fs::read(job.source()).expect("the content"), b"one\ntwo");
            assert_eq!((job.attempt(), job.file().name.as_str()), (1, "notes.txt"));
            job.stage("counting");
            job.progress(50.0);
            let path = write(job, "count", 3);
            let mut part = NewPart::new("lines", "text/plain", path);
            (part.width, part.duration) = (Some(2), Some(70));
            part.extra = Some([("lines".to_owned(), 2.into())].into_iter().collect());
            job.output(part);
            job.output(NewPart::new("empty", "text/plain", write(job, "empty", 0)));
            Ok(())
        })
    });
    let stage = Stage::new(vec![worker]).await;
    let file = stage.store("one\ntwo").await;
    assert_eq!((file.state, file.processing.len()), (FileState::Processing, 1));
    assert_eq!((file.processing[0].state, file.processing[0].attempt), (JobState::Queued, 0));
    let file = stage.file_is(file.id, |file| file.state == FileState::Ready).await;
    assert_eq!((file.processing[0].progress, file.processing[0].stage.as_deref()), (100, None));
    let [empty, lines] = &file.parts[..] else { panic!("{file:?}") };
    assert_eq!((empty.name.as_str(), empty.size), ("empty", 0));
    assert_eq!((lines.name.as_str(), lines.media.as_str(), lines.size, lines.width), ("lines", "text/plain", 3, Some(2)));
    assert_eq!((lines.duration, &lines.extra.as_ref().expect("it was said")["lines"]), (Some(70), &2.into()));
    let content = stage.store.content(&stage.owner, file.id, Some("lines")).await.expect("an answer").expect("the part");
    assert_eq!((content.size, content.digest), (3, Digest::of(b"xxx")));
    assert_eq!(stage.store.used(&stage.owner).await.expect("a number"), 7 + 3);
    until("the folder is gone", || stage.left() == (3, 0)).await;
    stage.turns_are(&["started 1", "completed 2"]).await;
}

#[tokio::test]
async fn progress_is_whole_and_rises_over_attempts() {
    let worker = Worker::new("slow", |job| {
        Box::pin(async move {
            let from = if job.attempt() == 1 { 0 } else { 20 };
            for step in from..=60 {
                job.progress(step as f32 + 0.7);
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            if job.attempt() == 1 { Err(failure(Code::ProcessingFailed, true)) } else { Ok(()) }
        })
    });
    let stage = Stage::new(vec![worker]).await;
    let file = stage.store("a").await;
    stage.file_is(file.id, |file| file.state == FileState::Ready).await;
    let heard = stage.heard();
    let told: Vec<u8> = heard.iter().filter_map(|event| event.strip_prefix("progress ")?.parse().ok()).collect();
    assert!(told.is_sorted() && told.len() >= 2 && told.len() < 40, "{told:?}");
    assert!(told.windows(2).all(|pair| pair[0] < pair[1]), "{told:?}");
    stage.turns_are(&["started 1", "retrying 1 processing-failed", "started 2", "completed 0"]).await;
}

#[tokio::test]
async fn what_may_help_is_tried_again_and_not_for_ever() {
    let tally = Tally::default();
    let counted = tally.clone();
    let worker = Worker::new("never", move |_| {
        counted.count();
        Box::pin(async { Err(failure(Code::StorageFull, true)) })
    });
    let stage = Stage::new(vec![worker]).await;
    let file = stage.store("a").await;
    let file = stage.file_is(file.id, |file| file.state == FileState::Failed).await;
    let job = &file.processing[0];
    assert_eq!((job.attempt, job.code.as_ref(), job.reason.as_deref()), (3, Some(&Code::StorageFull), Some("it did not work")));
    let again = "storage-full";
    let turns = [
        "started 1",
        &format!("retrying 1 {again}"),
        "started 2",
        &format!("retrying 2 {again}"),
        "started 3",
        &format!("failed 3 {again}"),
    ];
    stage.turns_are(&turns).await;
    assert_eq!(tally.get(), 3);
    until("the folder is gone", || stage.left() == (1, 0)).await;

    // Somebody asks for it again: the attempts are counted anew.
    stage.jobs.again(&stage.owner, &file, None).await.expect("queued");
    stage.file_is(file.id, |file| file.state == FileState::Failed && file.processing[0].attempt == 3).await;
    until("three more", || tally.get() == 6).await;
    assert!(stage.turns().contains(&"processing:queued".to_owned()));
}

#[tokio::test]
async fn what_cannot_help_is_not_tried_again() {
    let broken = Worker::new("broken", |_| Box::pin(async { Err(failure(Code::BadMedia, false)) }));
    let panics = Worker::new("panics", |_| panic!("a fault of the processor's"));
    let stage = Stage::new(vec![broken, panics]).await;
    let file = stage.store("a").await;
    let file = stage.file_is(file.id, |file| file.state == FileState::Failed).await;
    let told: Vec<_> = file.processing.iter().map(|job| (job.kind.as_str(), job.attempt, job.code.clone())).collect();
    assert_eq!(told, [("broken", 1, Some(Code::BadMedia)), ("panics", 1, Some(Code::ProcessingFailed))]);
    // The workers are free for others.
    let other = stage.store("b").await;
    stage.file_is(other.id, |file| file.state == FileState::Failed).await;
}

#[tokio::test]
async fn an_attempt_that_takes_too_long_is_dropped() {
    let dropped = Tally::default();
    let seen = dropped.clone();
    let worker = Worker::new("hangs", move |_| {
        let guard = Dropped(seen.clone());
        Box::pin(async move {
            let _guard = guard;
            std::future::pending().await
        })
    });
    let worker = worker.policy(|policy| policy.timeout = Duration::from_millis(20));
    let stage = Stage::new(vec![worker]).await;
    let file = stage.store("a").await;
    let file = stage.file_is(file.id, |file| file.state == FileState::Failed).await;
    assert_eq!((file.processing[0].code.as_ref(), file.processing[0].attempt), (Some(&Code::DeadlineExceeded), 1));
    assert_eq!(dropped.get(), 1);
    until("the folder is gone", || stage.left() == (1, 0)).await;
}

#[tokio::test]
async fn given_up_while_it_runs_and_done_after_all() {
    let (dropped, go) = (Tally::default(), Arc::new(Notify::new()));
    let (seen, gate) = (dropped.clone(), go.clone());
    let worker = Worker::new("gated", move |job| {
        let (guard, gate) = (Dropped(seen.clone()), gate.clone());
        Box::pin(async move {
            let _guard = guard;
            job.progress(30.0);
            gate.notified().await;
            job.output(NewPart::new("made", "text/plain", write(job, "made", 5)));
            Ok(())
        })
    });
    let stage = Stage::new(vec![worker]).await;
    let file = stage.store("a").await;
    stage.file_is(file.id, |file| file.processing[0].progress == 30).await;
    stage.jobs.cancel(&stage.owner, file.id, Some("another".to_owned())).await.expect("an answer");
    assert_eq!(stage.told(file.id).await.state, JobState::Running);
    stage.jobs.cancel(&stage.owner, file.id, None).await.expect("given up");
    let told = stage.told(file.id).await;
    assert_eq!((told.state, told.code), (JobState::Canceled, Some(Code::Canceled)));
    until("the attempt is dropped", || dropped.get() == 1).await;
    stage.turns_are(&["started 1", "failed 1 canceled"]).await;
    until("nothing is left", || stage.left() == (1, 0)).await;
    // Given up once more, nothing happens.
    stage.jobs.cancel(&stage.owner, file.id, None).await.expect("an answer");

    let file = stage.file(file.id).await;
    stage.jobs.again(&stage.owner, &file, None).await.expect("queued");
    go.notify_one();
    stage.file_is(file.id, |file| file.state == FileState::Ready && file.parts.len() == 1).await;
    stage.turns_are(&["started 1", "failed 1 canceled", "processing:queued", "started 1", "completed 1"]).await;
    // Done is done.
    let file = stage.file(file.id).await;
    stage.jobs.again(&stage.owner, &file, Some("gated".to_owned())).await.expect("an answer");
    assert_eq!(stage.told(file.id).await.state, JobState::Completed);
}

/// The attempt before may still be letting go: nothing of the next one goes with it.
#[tokio::test]
async fn given_up_and_asked_for_again_at_once() {
    let worker = Worker::new("slow", |job| {
        Box::pin(async move {
            let path = write(job, "made", 5);
            job.progress(50.0);
            tokio::time::sleep(Duration::from_millis(30)).await;
            job.output(NewPart::new("made", "text/plain", path));
            Ok(())
        })
    });
    let stage = Stage::new(vec![worker]).await;
    let file = stage.store("a").await;
    for _ in 0..20 {
        stage.file_is(file.id, |file| file.processing[0].state == JobState::Running).await;
        stage.jobs.cancel(&stage.owner, file.id, None).await.expect("given up");
        let file = stage.file(file.id).await;
        stage.jobs.again(&stage.owner, &file, None).await.expect("queued");
    }
    let file = stage.file_is(file.id, |file| file.state != FileState::Processing).await;
    assert_eq!((file.state, file.parts.len()), (FileState::Ready, 1), "{file:?}");
    until("nothing else is left", || stage.left() == (2, 0) && stage.jobs.0.running.lock().is_empty()).await;
}

#[tokio::test]
async fn a_kind_that_was_never_done_with_a_file_can_be_asked_for() {
    let worker = Worker::new("lines", |_| Box::pin(async { Ok(()) }));
    let data = tempfile::tempdir().expect("a folder");
    let stage = Stage::with(data, Vec::new(), |_| ()).await;
    let file = stage.store("a").await;
    assert_eq!((file.state, file.processing.len()), (FileState::Stored, 0));
    let data = stage.end().await;

    let stage = Stage::with(data, vec![worker], |_| ()).await;
    let told = stage.jobs.again(&stage.owner, &file, Some("video".to_owned())).await.expect_err("no such kind");
    assert_eq!(told.code, Code::UnsupportedMedia);
    stage.jobs.again(&stage.owner, &file, Some("lines".to_owned())).await.expect("queued");
    stage.file_is(file.id, |file| file.state == FileState::Ready).await;
    stage.turns_are(&["processing:queued", "started 1", "completed 0"]).await;
}

#[tokio::test]
async fn a_file_that_is_removed_takes_its_job_with_it() {
    let dropped = Tally::default();
    let seen = dropped.clone();
    let worker = Worker::new("hangs", move |job| {
        let guard = Dropped(seen.clone());
        Box::pin(async move {
            let _guard = guard;
            write(job, "half", 10);
            job.progress(1.0);
            std::future::pending().await
        })
    });
    let stage = Stage::new(vec![worker]).await;
    let file = stage.store("a").await;
    stage.file_is(file.id, |file| file.processing[0].progress == 1).await;
    assert!(stage.store.remove_file(&stage.owner, file.id).await.expect("an answer"));
    stage.jobs.removed(file.id);
    until("the attempt is dropped", || dropped.get() == 1).await;
    until("nothing is left", || stage.left() == (0, 0)).await;
    // And where nobody says so, it is seen at the next word about it.
    let file = stage.store("b").await;
    stage.file_is(file.id, |file| file.processing[0].progress == 1).await;
    assert!(stage.store.remove_file(&stage.owner, file.id).await.expect("an answer"));
    stage.jobs.0.due.notify_one();
    until("the attempt is dropped", || dropped.get() == 2).await;
    until("nothing is left", || stage.left() == (0, 0)).await;
    assert!(!stage.turns().iter().any(|turn| turn.starts_with("failed") || turn.starts_with("completed")));
}

#[tokio::test]
async fn parts_count_for_the_quota_and_leave_nothing_where_there_is_no_room() {
    let worker = Worker::new("large", |job| {
        Box::pin(async move {
            let size = std::fs::read_to_string(job.source()).expect("a text").trim().parse().expect("a size");
            job.output(NewPart::new("small", "text/plain", write(job, "small", 1)));
            job.output(NewPart::new("large", "text/plain", write(job, "large", size)));
            Ok(())
        })
    });
    let data = tempfile::tempdir().expect("a folder");
    let stage = Stage::with(data, vec![worker], |config| config.streams.quota = 1_000).await;
    let fits = stage.store("400").await;
    stage.file_is(fits.id, |file| file.state == FileState::Ready).await;
    assert_eq!(stage.store.used(&stage.owner).await.expect("a number"), 404);
    let file = stage.store("600").await;
    let file = stage.file_is(file.id, |file| file.state == FileState::Failed).await;
    assert_eq!((file.processing[0].code.as_ref(), file.processing[0].attempt), (Some(&Code::QuotaExceeded), 1));
    assert!(file.parts.is_empty());
    assert_eq!(stage.store.used(&stage.owner).await.expect("a number"), 407);
    until("nothing is left", || stage.left() == (4, 0)).await;
    // With room, it is done.
    assert!(stage.store.remove_file(&stage.owner, fits.id).await.expect("an answer"));
    stage.jobs.again(&stage.owner, &file, None).await.expect("queued");
    stage.file_is(file.id, |file| file.state == FileState::Ready && file.parts.len() == 2).await;
    until("the others are gone", || stage.left() == (3, 0)).await;
}

#[tokio::test]
async fn what_is_no_part_fails_the_job_and_leaves_nothing() {
    let worker = Worker::new("odd", |job| {
        Box::pin(async move {
            let made = write(job, "made", 5);
            let part = |name: &str, path: &std::path::Path| NewPart::new(name, "text/plain", path);
            job.output(part("made", &made));
            match std::fs::read_to_string(job.source()).expect("a text").as_str() {
                "twice" => job.output(part("made", &write(job, "other", 5))),
                "name" => job.output(part("Made!", &write(job, "other", 5))),
                "outside" => job.output(part("other", job.source())),
                "missing" => job.output(part("other", std::path::Path::new("nowhere"))),
                _ => (0..20).for_each(|n| {
                    let path = write(job, &n.to_string(), 1);
                    job.output(part(&format!("n{n}"), &path));
                }),
            }
            Ok(())
        })
    });
    let stage = Stage::new(vec![worker]).await;
    for (count, odd) in ["twice", "name", "outside", "missing", "many"].into_iter().enumerate() {
        let file = stage.store(odd).await;
        let file = stage.file_is(file.id, |file| file.state == FileState::Failed).await;
        assert_eq!(file.processing[0].code, Some(Code::ProcessingFailed), "{odd}");
        until("nothing is left", || stage.left() == (count + 1, 0)).await;
    }
}

#[tokio::test]
async fn so_many_at_once_and_no_more() {
    let (now, most) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new((0, 0))));
    let worker = |kind: &'static str, alone: bool| {
        let (now, most) = (now.clone(), most.clone());
        let alone_now = Arc::new(Mutex::new(0));
        Worker::new(kind, move |_| {
            let (now, most, alone_now) = (now.clone(), most.clone(), alone_now.clone());
            Box::pin(async move {
                *now.lock() += 1;
                *alone_now.lock() += 1;
                {
                    let mut most = most.lock();
                    most.0 = (*now.lock()).max(most.0);
                    if alone {
                        most.1 = (*alone_now.lock()).max(most.1);
                    }
                }
                // The first ones wait for each other, however slowly they come.
                while most.lock().0 < 3 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                tokio::time::sleep(Duration::from_millis(15)).await;
                *now.lock() -= 1;
                *alone_now.lock() -= 1;
                Ok(())
            })
        })
    };
    let single = worker("single", true).policy(|policy| policy.at_once = 1);
    let stage = Stage::with(tempfile::tempdir().expect("a folder"), vec![worker("any", false), single], |config| {
        config.jobs.workers = 3;
    })
    .await;
    let mut files = Vec::new();
    for round in 0..6 {
        files.push(stage.store(&round.to_string()).await);
    }
    for file in files {
        stage.file_is(file.id, |file| file.state == FileState::Ready).await;
    }
    assert_eq!(*most.lock(), (3, 1));
}

#[tokio::test]
async fn one_who_stores_much_does_not_keep_others_waiting() {
    let order = Arc::new(Mutex::new(Vec::new()));
    let (seen, gate) = (order.clone(), Arc::new(tokio::sync::Semaphore::new(0)));
    let opened = gate.clone();
    let worker = Worker::new("any", move |job| {
        let (seen, gate) = (seen.clone(), gate.clone());
        let what = std::fs::read_to_string(job.source()).expect("a text");
        Box::pin(async move {
            seen.lock().push(what);
            gate.acquire().await.expect("open").forget();
            Ok(())
        })
    });
    let stage = Stage::new(vec![worker]).await;
    for round in 0..6 {
        stage.store(&format!("much {round}")).await;
    }
    until("two are under way", || order.lock().len() == 2).await;
    let other = Identity::user("olga").expect("a user").owner().clone();
    stage.store_as(&other, "little").await;
    opened.add_permits(1);
    until("the next one", || order.lock().len() == 3).await;
    assert_eq!(order.lock()[2], "little");
    opened.add_permits(10);
}

#[tokio::test]
async fn jobs_that_cannot_be_done_now_wait_and_say_why() {
    use super::super::{Processing, Processor};
    use crate::streams::Candidate;

    struct Missing(Arc<Mutex<bool>>);

    impl Processor for Missing {
        fn kind(&self) -> &str {
            "video"
        }

        fn wants(&self, _: &Candidate<'_>, _: &str) -> bool {
            true
        }

        fn available(&self) -> Result<(), samewire_protocol::Failure> {
            let told = "ffmpeg is not there; install it";
            if *self.0.lock() { Ok(()) } else { Err(samewire_protocol::Failure::new(Code::ProcessingUnavailable, told)) }
        }

        fn process<'a>(&'a self, _: &'a mut Job) -> Processing<'a> {
            Box::pin(async { Ok(()) })
        }
    }

    let there = Arc::new(Mutex::new(false));
    let stage = Stage::of(vec![Arc::new(Missing(there.clone()))]).await;
    let file = stage.store("a").await;
    let waits = |job: &samewire_protocol::files::Processing| {
        (job.state, job.code.as_ref(), job.attempt) == (JobState::Queued, Some(&Code::ProcessingUnavailable), 0)
    };
    let file = stage.file_is(file.id, |file| waits(&file.processing[0])).await;
    assert_eq!(file.processing[0].reason.as_deref(), Some("ffmpeg is not there; install it"));
    stage.turns_are(&["processing:queued"]).await;
    *there.lock() = true;
    stage.jobs.0.due.notify_one();
    let file = stage.file_is(file.id, |file| file.state == FileState::Ready).await;
    assert_eq!(file.processing[0].code, None);
}
