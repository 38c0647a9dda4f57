//! What is done about a path that does not come about, or breaks: looked at again, negotiated anew, replaced, given up.

use super::path::{Path, Trouble, Why};
use super::timing::{GIVE_UP, REBUILD, RESTARTS, backoff};
use super::{ConnectionState, Output, Peer, PeerState};
use crate::failure::Failure;
use crate::time::Instant;

impl Peer {
    pub(super) fn connection(&mut self, now: Instant, state: ConnectionState) {
        let side = self.side;
        let Some(current) = &mut self.current else { return };
        if current.closed {
            return;
        }
        current.connected = state == ConnectionState::Connected;
        current.path = current.path.told(now, side, state);
        if current.connected {
            current.ever = true;
            self.trouble = None;
            if let Some(old) = &mut self.old {
                old.until = old.until.min(now + side.linger());
            }
        } else if current.ever {
            self.trouble.get_or_insert_with(|| Trouble::new(now));
        }
        // What cannot wait does not.
        if !self.is_quiet() {
            self.path_timeout(now);
        }
    }

    pub(super) fn path_timeout(&mut self, now: Instant) {
        let may_restart = self.may_restart();
        let Some(current) = &mut self.current else { return };
        if current.path.due(current.exchange.is_stable()).is_none_or(|due| due > now) {
            return;
        }
        match current.path {
            Path::Broken { .. } => {
                current.path = Path::Asked { until: now + REBUILD };
                if let Some(trouble) = &mut self.trouble {
                    trouble.rebuilds += 1;
                }
                self.outputs.push_back(Output::AskRebuild(current.negotiation));
            }
            Path::Asked { .. } => {
                let why = self.trouble.as_ref().map_or(Why::Silent, |trouble| trouble.why.clone());
                self.broken(now, why);
            }
            Path::Waiting { .. } => self.broken(now, Why::Silent),
            _ if may_restart => self.restart(now),
            _ => self.broken(now, Why::NoPath),
        }
    }

    fn may_restart(&self) -> bool {
        self.current.as_ref().is_some_and(|current| current.exchange.has_heard())
            && self.trouble.as_ref().is_none_or(|trouble| trouble.restarts < RESTARTS && trouble.rebuilds == 0)
    }

    fn restart(&mut self, now: Instant) {
        let Some(current) = &mut self.current else { return };
        current.path = Path::Healing { until: now + self.side.healing() };
        let trouble = self.trouble.get_or_insert_with(|| Trouble::new(now));
        trouble.restarts += 1;
        trouble.why = Why::NoPath;
        self.outputs.push_back(Output::RestartIce(current.negotiation));
    }

    /// This peer connection is of no use: another one is to take its place.
    pub(super) fn broken(&mut self, now: Instant, why: Why) {
        let Some(current) = &mut self.current else { return };
        if current.path == Path::GivenUp {
            return;
        }
        current.exchange.abandon();
        let trouble = self.trouble.get_or_insert_with(|| Trouble::new(now));
        trouble.why = why;
        current.path = Path::Broken { at: now + backoff(&mut self.rng, trouble.rebuilds) };
    }

    /// Somebody thinks that another path is to be looked for, or that it is worth one more try.
    pub(super) fn look_anew(&mut self, now: Instant) {
        let quiet = self.is_quiet();
        let Some(current) = &mut self.current else { return };
        match current.path {
            Path::GivenUp => {
                current.path = Path::Broken { at: now };
                (self.trouble, self.state) = (Some(Trouble::new(now)), PeerState::Connecting);
            }
            Path::Connected | Path::Doubtful { .. } if current.exchange.is_stable() => {
                if quiet {
                    current.path = Path::Doubtful { until: now };
                } else {
                    self.outputs.push_back(Output::RestartIce(current.negotiation));
                }
            }
            _ => {}
        }
    }

    pub(super) fn gives_up_at(&self) -> Option<Instant> {
        let begun = self.current.as_ref().is_some_and(|current| current.path != Path::GivenUp);
        self.trouble.as_ref().filter(|_| begun).map(|trouble| trouble.since + GIVE_UP)
    }

    pub(super) fn give_up(&mut self, now: Instant, failure: Option<Failure>) {
        let trouble = self.trouble.take().unwrap_or_else(|| Trouble::new(now));
        self.close_old();
        self.close_current();
        if let Some(current) = &mut self.current {
            current.path = Path::GivenUp;
        }
        self.held.clear();
        // Whoever tried again waits to hear of it, also where nothing has changed.
        self.told_state = None;
        self.state = PeerState::Failed(failure.unwrap_or_else(|| trouble.failure()));
    }

    /// Things can be asked again: what was not answered meanwhile is nobody's fault.
    pub(super) fn rearm(&mut self, now: Instant) {
        if let Some(trouble) = &mut self.trouble {
            *trouble = Trouble::new(now);
        }
        let Some(current) = &mut self.current else { return };
        current.exchange.rearm(now);
        current.path = match current.path {
            Path::Waiting { .. } => Path::Waiting { until: now + self.side.beginning() },
            Path::Connecting { .. } => Path::Connecting { until: now + self.side.connecting() },
            Path::Healing { .. } => Path::Healing { until: now + self.side.healing() },
            Path::Broken { .. } | Path::Asked { .. } => Path::Broken { at: now + backoff(&mut self.rng, 0) },
            path @ (Path::Connected | Path::Doubtful { .. } | Path::GivenUp) => path,
        };
    }
}
