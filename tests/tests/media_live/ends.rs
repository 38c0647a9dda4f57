//! Whatever ends a job, its processes end with it, and its folder is gone.

use std::time::Duration;

use samewire::files::{FileState, JobState, Remove, RemoveParams};
use samewire_protocol::Code;
use samewire_tests::live::{Child, Host, Insistent, blob_count, settings, token, until};

use super::{film, look, scratch, script, stored, working_in};

/// Says what ffmpeg says of itself, and else hangs, with children that do not want to end.
const HANGS: &str =
    "case \"$1\" in -encoders) echo 'ffmpeg version 0.hangs x' >&2; echo ' V. libx264 x'; echo ' A. aac x'; exit;; esac
trap '' TERM INT HUP
sleep 10000 & sh -c 'sleep 10000 & sleep 10000' &
wait; sleep 10000";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_its_time_a_program_that_hangs_is_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = settings();
    config.video.ffmpeg = script(folder.path(), HANGS);
    config.jobs.timeout = Duration::from_secs(2);
    let host = Host::start(config).await;
    let person = Insistent::new(&host.url(), Some(token("maria")));
    let file = stored(&person, "film", film(1)).await;
    let work = host.data().join("work");
    until("it hangs", || async { working_in(&work).len() >= 4 }).await;
    until("it has failed", || async { look(&person.client, file.id).await.state == FileState::Failed }).await;
    let record = look(&person.client, file.id).await;
    assert_eq!(record.processing[0].code, Some(Code::DeadlineExceeded), "{record:?}");
    until("its processes are gone", || async { working_in(&work).is_empty() }).await;
    until("nothing else is left", || async { (blob_count(host.data()), scratch(host.data())) == (1, 0) }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_its_file_a_job_is_gone() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = settings();
    config.video.ffmpeg = script(folder.path(), HANGS);
    let host = Host::start(config).await;
    let person = Insistent::new(&host.url(), Some(token("maria")));
    let file = stored(&person, "film", film(1)).await;
    let work = host.data().join("work");
    until("it hangs", || async { working_in(&work).len() >= 4 }).await;
    person.client.call::<Remove>(&RemoveParams { id: file.id }).await.expect("it is removed");
    until("its processes are gone", || async { working_in(&work).is_empty() }).await;
    until("nothing is left", || async { (blob_count(host.data()), scratch(host.data())) == (0, 0) }).await;
}

/// Nothing tells this program that its server is gone, but the system.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_the_server_a_program_that_hangs_is_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let hangs = format!("{}\nexec sleep 10000", HANGS.lines().next().expect("its first line"));
    let program = script(folder.path(), &hangs);
    let mut child = Child::start(&[("VIDEO_FFMPEG", program.to_str().expect("a plain path"))]).await;
    let person = Insistent::new(&child.url(), Some(token("maria")));
    stored(&person, "film", film(1)).await;
    let work = child.data().join("work");
    until("it hangs", || async { !working_in(&work).is_empty() }).await;
    child.kill();
    until("it is gone", || async { working_in(&work).is_empty() }).await;
}

/// The server is killed while ffmpeg works: that ends too, and the next server does the job once more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_the_server_its_programs_are_gone_and_the_next_one_begins_anew() {
    let mut child = Child::start(&[]).await;
    let film = film(30);
    let (id, work) = {
        let person = Insistent::new(&child.url(), Some(token("maria")));
        let file = stored(&person, "film", film).await;
        let work = child.data().join("work");
        until("it is under way", || async {
            let job = look(&person.client, file.id).await.processing.remove(0);
            job.progress > 5 && !working_in(&work).is_empty()
        })
        .await;
        (file.id, work)
    };
    child.kill();
    until("its programs are gone", || async { working_in(&work).is_empty() }).await;
    child.restart().await;
    let person = Insistent::new(&child.url(), Some(token("maria")));
    until("it is done", || async { look(&person.client, id).await.state != FileState::Processing }).await;
    let record = look(&person.client, id).await;
    let job = &record.processing[0];
    assert_eq!((record.state, job.state, job.attempt), (FileState::Ready, JobState::Completed, 2), "{job:?}");
    assert_eq!((record.parts.len(), blob_count(child.data())), (3, 4));
    until("its folder is gone", || async { scratch(child.data()) == 0 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_takes_its_programs_along_and_counts_no_attempt() {
    let mut child = Child::start(&[]).await;
    let person = Insistent::new(&child.url(), Some(token("maria")));
    let file = stored(&person, "film", film(30)).await;
    let work = child.data().join("work");
    until("it is under way", || async {
        let job = look(&person.client, file.id).await.processing.remove(0);
        job.progress > 5 && !working_in(&work).is_empty()
    })
    .await;
    drop(person);
    child.terminate();
    assert!(child.ended().await);
    until("its programs are gone", || async { working_in(&work).is_empty() }).await;
    child.restart().await;
    let person = Insistent::new(&child.url(), Some(token("maria")));
    until("it is done", || async { look(&person.client, file.id).await.state == FileState::Ready }).await;
    assert_eq!(look(&person.client, file.id).await.processing[0].attempt, 1);
}
