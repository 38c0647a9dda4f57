//! Stored files as the native SDK has them: what is told of their processing, excerpts, addresses.

use std::sync::Arc;

use samewire::files::{FileEvent, FileState};
use samewire::{Code, Digest, Excerpt, Failure, Source, StreamOptions};
use samewire_server::jobs::{Job, NewPart, Processing, Processor};
use samewire_server::streams::Candidate;
use samewire_tests::live::{Host, Insistent, contents, settings, token, within};
use tokio::sync::Semaphore;

/// Takes one step for each permit: to half way, then to the end, which is a failure for what is called `stones`.
struct Weigh(Arc<Semaphore>);

impl Processor for Weigh {
    fn kind(&self) -> &str {
        "weigh"
    }

    fn wants(&self, _: &Candidate<'_>, media: &str) -> bool {
        media == "application/x-grain"
    }

    fn process<'a>(&'a self, job: &'a mut Job) -> Processing<'a> {
        Box::pin(async move {
            self.0.acquire().await.expect("the test is there").forget();
            job.progress(50.0);
            self.0.acquire().await.expect("the test is there").forget();
            if job.file().name == "stones" {
                return Err(Failure::new(Code::BadMedia, "these are stones"));
            }
            let path = job.folder().join("label");
            tokio::fs::write(&path, format!("{} bytes of oats", job.file().size)).await.expect("a place for it");
            job.output(NewPart::new("label", "text/plain", path));
            Ok(())
        })
    }
}

fn grain(name: &str) -> StreamOptions {
    StreamOptions { name: Some(name.to_owned()), media: Some("application/x-grain".to_owned()) }
}

