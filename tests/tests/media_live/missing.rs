//! A server without ffmpeg.

use samewire::files::{FileState, JobState};
use samewire_protocol::Code;
use samewire_tests::live::{Host, Insistent, http, settings, token, until};

use super::{film, look, stored};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn films_wait_until_it_is_there() {
    let mut without = settings();
    without.video.ffmpeg = "/no/such/ffmpeg".into();
    let mut host = Host::start(without).await;
    let healthy = async |url: String| http::send(http::requests().get(format!("{url}/healthz"))).await.json()["ffmpeg"].clone();
    assert!(healthy(host.url()).await.is_null());
    let id = {
        let person = Insistent::new(&host.url(), Some(token("maria")));
        let file = stored(&person, "film", film(1)).await;
        until("it says why it waits", || async { look(&person.client, file.id).await.processing[0].code.is_some() }).await;
        let record = look(&person.client, file.id).await;
        let job = &record.processing[0];
        assert_eq!((record.state, job.state, job.attempt), (FileState::Processing, JobState::Queued, 0));
        assert_eq!(job.code, Some(Code::ProcessingUnavailable));
        assert!(job.reason.as_deref().is_some_and(|reason| reason.contains("apt-get install ffmpeg")), "{job:?}");
        file.id
    };
    host.restart_with(settings()).await;
    assert!(healthy(host.url()).await.as_str().is_some_and(|version| !version.is_empty()));
    let person = Insistent::new(&host.url(), Some(token("maria")));
    until("it is done", || async { look(&person.client, id).await.state == FileState::Ready }).await;
    let record = look(&person.client, id).await;
    assert_eq!((record.processing[0].attempt, record.processing[0].code.clone(), record.parts.len()), (1, None, 3));
}
