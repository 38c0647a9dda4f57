//! Whose a stream is, as a property: whatever is opened, continued and named at which door and in which order, nobody has a byte of
//! another owner's, and a session names its own streams and those that belong to none.

use std::collections::HashMap;

use proptest::collection::vec;
use proptest::prelude::*;
use samewire_server::streams::{no_upload, not_found};

use super::*;

const OWNERS: [&str; 3] = ["maria", "paul", "eve"];
const SIZE: usize = 3_000;

#[derive(Clone, Debug)]
enum Step {
    /// Over a session, or over HTTP without one.
    Send {
        who: usize,
        session: Option<u8>,
        id: u8,
        len: usize,
    },
    Continue {
        who: usize,
        id: u8,
    },
    Name {
        who: usize,
        session: u8,
        id: u8,
    },
    Finish {
        who: usize,
        id: u8,
    },
    Commit {
        who: usize,
        session: u8,
        id: u8,
    },
    Concat {
        who: usize,
        ids: Vec<u8>,
    },
    GiveUp {
        who: usize,
        id: u8,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let (who, session, id) = (0..OWNERS.len(), 1..4_u8, 1..5_u8);
    let door = proptest::option::of(session.clone());
    prop_oneof![
        6 => (who.clone(), door, id.clone(), 0..SIZE).prop_map(|(who, session, id, len)| Step::Send { who, session, id, len }),
        2 => (who.clone(), id.clone()).prop_map(|(who, id)| Step::Continue { who, id }),
        6 => (who.clone(), session.clone(), id.clone()).prop_map(|(who, session, id)| Step::Name { who, session, id }),
        3 => (who.clone(), id.clone()).prop_map(|(who, id)| Step::Finish { who, id }),
        3 => (who.clone(), session, id.clone()).prop_map(|(who, session, id)| Step::Commit { who, session, id }),
        2 => (who.clone(), vec(id.clone(), 1..4)).prop_map(|(who, ids)| Step::Concat { who, ids }),
        1 => (who, id).prop_map(|(who, id)| Step::GiveUp { who, id }),
    ]
}

/// What the owner has under an id.
#[derive(Clone, Copy)]
struct Known {
    session: Option<u8>,
    len: usize,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Whole,
    Committed,
}

struct World {
    streams: Streams,
    data: PathBuf,
    known: HashMap<(usize, u8), Known>,
    /// Streams that are no more, and of which session that is told.
    fallen: HashMap<(usize, u8), Option<u8>>,
}

fn owner(who: usize) -> Owner {
    Identity::user(OWNERS[who]).unwrap().owner().clone()
}

fn mark(who: usize) -> u8 {
    u8::try_from(who).unwrap() + 1
}

impl World {
    async fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        let streams = self.streams.clone();
        match *step {
            Step::Send { who, session: door, id, len } => self.send(who, door, id, len).await?,
            Step::Continue { who, id } => {
                let owner = owner(who);
                let held = streams.continue_upload(&owner, allowance(&streams, &owner), stream(id)).await;
                match (self.known.get_mut(&(who, id)), held) {
                    (Some(known), Ok(upload)) => {
                        prop_assert_eq!(upload.received(), known.len as u64);
                        known.session = None;
                    }
                    (None, Err(failure)) => prop_assert_eq!(failure, no_upload(stream(id))),
                    (_, held) => return Err(TestCaseError::fail(format!("{held:?}"))),
                }
            }
            Step::Name { who, session: by, id } => {
                let named = streams.incoming(&owner(who), session(by), stream(id)).await;
                let may = self.known.get(&(who, id)).filter(|known| known.session.is_none_or(|its| its == by));
                match (may, named) {
                    (Some(known), Ok(incoming)) => prop_assert_eq!(incoming.progress().durable, known.len as u64),
                    (None, Err(failure)) => {
                        let told = self.fallen.get(&(who, id)).is_some_and(|its| its.is_none_or(|its| its == by));
                        prop_assert!(told || failure == not_found(stream(id)), "{failure}");
                    }
                    (_, named) => return Err(TestCaseError::fail(format!("{named:?}"))),
                }
            }
            Step::Finish { who, id } => {
                let owner = owner(who);
                let held = streams.continue_upload(&owner, allowance(&streams, &owner), stream(id)).await;
                if let (Ok(mut upload), Some(known)) = (held, self.known.get_mut(&(who, id))) {
                    let (size, digest) = upload.finish(None).await.unwrap();
                    prop_assert_eq!(
                        (size, digest),
                        (known.len as u64, samewire_protocol::Digest::of(&vec![mark(who); known.len]))
                    );
                    known.session = None;
                    known.state = if known.state == State::Open { State::Whole } else { known.state };
                }
            }
            Step::Commit { who, session: by, id } => {
                let whole = self.known.get_mut(&(who, id)).filter(|known| known.state != State::Open);
                if let Some(known) = whole
                    && let Ok(incoming) = streams.incoming(&owner(who), session(by), stream(id)).await
                {
                    prop_assert!(known.session.is_none_or(|its| its == by));
                    prop_assert_eq!(incoming.commit(None).await.unwrap().size, known.len as u64);
                    known.state = State::Committed;
                }
            }
            Step::Concat { who, ref ids } => self.concat(who, ids).await?,
            Step::GiveUp { who, id } => {
                streams.give_up(&owner(who), stream(id), Failure::new(Code::Canceled, "not wanted any more"));
                self.forget(who, id, |known| known.state != State::Committed);
            }
        }
        Ok(())
    }

