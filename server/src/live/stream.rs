//! A stream behind a lock, with what has yet to be told.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use samewire_protocol::Failure;
use samewire_protocol::live::StreamName;
use tokio::sync::oneshot;

use super::core::{Core, Out};
use crate::auth::Owner;
use crate::rooms::core::Millis;

/// One stream.
pub(super) struct Stream {
    pub(super) name: StreamName,
    inner: Mutex<Inner>,
    /// Held by whoever tells, so that everything is told in order.
    telling: Mutex<()>,
}

pub(super) struct Inner {
    pub(super) core: Core,
    /// What is to be told, and who wants to know whether it could be.
    pub(super) queue: VecDeque<(Out, Option<Receipt>)>,
    /// It was forgotten: another stream of the same name may be there.
    pub(super) is_gone: bool,
    /// When it will be looked at, as the schedule has it.
    pub(super) scheduled: Option<Millis>,
    /// Since when it is over, as the list of those has it.
    pub(super) over: Option<Millis>,
    /// Against whose number of streams it counts.
    pub(super) counted: Option<Owner>,
}

impl Inner {
    /// It is off the schedule for this time, on which it may have been put again meanwhile.
    pub(super) fn was_scheduled(&mut self, at: Millis) {
        self.scheduled = self.scheduled.filter(|scheduled| *scheduled != at);
    }
}

/// For whoever waits until something is told.
pub(super) type Receipt = oneshot::Sender<Result<(), Failure>>;

impl Stream {
    pub(super) fn new(name: StreamName, core: Core) -> Arc<Self> {
        let inner = Inner { core, queue: VecDeque::new(), is_gone: false, scheduled: None, over: None, counted: None };
        Arc::new(Self { name, inner: Mutex::new(inner), telling: Mutex::default() })
    }

    /// Does something with the stream. What follows is to be told.
    pub(super) fn with<T>(&self, with: impl FnOnce(&mut Inner, Millis) -> T) -> T {
        let now = crate::rooms::now();
        let mut inner = self.inner.lock();
        inner.core.set_ahead(now.ahead);
        let result = with(&mut inner, now.at);
        let inner = &mut *inner;
        inner.queue.extend(std::iter::from_fn(|| inner.core.next()).map(|out| (out, None)));
        result
    }

    /// Tells what is to be told, by `say`, unless somebody is at it already: then they tell this, too.
    pub(super) fn tell(&self, say: impl Fn(Out) -> Result<(), Failure>) {
        loop {
            let Some(telling) = self.telling.try_lock() else { return };
            while let Some((out, receipt)) = self.with(|inner, _| inner.queue.pop_front()) {
                let owed = match &out {
                    Out::Signal(_, _, owed) => Some(*owed),
                    Out::Event(..) | Out::Measured(_) => None,
                };
                let said = say(out);
                if said.is_err()
                    && let Some(owed) = owed
                {
                    self.with(|inner, now| inner.core.undelivered(now, owed));
                }
                if let Some(receipt) = receipt {
                    // Whoever said it may be gone by now.
                    let _ = receipt.send(said);
                }
            }
            drop(telling);
            // Something may have come in between the last look and the end of the telling.
            if self.with(|inner, _| inner.queue.is_empty()) {
                return;
            }
        }
    }
}
