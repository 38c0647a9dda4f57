//! Workers outside of the process, and what they say too late.

use std::time::Duration;

use axum::body::Body;
use samewire_protocol::files::{FileState, JobState};
use samewire_protocol::{Code, Failure};

use super::super::NewPart;
use super::super::external::{Going, Offer};
use super::stage::{Stage, failure, until};
use crate::config::ExternalKind;

const LONG: Duration = Duration::from_secs(60);

async fn stage() -> Stage {
    Stage::with(tempfile::tempdir().expect("a folder"), Vec::new(), |config| {
        config.jobs.external = vec![ExternalKind { kind: "any".to_owned(), media: vec!["text/*".to_owned()] }];
    })
    .await
}

async fn take(stage: &Stage, span: Duration) -> Offer {
    let claimed = stage.jobs.claim(vec!["any".into()], "a test", span, LONG).await;
    claimed.expect("an answer").expect("a job")
}

async fn send(stage: &Stage, offer: &Offer, name: &str, bytes: &'static [u8]) -> Result<u64, Failure> {
    let part = NewPart::new(name, "text/plain", "");
    stage.jobs.part(offer.job.id, &offer.lease, part, Body::from(bytes)).await
}

fn code<T: std::fmt::Debug>(result: Result<T, Failure>) -> Code {
    result.expect_err("it must not succeed").code
}

#[tokio::test]
async fn taken_reported_and_completed_once() {
    let stage = stage().await;
    let none = stage.jobs.claim(vec!["any".into()], "a test", LONG, Duration::ZERO).await;
    assert!(none.expect("an answer").is_none());
    let waiting = stage.jobs.clone();
    let waiting = tokio::spawn(async move { waiting.claim(vec!["any".into()], "a test", LONG, LONG).await });
    let file = stage.store("a text").await;
    let offer = waiting.await.expect("no panic").expect("an answer").expect("a job");
    assert_eq!((offer.job.file.id, offer.job.attempt, &*offer.job.kind), (file.id, 1, "any"));
    let (path, _) = stage.jobs.source(offer.job.id, &offer.lease).await.expect("the source");
    assert_eq!(std::fs::read(path).expect("the content"), b"a text");

    let going = stage.jobs.progress(offer.job.id, &offer.lease, 40.0, Some("hearing")).await.expect("an answer");
    assert!(matches!(going, Going::On { until } if until > offer.until - 60_000));
    stage.jobs.progress(offer.job.id, &offer.lease, 30.0, None).await.expect("an answer");
    let told = stage.told(file.id).await;
    assert_eq!((told.progress, told.stage.as_deref(), told.state), (40, Some("hearing"), JobState::Running));

    // A part may be sent again, and the last counts.
    send(&stage, &offer, "transcript", b"helo").await.expect("a part");
    send(&stage, &offer, "transcript", b"hello").await.expect("a part");
    assert_eq!(code(send(&stage, &offer, "../x", b"hello").await), Code::BadParams);
    stage.jobs.completed(offer.job.id, &offer.lease).await.expect("done");
    stage.jobs.completed(offer.job.id, &offer.lease).await.expect("said again");
    let file = stage.file(file.id).await;
    assert_eq!((file.state, file.parts.len(), file.parts[0].size), (FileState::Ready, 1, 5));
    for late in [
        stage.jobs.failed(offer.job.id, &offer.lease, failure(Code::ProcessingFailed, true)).await,
        stage.jobs.progress(offer.job.id, &offer.lease, 90.0, None).await.map(drop),
        send(&stage, &offer, "late", b"x").await.map(drop),
        stage.jobs.source(offer.job.id, &offer.lease).await.map(drop),
    ] {
        assert_eq!(code(late), Code::LeaseLost);
    }
    stage.turns_are(&["started 1", "completed 1"]).await;
    until("nothing is left", || stage.left() == (2, 0)).await;
}

#[tokio::test]
async fn who_is_silent_loses_the_job_and_is_not_heard_later() {
    let stage = stage().await;
    let file = stage.store("a").await;
    // The shortest span, and nobody says a word.
    let first = take(&stage, Duration::from_millis(30)).await;
    send(&stage, &first, "made", b"by the first").await.expect("a part");
    let job = stage.file_is(file.id, |file| file.processing[0].code == Some(Code::LeaseLost)).await.processing.remove(0);
    assert_eq!((job.state, job.attempt), (JobState::Queued, 1));
    for late in [
        stage.jobs.completed(first.job.id, &first.lease).await,
        stage.jobs.progress(first.job.id, &first.lease, 90.0, None).await.map(drop),
        send(&stage, &first, "made", b"late").await.map(drop),
    ] {
        assert_eq!(code(late), Code::LeaseLost);
    }
    let second = take(&stage, LONG).await;
    assert_eq!((second.job.id, second.job.attempt), (first.job.id, 2));
    assert_ne!(second.lease, first.lease);
    assert_eq!(code(stage.jobs.completed(first.job.id, &first.lease).await), Code::LeaseLost);
    send(&stage, &second, "made", b"by the second").await.expect("a part");
    stage.jobs.completed(second.job.id, &second.lease).await.expect("done");
    let file = stage.file(file.id).await;
    assert_eq!((file.parts.len(), file.parts[0].size), (1, 13));
    stage.turns_are(&["started 1", "retrying 1 lease-lost", "started 2", "completed 1"]).await;
    until("nothing is left", || stage.left() == (2, 0)).await;
}

