//! A file appears only whole and verified, once, with the call that names it.

use samewire_protocol::Code;
use samewire_server::streams::StreamState;

use super::*;

#[test]
fn a_repeated_commit_answers_with_the_same_file_also_in_the_next_process() {
    let folder = folder();
    let data = data(123_456);
    let first = life(folder.path(), settings(), async |streams| {
        Upload::open(&streams, stream(1), None).await.unwrap().finish(&data).await.unwrap();
        let incoming = streams.incoming(&maria(), session(1), stream(1)).await.unwrap();
        let file = incoming.commit(Some("renamed.mov")).await.unwrap();
        assert_eq!((file.name.as_str(), file.media.as_deref()), ("renamed.mov", Some("video/quicktime")));
        assert_eq!(incoming.commit(None).await.unwrap(), file);
        let again = streams.incoming(&maria(), session(1), stream(1)).await.unwrap();
        assert_eq!(again.commit(Some("other.mov")).await.unwrap(), file);
        assert_eq!(streams.store().files(&maria(), 10).await.unwrap(), std::slice::from_ref(&file));
        assert_eq!(streams.store().used(&maria()).await.unwrap(), file.size);
        assert_eq!(streams.count(), 0);
        file
    });
    life(folder.path(), settings(), async |streams| {
        let again = streams.incoming(&maria(), session(1), stream(1)).await.unwrap();
        assert_eq!(again.commit(None).await.unwrap(), first);
        // A client that missed the end of the stream hears of it.
        for size in [None, Some(first.size)] {
            let mut upload = Upload::open(&streams, stream(1), size).await.unwrap();
            let state = StreamState::Committed { size: first.size, digest: first.digest };
            assert_eq!(upload.attachment.state, state);
            upload.attachment.end(first.size, Some(first.digest));
            assert_eq!(upload.outcome().await.unwrap(), (first.size, first.digest));
        }
        assert_eq!(code(Upload::open(&streams, stream(1), Some(1)).await.map(drop)), Code::SizeMismatch);
        assert_eq!(blobs(folder.path()).len(), 1);
    });
}

#[test]
fn commits_at_once_make_one_file() {
    short_life(settings(), async |streams, _| {
        let mut upload = Upload::open(&streams, stream(1), None).await.unwrap();
        let incoming = streams.incoming(&maria(), session(1), stream(1)).await.unwrap();
        let bytes = data(200_000);
        let commits = futures_util::future::join_all((0..8).map(|_| incoming.commit(None)));
        let (files, finished) = futures_util::future::join(commits, upload.finish(&bytes)).await;
        finished.unwrap();
        let files: Vec<_> = files.into_iter().map(Result::unwrap).collect();
        assert!(files.iter().all(|file| *file == files[0]));
        assert_eq!(streams.store().files(&maria(), 10).await.unwrap().len(), 1);
    });
}

#[test]
fn a_caller_that_gives_up_changes_nothing() {
    short_life(settings(), async |streams, _| {
        let data = data(100_000);
        let mut upload = Upload::open(&streams, stream(1), None).await.unwrap();
        upload.send(&data, 50_000).await;
        let incoming = streams.incoming(&maria(), session(1), stream(1)).await.unwrap();
        {
            let commit = incoming.commit(None);
            tokio::pin!(commit);
            assert!(poll_once(commit.as_mut()).await.is_pending());
        }
        assert!(streams.store().files(&maria(), 10).await.unwrap().is_empty());
        upload.finish(&data).await.unwrap();
        assert_eq!(incoming.commit(None).await.unwrap().size, data.len() as u64);
    });
}

#[test]
fn no_file_without_a_name_or_with_a_bad_one() {
    short_life(settings(), async |streams, _| {
        let (observer, _) = observer();
        let nameless = StreamSpec::default();
        let attachment =
            streams.accept(&maria(), session(1), allowance(&streams, &maria()), stream(1), nameless, observer).await.unwrap();
        attachment.end(0, Some(samewire_protocol::Digest::of(b"")));
        let incoming = streams.incoming(&maria(), session(1), stream(1)).await.unwrap();
        for name in [None, Some(""), Some("../x"), Some("a\0b"), Some("..")] {
            assert_eq!(code(incoming.commit(name).await), Code::BadName, "{name:?}");
        }
        assert_eq!(incoming.commit(Some("x")).await.unwrap().name, "x");
    });
}

#[test]
fn a_file_that_was_removed_is_not_made_again() {
    short_life(settings(), async |streams, path| {
        Upload::open(&streams, stream(1), None).await.unwrap().finish(&data(1_000)).await.unwrap();
        let incoming = streams.incoming(&maria(), session(1), stream(1)).await.unwrap();
        let file = incoming.commit(None).await.unwrap();
        assert!(streams.store().remove_file(&maria(), file.id).await.unwrap());
        assert!(!streams.store().remove_file(&maria(), file.id).await.unwrap());
        assert!(streams.store().file(&maria(), file.id).await.unwrap().is_none());
        assert_eq!(code(incoming.commit(None).await), Code::FileNotFound);
        let again = streams.incoming(&maria(), session(1), stream(1)).await.unwrap();
        assert_eq!(code(again.commit(None).await), Code::FileNotFound);
        assert_eq!(streams.store().used(&maria()).await.unwrap(), 0);
        assert!(blobs(&path).is_empty());
    });
}

#[test]
fn files_are_listed_newest_first_and_to_their_owner_only() {
    short_life(settings(), async |streams, _| {
        let paul = Identity::user("paul").unwrap().owner().clone();
        for (n, owner) in [(1, &maria()), (2, &paul), (3, &maria())] {
            Upload::open_as(&streams, owner, session(1), stream(n), None).await.unwrap().finish(&data(n.into())).await.unwrap();
            let incoming = streams.incoming(owner, session(1), stream(n)).await.unwrap();
            incoming.commit(Some(&format!("{n}"))).await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        let names = async |owner: &Owner, limit| {
            let files = streams.store().files(owner, limit).await.unwrap();
            files.into_iter().map(|file| file.name).collect::<Vec<_>>()
        };
        assert_eq!(names(&maria(), 10).await, ["3", "1"]);
        assert_eq!(names(&maria(), 1).await, ["3"]);
        assert_eq!(names(&paul, 10).await, ["2"]);
        let theirs = streams.store().files(&paul, 1).await.unwrap().remove(0).id;
        assert!(!streams.store().remove_file(&maria(), theirs).await.unwrap());
        assert!(streams.store().file(&maria(), theirs).await.unwrap().is_none());
    });
}
