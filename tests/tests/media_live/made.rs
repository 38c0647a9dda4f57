//! What is made of files.

use samewire::files::{FileState, JobState, Open, OpenParams, Progressed};
use samewire::rooms::{JoinOptions, RoomEvent};
use samewire_protocol::Code;
use samewire_tests::live::{Host, Insistent, blob_count, settings, token, until, within};

use super::{film, look, scratch, stored};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_film_is_processed_before_the_eyes_of_whoever_watches() {
    let host = Host::start(settings()).await;
    let person = Insistent::new(&host.url(), Some(token("maria")));
    let film = film(20);
    let file = stored(&person, "film", film).await;
    assert_eq!((file.media.as_deref(), file.state), (Some("video/mp4"), FileState::Processing));

    let room = person.client.join(&format!("file:{}", file.id), JoinOptions::new()).await.expect("in the room");
    let mut heard = Vec::new();
    let mut told: Vec<u8> = Vec::new();
    let watching = async {
        while room.state_as::<samewire::files::FileRecord>().is_ok_and(|record| record.state == FileState::Processing) {
            match room.next().await {
                Some(RoomEvent::Message(message)) => {
                    if message.name.as_str() == "processing:progress" {
                        told.push(message.payload::<Progressed>().expect("progress").progress);
                    }
                    heard.push(message.name.as_str().to_owned());
                }
                other => panic!("{other:?}"),
            }
        }
    };
    within("the processing", watching).await;
    assert!(told.is_sorted() && told.len() > 4, "{told:?}");
    let mut distinct = told.clone();
    distinct.dedup();
    assert!(distinct.len() > 4, "{told:?}");

    let record = look(&person.client, file.id).await;
    assert_eq!(room.state_as::<samewire::files::FileRecord>().expect("a state"), record);
    assert_eq!((record.state, record.processing[0].state), (FileState::Ready, JobState::Completed));
    let mut names: Vec<&str> = record.parts.iter().map(|part| part.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["poster", "thumbnails", "video"]);
    for part in &record.parts {
        let opened = person
            .client
            .call::<Open>(&OpenParams { part: Some(part.name.clone()), ..OpenParams::file(file.id) })
            .await
            .expect("it opens");
        let bytes = person.client.stream(opened.stream).await.expect("a stream").bytes().await.expect("its bytes");
        assert_eq!(bytes.len() as u64, part.size, "{}", part.name);
        let begins: &[u8] = if part.name == "video" { b"ftyp" } else { b"\xff\xd8\xff" };
        assert!(bytes[..12].windows(begins.len()).any(|window| window == begins), "{}", part.name);
    }
    until("nothing else is left", || async { (blob_count(host.data()), scratch(host.data())) == (4, 0) }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_film_is_told_so_and_leaves_nothing() {
    let host = Host::start(settings()).await;
    let person = Insistent::new(&host.url(), Some(token("maria")));
    let whole = film(2);
    let cut = stored(&person, "cut", whole.slice(..whole.len() / 2)).await;
    until("it has failed", || async { look(&person.client, cut.id).await.state == FileState::Failed }).await;
    let record = look(&person.client, cut.id).await;
    let job = &record.processing[0];
    assert_eq!((job.kind.as_str(), &job.code, job.attempt), ("video", &Some(Code::BadMedia), 1), "{job:?}");
    assert!(job.reason.as_deref().is_some_and(|reason| reason.contains("its index is missing")), "{job:?}");
    let list = stored(&person, "list.mp4", "#EXTM3U\nfile:///etc/passwd\n".into()).await;
    assert_eq!((list.media.as_deref(), list.state), (Some("text/plain"), FileState::Stored));
    until("nothing else is left", || async { (blob_count(host.data()), scratch(host.data())) == (2, 0) }).await;
}
