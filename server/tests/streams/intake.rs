//! Who looks at what becomes a file is asked once, and the jobs are recorded with it.

use parking_lot::Mutex;
use samewire_protocol::files::{FileRecord, FileState};
use samewire_server::streams::{Candidate, HEAD, Plan};

use super::*;

#[derive(Default)]
struct Seen {
    planned: Mutex<Vec<(String, u64, usize)>>,
    stored: Mutex<Vec<FileRecord>>,
}

impl Intake for Seen {
    fn plan(&self, candidate: &Candidate<'_>) -> Plan {
        assert_eq!(candidate.media, Some("video/quicktime"));
        assert_eq!(candidate.head, &data(candidate.head.len())[..]);
        self.planned.lock().push((candidate.name.to_owned(), candidate.size, candidate.head.len()));
        Plan { media: (candidate.size > 100).then(|| "video/mp4".to_owned()), jobs: vec!["video".into(), "poster".into()] }
    }

    fn stored(&self, owner: &Owner, file: &FileRecord) {
        assert_eq!(owner, &maria());
        self.stored.lock().push(file.clone());
    }
}

#[test]
fn a_file_is_recorded_with_what_was_planned_for_it() {
    let folder = folder();
    let seen = Arc::new(Seen::default());
    let file = life_with(folder.path(), settings(), seen.clone(), async |streams| {
        let upload = whole(&streams, stream(1), &data(20_000)).await;
        let (first, second) = tokio::join!(upload.commit(Some("a.mp4")), upload.commit(Some("b.mp4")));
        let (first, second) = (first.unwrap(), second.unwrap());
        assert_eq!(first.id, second.id);
        assert_eq!(first.media.as_deref(), Some("video/mp4"));
        let small = whole(&streams, stream(2), &data(50)).await.commit(Some("c.mov")).await.unwrap();
        assert_eq!(small.media.as_deref(), Some("video/quicktime"));
        assert_eq!(seen.stored.lock().iter().map(|file| file.id).collect::<Vec<_>>(), [first.id, small.id]);
        assert!(seen.planned.lock().iter().any(|planned| planned.1 == 20_000 && planned.2 == HEAD));
        assert!(seen.planned.lock().contains(&("c.mov".to_owned(), 50, 50)));
        first.id
    });
    let planned = seen.planned.lock().len();
    life_with(folder.path(), settings(), seen.clone(), async |streams| {
        let again = streams.incoming(&maria(), session(1), stream(1)).await.unwrap().commit(None).await.unwrap();
        let kinds: Vec<_> = again.processing.iter().map(|job| job.kind.clone()).collect();
        assert_eq!(
            (again.id, again.state, kinds.as_slice()),
            (file, FileState::Processing, ["poster", "video"].map(String::from).as_slice())
        );
        assert_eq!((seen.planned.lock().len(), seen.stored.lock().len()), (planned, 2), "it was looked at before");
    });
}

struct Broken;

impl Intake for Broken {
    fn plan(&self, _: &Candidate<'_>) -> Plan {
        panic!("what a program brings may be broken")
    }

    fn stored(&self, _: &Owner, _: &FileRecord) {}
}

#[test]
fn one_that_panics_fails_the_call_and_leaves_the_stream() {
    let folder = folder();
    life_with(folder.path(), settings(), Arc::new(Broken), async |streams| {
        let upload = whole(&streams, stream(1), &data(100)).await;
        assert_eq!(code(upload.commit(None).await), samewire_protocol::Code::Internal);
        assert!(streams.store().files(&maria(), 10).await.unwrap().is_empty());
    });
    life(folder.path(), settings(), async |streams| {
        assert!(go_on(&streams, stream(1)).await.unwrap().commit(None).await.is_ok());
    });
}
