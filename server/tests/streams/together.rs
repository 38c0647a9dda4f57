//! Streams that are sent at once share what there is.

use samewire_protocol::Digest;

use super::*;

const MIB: u64 = 1024 * 1024;

#[test]
fn more_streams_than_may_write_at_once_are_all_stored() {
    short_life(settings(), async |streams, _| {
        let data = data(400_000);
        let uploads = (1..=40).map(|n| {
            let (streams, data) = (&streams, &data);
            async move { Upload::open(streams, stream(n), Some(data.len() as u64)).await?.finish(data).await }
        });
        for finished in futures_util::future::join_all(uploads).await {
            assert_eq!(finished.unwrap(), (data.len() as u64, Digest::of(&data)));
        }
    });
}

#[test]
fn credit_is_shared_and_none_is_taken_back() {
    let shared = Settings { window: MIB, memory: MIB, ..settings() };
    short_life(shared, async |streams, _| {
        let data = data(3 * 1024 * 1024);
        let size = Some(data.len() as u64);
        let mut first = Upload::open(&streams, stream(1), size).await.unwrap();
        assert_eq!(first.attachment.limit, MIB, "it is alone");
        let mut others = Vec::new();
        for (n, limit) in [(2, MIB / 2), (3, MIB / 3), (4, MIB / 4)] {
            let other = Upload::open(&streams, stream(n), size).await.unwrap();
            assert_eq!(other.attachment.limit, limit);
            others.push(other);
        }

        // What it was told when it was alone still holds.
        for at in (0..MIB as usize).step_by(CHUNK) {
            first.attachment.push(at as u64, data.slice(at..at + CHUNK)).unwrap();
        }
        assert_eq!(first.limit_at(MIB).await, MIB + MIB / 4);

        drop(others);
        let at = MIB as usize;
        first.attachment.push(MIB, data.slice(at..at + CHUNK)).unwrap();
        let sent = MIB + CHUNK as u64;
        assert_eq!(first.limit_at(sent).await, sent + MIB, "it is alone again");
    });
}

impl Upload {
    /// How far it may go once this much is durable.
    async fn limit_at(&mut self, durable: u64) -> u64 {
        loop {
            match self.notices.recv().await.unwrap() {
                Notice::Durable { offset, limit } if offset == durable => return limit,
                Notice::Durable { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }
}
