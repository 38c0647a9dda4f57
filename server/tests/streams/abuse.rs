//! What a client must not do, and what it must not find out.

use samewire_protocol::Code;
use samewire_server::streams::{MAX_PER_OWNER, not_found};

use super::*;

#[test]
fn bytes_out_of_place_or_beyond_credit_are_refused_and_not_stored() {
    short_life(settings(), async |streams, path| {
        let data = data(600_000);
        let mut upload = Upload::open(&streams, stream(1), Some(600_000)).await.unwrap();
        upload.send(&data, 100_000).await;
        let push = |offset: u64, len: usize| upload.attachment.push(offset, data.slice(..len));
        for offset in [0, 99_999, 100_001, u64::MAX] {
            assert_eq!(code(push(offset, 10)), Code::BadOffset, "{offset}");
        }
        assert_eq!(code(push(100_000, 500_000)), Code::BeyondCredit);
        assert!(push(100_000, 0).is_ok());
        upload.finish(&data).await.unwrap();
        assert_eq!(code(upload.attachment.push(600_000, data.slice(..1))), Code::BadOffset);
        assert_eq!(std::fs::read(&blobs(&path)[0]).unwrap(), data);
    });
}

#[test]
fn no_byte_goes_beyond_the_declared_size() {
    short_life(settings(), async |streams, _| {
        let upload = Upload::open(&streams, stream(1), Some(10)).await.unwrap();
        assert_eq!(upload.attachment.limit, 10);
        assert_eq!(code(upload.attachment.push(0, data(11))), Code::SizeMismatch);
        let none = Upload::open(&streams, stream(2), Some(0)).await.unwrap();
        assert_eq!(code(none.attachment.push(0, data(1))), Code::SizeMismatch);
    });
}

#[test]
fn names_and_media_types_have_a_grammar() {
    short_life(settings(), async |streams, path| {
        let refused = async |name: &str, media: Option<&str>| {
            let (observer, _) = observer();
            let spec = StreamSpec { name: Some(name.into()), media: media.map(Into::into), size: None, note: None };
            code(streams.accept(&maria(), session(1), allowance(&streams, &maria()), stream(1), spec, observer).await.map(drop))
        };
        for name in ["", "../../etc/passwd", "a/b", "a\\b", ".", "a\0", "a\u{202e}b", &"x".repeat(256)] {
            assert_eq!(refused(name, None).await, Code::BadName, "{name:?}");
        }
        for media in ["", "text", "text/\"html\"", "text/html\r\nx: y", &"x/".repeat(64)] {
            assert_eq!(refused("good", Some(media)).await, Code::BadName, "{media:?}");
        }
        assert!(streams.count() == 0 && blobs(&path).is_empty());
    });
}

#[test]
fn too_big_and_too_many() {
    short_life(settings(), async |streams, _| {
        let outcome = Upload::open(&streams, stream(1), Some(settings().max_upload + 1)).await.map(drop);
        assert_eq!(code(outcome), Code::TooBig);
        let mut held = Vec::new();
        for n in 0..MAX_PER_OWNER {
            held.push(Upload::open(&streams, StreamId::from_random((n as u128).to_be_bytes()), Some(1)).await.unwrap());
        }
        assert_eq!(code(Upload::open(&streams, stream(1), Some(1)).await.map(drop)), Code::TooManyStreams);
        let paul = Identity::user("paul").unwrap();
        Upload::open_as(&streams, paul.owner(), session(1), stream(1), Some(1)).await.unwrap();
        held.pop().unwrap().attachment.abort(Failure::new(Code::StreamAborted, "room for another"));
        Upload::open(&streams, stream(1), Some(1)).await.unwrap();
    });
}

#[test]
fn unknown_foreign_expired_and_another_sessions_are_told_in_the_same_words() {
    short_life(settings(), async |streams, _| {
        let paul = Identity::user("paul").unwrap().owner().clone();
        let bytes = data(10);
        // Of another owner, at every stage.
        Upload::open_as(&streams, &paul, session(1), stream(1), None).await.unwrap().send(&bytes, 10).await;
        Upload::open_as(&streams, &paul, session(1), stream(2), None).await.unwrap().finish(&bytes).await.unwrap();
        Upload::open_as(&streams, &paul, session(1), stream(3), None).await.unwrap().finish(&bytes).await.unwrap();
        streams.incoming(&paul, session(1), stream(3)).await.unwrap().commit(None).await.unwrap();
        let broken = Upload::open_as(&streams, &paul, session(1), stream(4), None).await.unwrap();
        broken.attachment.abort(Failure::new(Code::StreamAborted, "a secret reason"));
        let file = streams.store().files(&paul, 1).await.unwrap().remove(0).id;
        let (out, _) = streams.open_file(&paul, session(1), file).await.unwrap();
        // Of another session of the same owner, at every stage.
        Upload::open_as(&streams, &maria(), session(2), stream(5), None).await.unwrap().finish(&bytes).await.unwrap();
        Upload::open_as(&streams, &maria(), session(2), stream(6), None).await.unwrap().finish(&bytes).await.unwrap();
        streams.incoming(&maria(), session(2), stream(6)).await.unwrap().commit(None).await.unwrap();
        let broken = Upload::open_as(&streams, &maria(), session(2), stream(7), None).await.unwrap();
        broken.attachment.abort(Failure::new(Code::StreamAborted, "a secret reason"));
        // Expired.
        drop(Upload::open(&streams, stream(8), None).await.unwrap());
        let idle = u64::try_from(settings().idle_ttl.as_millis()).unwrap();
        let later = samewire_server::store::now_ms() + idle + 1;

        let ids: Vec<_> = (1..=9).map(stream).chain([out.id()]).collect();
        drop(out);
        streams.sweep(later).await.unwrap();
        for id in ids {
            let failure = streams.incoming(&maria(), session(1), id).await.unwrap_err();
            assert_eq!(failure, not_found(id));
            let blank = failure.message.replace(&id.to_string(), "");
            assert_eq!(blank, not_found(stream(99)).message.replace(&stream(99).to_string(), ""));
            assert_eq!(streams.outgoing(&maria(), session(1), id).unwrap_err(), failure);
        }
    });
}

#[test]
fn the_same_id_is_another_stream_for_another_owner() {
    short_life(settings(), async |streams, _| {
        let paul = Identity::user("paul").unwrap().owner().clone();
        let (ours, theirs) = (data(1_000), data(2_000));
        let mut mine = Upload::open(&streams, stream(1), None).await.unwrap();
        let mut other = Upload::open_as(&streams, &paul, session(2), stream(1), None).await.unwrap();
        mine.finish(&ours).await.unwrap();
        other.finish(&theirs).await.unwrap();
        let sizes = async |owner, session| {
            let incoming = streams.incoming(owner, session, stream(1)).await.unwrap();
            incoming.commit(None).await.unwrap().size
        };
        assert_eq!((sizes(&maria(), session(1)).await, sizes(&paul, session(2)).await), (1_000, 2_000));
    });
}