    async fn send(&mut self, who: usize, door: Option<u8>, id: u8, len: usize) -> Result<(), TestCaseError> {
        let (streams, owner) = (self.streams.clone(), owner(who));
        let allowance = allowance(&streams, &owner);
        let known = self.known.entry((who, id)).or_insert(Known { session: door, len: 0, state: State::Open });
        self.fallen.remove(&(who, id));
        known.session = door;
        let bytes = Bytes::from(vec![mark(who); len]);
        match door {
            Some(session) => {
                let mut upload = Upload::open_as(&streams, &owner, super::session(session), stream(id), None).await.unwrap();
                prop_assert_eq!(upload.attachment.offset, known.len as u64);
                if known.state == State::Open {
                    known.len += len;
                    upload.send(&vec![mark(who); known.len].into(), known.len).await;
                    upload.settle().await;
                }
            }
            None => {
                let mut upload = streams.open_upload(&owner, allowance, Some(stream(id)), spec(None)).await.unwrap();
                prop_assert_eq!(upload.received(), known.len as u64);
                if known.state == State::Open {
                    upload.write(bytes).await.unwrap();
                    known.len += len;
                    prop_assert_eq!(upload.settle().await.unwrap(), known.len as u64);
                }
            }
        }
        Ok(())
    }

    async fn concat(&mut self, who: usize, ids: &[u8]) -> Result<(), TestCaseError> {
        let (streams, owner) = (self.streams.clone(), owner(who));
        let parts: Vec<_> = ids.iter().map(|id| stream(*id)).collect();
        let joined = streams.concat(&owner, allowance(&streams, &owner), None, &parts, spec(None)).await;
        let known = ids.iter().map(|id| self.known.get(&(who, *id)));
        match (known.collect::<Option<Vec<_>>>(), joined) {
            (Some(known), Ok(mut joined)) => {
                prop_assert!(known.iter().all(|known| known.state == State::Whole));
                let len: usize = known.iter().map(|known| known.len).sum();
                let (size, digest) = joined.finish(None).await.unwrap();
                prop_assert_eq!((size, digest), (len as u64, samewire_protocol::Digest::of(&vec![mark(who); len])));
                joined.abort(Failure::new(Code::Canceled, "it was all right"));
                for id in ids {
                    self.forget(who, *id, |_| true);
                }
            }
            (Some(known), Err(failure)) => {
                prop_assert_eq!(failure.code, Code::Conflict);
                prop_assert!(known.iter().any(|known| known.state != State::Whole));
            }
            (None, joined) => {
                let code = code(joined);
                prop_assert!(matches!(code, Code::StreamNotFound | Code::Conflict), "{code}");
            }
        }
        Ok(())
    }

    fn forget(&mut self, who: usize, id: u8, goes: impl Fn(&Known) -> bool) {
        if let Some(known) = self.known.remove(&(who, id)) {
            if goes(&known) {
                self.fallen.insert((who, id), known.session);
            } else {
                self.known.insert((who, id), known);
            }
        }
    }

    /// Every byte that is kept is its owner's.
    async fn check(&self) -> Result<(), TestCaseError> {
        for who in 0..OWNERS.len() {
            for id in 1..5 {
                let seen = self.streams.look(&owner(who), stream(id)).await.unwrap();
                prop_assert_eq!(seen.is_some(), self.known.contains_key(&(who, id)));
            }
        }
        let mut counts = HashMap::new();
        for ((who, _), known) in &self.known {
            *counts.entry(*who).or_insert(0) += known.len;
        }
        blobs_become(&self.data, self.known.len()).await;
        for blob in blobs(&self.data) {
            let content = std::fs::read(blob).unwrap();
            let first = content.first().copied();
            prop_assert!(content.iter().all(|byte| Some(*byte) == first));
            if let Some(first) = first {
                *counts.get_mut(&(usize::from(first) - 1)).unwrap() -= content.len();
            }
        }
        prop_assert!(counts.values().all(|left| *left == 0), "{counts:?}");
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nobody_has_a_byte_of_another_owners(steps in vec(step(), 1..50)) {
        let folder = folder();
        life(folder.path(), settings(), async |streams| {
            let data = folder.path().to_owned();
            let mut world = World { streams, data, known: HashMap::new(), fallen: HashMap::new() };
            for step in &steps {
                world.step(step).await?;
            }
            world.check().await
        })?;
    }
}
