//! What a new process makes of the last one's jobs.

use samewire_protocol::Code;
use samewire_protocol::files::{FileState, JobState};

use super::stage::{Stage, Tally, Worker, failure, until};
use crate::config::ExternalKind;
use crate::store::{Leasing, now_ms};

/// Takes the only job that is due, as a process that is killed then.
async fn take(stage: &Stage) -> String {
    let lease = format!("lease {}", now_ms());
    let leasing = Leasing { lease: lease.clone(), until: None, worker: "killed".to_owned() };
    let claimed =
        stage.store.records().claim_job(vec!["any".into()], Vec::new(), leasing, now_ms()).done().await.expect("an answer");
    claimed.expect("a job");
    lease
}

fn worker(tally: &Tally) -> Worker {
    let tally = tally.clone();
    Worker::new("any", move |_| {
        tally.count();
        Box::pin(async { Ok(()) })
    })
}

/// A stage on which nothing runs by itself, because what is to be done is done outside.
async fn idle(data: tempfile::TempDir) -> Stage {
    Stage::with(data, Vec::new(), |config| {
        config.jobs.external = vec![ExternalKind { kind: "any".to_owned(), media: vec!["text/plain".to_owned()] }];
    })
    .await
}

#[tokio::test]
async fn a_job_that_was_under_way_is_done_once() {
    let stage = idle(tempfile::tempdir().expect("a folder")).await;
    let file = stage.store("a").await;
    let lease = take(&stage).await;
    let id = stage.store.records().leases_over(u64::MAX >> 2).done().await.expect("an answer");
    assert!(id.is_empty(), "a process's own job has no end to its lease");
    std::fs::create_dir_all(stage.data().join("work/left/1")).expect("a folder");
    std::fs::write(stage.data().join("work/left/1/half"), "x").expect("written");
    let noted = stage.file(file.id).await;
    assert_eq!(noted.processing[0].state, JobState::Running);
    let data = stage.end().await;

    let tally = Tally::default();
    let stage = Stage::with(data, vec![worker(&tally)], |_| ()).await;
    let file = stage.file_is(file.id, |file| file.state == FileState::Ready).await;
    assert_eq!((file.processing[0].attempt, tally.get()), (2, 1), "the attempt that was killed counts");
    assert_eq!(stage.left().1, 0);
    // Whatever the one that was killed would have said, it is not heard.
    let jobs = stage.store.records().repeat_jobs(stage.owner.clone(), file.id, None, now_ms()).done().await.expect("an answer");
    assert!(jobs.is_empty(), "it is done: {lease}");
    let data = stage.end().await;

    let stage = Stage::with(data, vec![worker(&tally)], |_| ()).await;
    assert_eq!(stage.file(file.id).await.state, FileState::Ready);
    assert_eq!(tally.get(), 1);
}

#[tokio::test]
async fn a_job_that_ends_every_process_fails_in_the_end() {
    let mut data = tempfile::tempdir().expect("a folder");
    let mut file = None;
    for attempt in 1..=3 {
        let stage = idle(data).await;
        let stored = match file {
            None => stage.store("a").await.id,
            Some(file) => file,
        };
        file = Some(stored);
        assert_eq!(stage.told(stored).await.attempt, attempt - 1);
        take(&stage).await;
        data = stage.end().await;
    }
    let tally = Tally::default();
    let stage = Stage::with(data, vec![worker(&tally)], |_| ()).await;
    let file = stage.file(file.expect("a file")).await;
    let job = &file.processing[0];
    assert_eq!((file.state, job.attempt, job.code.as_ref()), (FileState::Failed, 3, Some(&Code::ProcessingFailed)));
    assert!(job.reason.as_deref().is_some_and(|reason| reason.contains("attempt 3 of 3")), "{job:?}");
    assert_eq!(tally.get(), 0);
}

#[tokio::test]
async fn a_server_that_stops_puts_back_what_is_under_way() {
    let hangs = Worker::new("any", |job| {
        Box::pin(async move {
            job.progress(40.0);
            std::future::pending().await
        })
    });
    let stage = Stage::new(vec![hangs]).await;
    let file = stage.store("a").await;
    stage.file_is(file.id, |file| file.processing[0].progress == 40).await;
    stage.jobs.stop().await;
    let told = stage.told(file.id).await;
    assert_eq!((told.state, told.attempt, told.progress), (JobState::Queued, 0, 40));
    until("nothing is left", || stage.left() == (1, 0)).await;
    let data = stage.end().await;

    let tally = Tally::default();
    let stage = Stage::with(data, vec![worker(&tally)], |_| ()).await;
    let file = stage.file_is(file.id, |file| file.state == FileState::Ready).await;
    assert_eq!((file.processing[0].attempt, tally.get()), (1, 1));
}

#[tokio::test]
async fn waiting_for_another_attempt_outlives_the_process() {
    let fails = Worker::new("any", |_| Box::pin(async { Err(failure(Code::StorageFull, true)) }));
    let fails = fails.policy(|policy| policy.backoff = std::time::Duration::from_secs(3_600));
    let stage = Stage::new(vec![fails]).await;
    let file = stage.store("a").await;
    let waits = |job: &samewire_protocol::files::Processing| job.state == JobState::Queued && job.attempt == 1;
    stage.file_is(file.id, |file| waits(&file.processing[0])).await;
    until("the attempt is over", || stage.left() == (1, 0) && stage.jobs.0.running.lock().is_empty()).await;
    let data = stage.end().await;

    let tally = Tally::default();
    let stage = Stage::with(data, vec![worker(&tally)], |_| ()).await;
    let other = stage.store("b").await;
    stage.file_is(other.id, |file| file.state == FileState::Ready).await;
    let told = stage.told(file.id).await;
    assert!(waits(&told), "{told:?}");
    assert_eq!(told.code, Some(Code::StorageFull));
}

#[tokio::test]
async fn completed_jobs_are_forgotten_and_what_they_made_is_not() {
    let makes = Worker::new("any", |job| {
        Box::pin(async move {
            let path = job.folder().join("made");
            std::fs::write(&path, "made").expect("written");
            job.output(super::super::NewPart::new("made", "text/plain", path));
            Ok(())
        })
    });
    let stage = Stage::with(tempfile::tempdir().expect("a folder"), vec![makes], |config| {
        config.jobs.kept = std::time::Duration::from_millis(1);
    })
    .await;
    let file = stage.store("a").await;
    stage.file_is(file.id, |file| file.state == FileState::Ready).await;
    until("the attempt is over", || stage.left() == (2, 0) && stage.jobs.0.running.lock().is_empty()).await;
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    let data = stage.end().await;

    let stage = Stage::with(data, Vec::new(), |config| config.jobs.kept = std::time::Duration::from_millis(1)).await;
    let file = stage.file_is(file.id, |file| file.processing.is_empty()).await;
    assert_eq!((file.state, file.parts.len()), (FileState::Ready, 1));
}