async fn host() -> (Host, Arc<Semaphore>) {
    let steps = Arc::new(Semaphore::new(0));
    let given = Arc::clone(&steps);
    let host = Host::with(settings(), move |builder| builder.processor(Weigh(Arc::clone(&given)))).await;
    (host, steps)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_watched_until_it_is_ready_and_what_was_made_of_it_is_read() {
    let (host, steps) = host().await;
    let person = Insistent::new(&host.url(), Some(token("maria")));
    let files = person.client.files();
    let (bytes, digest) = contents(1, 300_000);
    let upload = person.client.upload(Source::bytes(bytes.clone()), grain("oats"));
    let stored = within("the file", files.store(upload.stream(), None)).await.expect("a file");
    assert_eq!((stored.is_processed, stored.file.state, stored.video_id), (false, FileState::Processing, None));
    let id = stored.file_id;

    let mut watch = within("the room", files.watch(id)).await.expect("it is ours");
    steps.add_permits(1);
    loop {
        match within("news", watch.next()).await.expect("it is there") {
            Some(FileEvent::Progress(now)) if now.progress == 50 => break,
            Some(FileEvent::Started(_) | FileEvent::Progress(_)) => {}
            other => panic!("{other:?}"),
        }
    }
    let processing = watch.record().expect("a record").processing;
    assert_eq!((processing.len(), processing[0].progress), (1, 50));
    steps.add_permits(1);
    let ready = within("the end", watch.settled()).await.expect("it is there");
    assert_eq!((ready.state, ready.parts.len()), (FileState::Ready, 1));
    assert_eq!(within("the record", files.get(id)).await, Ok(ready));

    let (_, content) = within("it", files.open(id, Excerpt::whole().of("label"))).await.expect("a part");
    assert_eq!(within("it", content.bytes()).await, Ok(b"300000 bytes of oats".to_vec()));
    let (record, content) = within("it", files.open(id, Excerpt::range(1_000, 70_000))).await.expect("a range");
    assert_eq!((record.digest, within("it", content.bytes()).await), (digest, Ok(bytes[1_000..71_000].to_vec())));
    let (_, mut content) = within("it", files.open(id, Excerpt::from(299_000))).await.expect("the end");
    while content.next().await.is_some() {}
    assert_eq!(content.digest(), Some(Digest::of(&bytes[299_000..])));

    let link = within("an address", files.link(id, Some("label".into()), None)).await.expect("an address");
    let answer = samewire_tests::live::http::requests().get(link.url).send().await.expect("an answer");
    assert_eq!((answer.status().as_u16(), answer.text().await.expect("text")), (200, "300000 bytes of oats".to_owned()));

    assert_eq!(files.list(None).await.expect("a list").files.len(), 1);
    assert_eq!(files.remove(id).await, Ok(true));
    let gone = loop {
        match within("the end", watch.next()).await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it was not this program that left"),
            Err(failure) => break failure,
        }
    };
    assert_eq!(gone.code, Code::FileNotFound);
    assert_eq!(files.watch(id).await.expect_err("it is gone").code, Code::RoomNotFound);
    assert_eq!(files.get(id).await.expect_err("it is gone").code, Code::FileNotFound);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_to_nothing_is_told_and_what_is_given_up_ends() {
    let (host, steps) = host().await;
    let person = Insistent::new(&host.url(), Some(token("maria")));
    let files = person.client.files();
    let upload = person.client.upload(Source::bytes(contents(1, 10).0), grain("stones"));
    let id = within("the file", files.store(upload.stream(), None)).await.expect("a file").file_id;
    let mut watch = within("the room", files.watch(id)).await.expect("it is ours");
    steps.add_permits(2);
    let failed = within("the end", watch.settled()).await.expect("it is there");
    assert_eq!((failed.state, failed.processing[0].code.clone()), (FileState::Failed, Some(Code::BadMedia)));
    assert_eq!(failed.processing[0].reason.as_deref(), Some("these are stones"));

    let again = within("the record", files.process(id, Some("weigh".into()))).await.expect("once more");
    assert_eq!(again.state, FileState::Processing);
    let canceled = within("the record", files.cancel(id, None)).await.expect("given up");
    assert_eq!((canceled.state, canceled.processing[0].code.clone()), (FileState::Failed, Some(Code::Canceled)));
    // Somebody else's file is one that never was.
    let other = Insistent::new(&host.url(), Some(token("eve")));
    assert_eq!(other.client.files().watch(id).await.expect_err("not hers").code, Code::RoomNotFound);
    assert_eq!(other.client.files().get(id).await.expect_err("not hers").code, Code::FileNotFound);
}

/// Tells where it was to look.
struct Look(tokio::sync::mpsc::UnboundedSender<[std::path::PathBuf; 2]>);

impl Processor for Look {
    fn kind(&self) -> &str {
        "look"
    }

    fn wants(&self, _: &Candidate<'_>, _: &str) -> bool {
        true
    }

    fn process<'a>(&'a self, job: &'a mut Job) -> Processing<'a> {
        let _ = self.0.send([job.source().to_owned(), job.folder().to_owned()]);
        Box::pin(async { Ok(()) })
    }
}

/// A program that a processor starts in a folder of its own looked for the file there: the data folder is relative by default.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_processor_finds_its_file_from_wherever_it_looks() {
    let place = tempfile::tempdir().expect("a folder");
    let here = std::env::current_dir().expect("a place");
    let up = "../".repeat(here.components().count() - 1);
    let data = std::path::Path::new(&up).join(place.path().strip_prefix("/").expect("an absolute path"));
    assert!(data.is_relative() && data.is_dir());
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let config = samewire_server::Config { data, ..settings() };
    let server = samewire_server::Server::builder().config(config).processor(Look(tell)).build().await.expect("a server");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (stop, asked) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(async move { server.serve(listener, async { drop(asked.await) }).await });
    let person = Insistent::new(&url, Some(token("maria")));
    let upload = person.client.upload(Source::bytes(contents(1, 10).0), grain("oats"));
    within("the file", person.client.files().store(upload.stream(), None)).await.expect("a file");
    let paths = within("the job", told.recv()).await.expect("a job");
    assert!(paths.iter().all(|path| path.is_absolute()), "{paths:?}");
    drop(person);
    let _ = stop.send(());
    within("its end", serving).await.expect("it runs").expect("to its end");
}
