//! Streams that are over and that nobody is in: their records are kept for a while, but only of so many.

use std::collections::BTreeSet;
use std::sync::Arc;

use samewire_protocol::live::StreamName;

use super::stream::{Inner, Stream};
use super::streams::Streams;
use crate::rooms::core::Millis;

/// Of so many is the record kept.
pub(super) const MOST: usize = 10_000;

/// Streams that are over, by when something happened to them last.
#[derive(Debug)]
pub(super) struct Over {
    most: usize,
    since: BTreeSet<(Millis, StreamName)>,
}

impl Over {
    pub(super) fn new(most: usize) -> Self {
        Self { most, since: BTreeSet::new() }
    }

    /// One that is too many, the one that has been over for longest.
    fn take_excess(&mut self) -> Option<StreamName> {
        if self.since.len() <= self.most {
            return None;
        }
        self.since.pop_first().map(|(_, name)| name)
    }
}

impl Streams {
    /// Notes whether a stream is over.
    pub(super) fn enlist(&self, stream: &Stream, inner: &mut Inner) {
        let is_over = !inner.is_gone && inner.core.is_over() && inner.queue.is_empty();
        let since = is_over.then(|| inner.core.touched());
        if inner.over == since {
            return;
        }
        let mut over = self.over.lock();
        if let Some(before) = inner.over {
            over.since.remove(&(before, stream.name.clone()));
        }
        over.since.extend(since.map(|since| (since, stream.name.clone())));
        inner.over = since;
    }

    /// Forgets those that are too many.
    pub(super) fn make_space(&self) {
        let excess = || self.over.lock().take_excess();
        while let Some(oldest) = excess() {
            self.forget(&oldest);
        }
    }

    /// Forgets a stream of which nothing is of interest any more.
    pub(super) fn tidy(&self, stream: &Arc<Stream>) {
        let is_idle = stream.with(|inner, now| !inner.is_gone && inner.queue.is_empty() && inner.core.is_idle(now));
        if is_idle {
            self.forget(&stream.name);
        }
    }

    fn forget(&self, name: &StreamName) {
        let mut by_name = self.by_name.lock();
        let Some(stream) = by_name.get(name) else { return };
        let is_gone = stream.with(|inner, _| {
            inner.is_gone = inner.core.is_over() && inner.queue.is_empty();
            if inner.is_gone {
                self.schedule(stream, inner, None);
            }
            self.enlist(stream, inner);
            inner.is_gone
        });
        if is_gone {
            by_name.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use samewire_protocol::SessionId;
    use samewire_protocol::live::methods::StartParams;
    use samewire_protocol::rooms::{Epoch, Member};

    use super::*;
    use crate::auth::Identity;
    use crate::live::role::BROADCASTER;
    use crate::rooms::core::{Leaving, MemberNews, What};
    use crate::rooms::policy::role;
    use crate::session::SessionKey;

    fn news(name: &StreamName, what: What) -> MemberNews {
        MemberNews {
            room: name.room().clone(),
            epoch: Epoch::from_random(1),
            member: Member(1),
            session: Some(key()),
            identity: Identity::user("maria").expect("a user"),
            what,
        }
    }

    fn key() -> SessionKey {
        SessionKey { id: SessionId::from_random([7; 16]), life: 0 }
    }

    fn come_and_start(streams: &Streams, name: &StreamName) -> Arc<Stream> {
        streams.heard(&news(name, What::Came { role: role(BROADCASTER) }));
        let stream = streams.find(name).expect("somebody is there");
        stream.with(|inner, now| inner.core.start(now, key(), &StartParams::new(name.clone())).map(drop)).expect("started");
        stream.tell(|_| Ok(()));
        streams.settle(&stream);
        stream
    }

    fn stop_and_go(streams: &Streams, stream: &Arc<Stream>) {
        stream.with(|inner, now| inner.core.stop(now, key())).expect("stopped");
        streams.heard(&news(&stream.name, What::Left { reason: Leaving::Left }));
        stream.tell(|_| Ok(()));
        streams.settle(stream);
    }

    #[test]
    fn only_so_many_that_are_over_are_remembered() {
        let streams = Streams::keeping(&crate::config::Live::default(), 3);
        let names: Vec<StreamName> = (0..10).map(|number| format!("s{number}").parse().expect("a name")).collect();
        for name in &names {
            let stream = come_and_start(&streams, name);
            stop_and_go(&streams, &stream);
        }
        assert_eq!((streams.after(None, 100), streams.over.lock().since.len()), (names[7..].to_vec(), 3));

        let again = come_and_start(&streams, &names[7]);
        assert_eq!(streams.over.lock().since.len(), 2, "one that goes on is not over");
        stop_and_go(&streams, &again);
        assert_eq!(streams.over.lock().since.len(), 3, "and it is there once");
        let next = come_and_start(&streams, &names[0]);
        stop_and_go(&streams, &next);
        assert_eq!((streams.after(None, 100).len(), streams.over.lock().since.len()), (3, 3));
    }
}
