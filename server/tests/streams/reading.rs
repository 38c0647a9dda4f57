//! A handler reads a stream while it arrives.

use samewire_protocol::Code;
use tokio::io::AsyncReadExt;

use super::*;

#[test]
fn a_reader_follows_the_bytes_to_their_end() {
    short_life(settings(), async |streams, _| {
        let bytes = data(900_000);
        let mut upload = Upload::open(&streams, stream(1), None).await.unwrap();
        let incoming = streams.incoming(&maria(), session(1), stream(1)).await.unwrap();
        let mut reader = incoming.reader();
        let reading = tokio::spawn(async move {
            let mut read = Vec::new();
            reader.read_to_end(&mut read).await.map(|_| read)
        });
        upload.send(&bytes, 300_000).await;
        let seen = incoming.progressed(0).await.unwrap();
        assert!(seen.durable > 0 && seen.size.is_none());
        upload.finish(&bytes).await.unwrap();
        assert_eq!(reading.await.unwrap().unwrap(), bytes);
        assert_eq!(incoming.progress().size, Some(900_000));
        assert_eq!(incoming.progressed(900_000).await.unwrap().durable, 900_000);

        // A committed stream reads as the file it became.
        incoming.commit(None).await.unwrap();
        let again = streams.incoming(&maria(), session(1), stream(1)).await.unwrap();
        let mut read = Vec::new();
        again.reader().read_to_end(&mut read).await.unwrap();
        assert_eq!(read, bytes);
    });
}

#[test]
fn a_reader_of_a_stream_that_is_given_up_ends_with_the_reason() {
    short_life(settings(), async |streams, _| {
        let bytes = data(100_000);
        let mut upload = Upload::open(&streams, stream(1), None).await.unwrap();
        let incoming = streams.incoming(&maria(), session(1), stream(1)).await.unwrap();
        let mut reader = incoming.reader();
        upload.send(&bytes, bytes.len()).await;
        let mut read = vec![0; 100_000];
        reader.read_exact(&mut read).await.unwrap();
        assert_eq!(read, bytes);
        upload.attachment.abort(Failure::new(Code::StreamAborted, "no more"));
        let error = reader.read_to_end(&mut read).await.unwrap_err();
        let failure = error.get_ref().and_then(|error| error.downcast_ref::<Failure>()).unwrap();
        assert_eq!(failure.code, Code::StreamAborted);
        assert_eq!(code(incoming.progressed(100_000).await), Code::StreamAborted);
    });
}

#[test]
fn a_call_right_behind_the_opening_frame_finds_the_stream() {
    short_life(settings(), async |streams, _| {
        let owner = maria();
        let opening = Upload::open(&streams, stream(1), None);
        let (opened, incoming) = tokio::join!(biased; opening, streams.incoming(&owner, session(1), stream(1)));
        assert_eq!(incoming.unwrap().id(), opened.unwrap().attachment.id());
    });
}
