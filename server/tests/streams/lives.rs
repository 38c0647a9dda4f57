//! Many cuts, kills and hand-overs at places that a seed decides: every byte once, in its place.

use proptest::prelude::*;

use samewire_protocol::Digest;

use super::*;

#[derive(Clone, Copy, Debug)]
enum Break {
    /// The connection is lost.
    Cut,
    /// A newer connection takes over while the older still believes in itself.
    HandOver,
    /// The process is gone.
    Kill,
}

fn breaks() -> impl Strategy<Value = Vec<(usize, Break, bool)>> {
    let kind = prop_oneof![3 => Just(Break::Cut), 2 => Just(Break::HandOver), 1 => Just(Break::Kill)];
    proptest::collection::vec((1_usize..300_000, kind, any::<bool>()), 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_byte_is_stored_once(breaks in breaks(), len in 0_usize..1_500_000, known in any::<bool>()) {
        let folder = folder();
        let data = data(len);
        let size = known.then_some(len as u64);
        let mut breaks = breaks.into_iter();
        let mut least = 0;
        loop {
            let done = life(folder.path(), settings(), async |streams| {
                let mut upload = Upload::open(&streams, stream(1), size).await.unwrap();
                assert!(upload.attachment.offset >= least, "bytes that were durable are gone");
                for (step, kind, settle) in breaks.by_ref() {
                    let to = len.min(usize::try_from(upload.attachment.offset).unwrap() + step);
                    upload.send(&data, to).await;
                    if settle {
                        upload.settle().await;
                        least = to as u64;
                    }
                    match kind {
                        Break::Kill => return false,
                        Break::Cut => drop(upload),
                        Break::HandOver => {
                            let newer = Upload::open(&streams, stream(1), size).await.unwrap();
                            upload.attachment.push(to as u64, data.slice(..0)).unwrap();
                            drop((upload, newer));
                        }
                    }
                    upload = Upload::open(&streams, stream(1), size).await.unwrap();
                    assert!(upload.attachment.offset >= to as u64, "what was pushed to a live process is gone");
                    least = upload.attachment.offset;
                }
                upload.finish(&data).await.unwrap();
                let incoming = streams.incoming(&maria(), session(1), stream(1)).await.unwrap();
                assert_eq!(incoming.commit(None).await.unwrap().digest, Digest::of(&data));
                true
            });
            if done {
                break;
            }
        }
        let blobs = blobs(folder.path());
        prop_assert_eq!(blobs.len(), 1);
        prop_assert!(std::fs::read(&blobs[0]).unwrap() == data, "the bytes differ");
    }
}