/// The number of the attempt is the same again, and nothing else may be.
#[tokio::test]
async fn a_worker_that_is_late_leaves_the_next_one_alone() {
    let stage = stage().await;
    let file = stage.store("a").await;
    let first = take(&stage, LONG).await;
    let (mut tap, body) = tokio::io::duplex(16);
    let body = Body::from_stream(tokio_util::io::ReaderStream::new(body));
    let (jobs, id, lease) = (stage.jobs.clone(), first.job.id, first.lease.clone());
    let late = tokio::spawn(async move { jobs.part(id, &lease, NewPart::new("made", "text/plain", ""), body).await });
    tokio::io::AsyncWriteExt::write_all(&mut tap, b"late").await.expect("taken");
    until("it is being sent", || stage.left() == (1, 1)).await;

    stage.jobs.cancel(&stage.owner, file.id, None).await.expect("given up");
    let file = stage.file(file.id).await;
    stage.jobs.again(&stage.owner, &file, None).await.expect("queued");
    let second = take(&stage, LONG).await;
    assert_eq!((second.job.id, second.job.attempt), (first.job.id, first.job.attempt));
    send(&stage, &second, "made", b"by the second").await.expect("a part");
    drop(tap);
    assert_eq!(code(late.await.expect("no panic")), Code::LeaseLost);
    stage.jobs.0.end_lease(first.job.id, &first.lease).await;
    stage.jobs.completed(second.job.id, &second.lease).await.expect("done");
    let file = stage.file(file.id).await;
    assert_eq!((file.parts.len(), file.parts[0].size), (1, 13));
    until("nothing is left", || stage.left() == (2, 0)).await;
}

/// Whoever hangs up and says it again meanwhile must not complete the job without its parts.
#[tokio::test]
async fn completed_by_a_worker_that_hangs_up() {
    let stage = stage().await;
    let file = stage.store("a").await;
    let offer = take(&stage, LONG).await;
    send(&stage, &offer, "made", b"part").await.expect("a part");
    let say = || stage.jobs.completed(offer.job.id, &offer.lease);
    drop(tokio::time::timeout(Duration::ZERO, say()).await);
    let (one, other) = tokio::join!(say(), say());
    one.and(other).expect("done, and said again");
    let file = stage.file(file.id).await;
    assert_eq!((file.state, file.parts.len()), (FileState::Ready, 1));
    until("nothing is left", || stage.left() == (2, 0)).await;
}

#[tokio::test]
async fn a_job_that_was_given_up_tells_its_worker() {
    let stage = stage().await;
    let file = stage.store("a").await;
    let offer = take(&stage, LONG).await;
    send(&stage, &offer, "made", b"half").await.expect("a part");
    stage.jobs.cancel(&stage.owner, file.id, None).await.expect("given up");
    let going = stage.jobs.progress(offer.job.id, &offer.lease, 50.0, None).await.expect("an answer");
    assert_eq!(going, Going::Canceled);
    assert_eq!(code(stage.jobs.completed(offer.job.id, &offer.lease).await), Code::LeaseLost);
    until("nothing is left", || stage.left() == (1, 0)).await;

    let removed = stage.store("b").await;
    let offer = take(&stage, LONG).await;
    send(&stage, &offer, "made", b"half").await.expect("a part");
    assert!(stage.store.remove_file(&stage.owner, removed.id).await.expect("an answer"));
    stage.jobs.removed(removed.id);
    until("nothing of it is left", || stage.left() == (1, 0)).await;
    assert_eq!(code(stage.jobs.progress(offer.job.id, &offer.lease, 50.0, None).await), Code::JobNotFound);
}

#[tokio::test]
async fn a_worker_that_fails_says_whether_to_try_again() {
    let stage = stage().await;
    let file = stage.store("a").await;
    let offer = take(&stage, LONG).await;
    let busy = failure(Code::Overloaded, true);
    stage.jobs.failed(offer.job.id, &offer.lease, busy.clone()).await.expect("heard");
    stage.jobs.failed(offer.job.id, &offer.lease, busy).await.expect("said again");
    let told = stage.told(file.id).await;
    assert_eq!((told.state, told.code, told.attempt), (JobState::Queued, Some(Code::Overloaded), 1));
    // It waits for its time.
    let offer = take(&stage, LONG).await;
    assert_eq!(offer.job.attempt, 2);
    stage.jobs.failed(offer.job.id, &offer.lease, failure(Code::BadMedia, false)).await.expect("heard");
    let file = stage.file(file.id).await;
    assert_eq!((file.state, file.processing[0].code.as_ref()), (FileState::Failed, Some(&Code::BadMedia)));
    stage.turns_are(&["started 1", "retrying 1 overloaded", "started 2", "failed 2 bad-media"]).await;
}

#[tokio::test]
async fn only_what_is_done_outside_is_offered() {
    let stage = stage().await;
    let asked = stage.jobs.claim(vec!["any".into(), "video".into()], "a test", LONG, LONG).await;
    assert_eq!(asked.map(drop).expect_err("it is not done outside").code, Code::BadParams);
    stage.store("a").await;
    let offer = take(&stage, LONG).await;
    for (job, lease) in [(offer.job.id, "guessed"), (samewire_protocol::JobId::from_random([9; 16]), offer.lease.as_str())] {
        let told = code(stage.jobs.source(job, lease).await);
        assert_eq!(told, if lease == "guessed" { Code::LeaseLost } else { Code::JobNotFound });
    }
}
