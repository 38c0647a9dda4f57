//! A plain model of a stream: what is so, by the rules as people would tell them, and nothing of how it is done.

use std::collections::{BTreeMap, BTreeSet};

use samewire_protocol::Code;
use samewire_protocol::live::{EndReason, PeerRef};

use super::stage::{HOLD, LINGER, MOST, PAUSE, Who};
use crate::rooms::core::Millis;

/// Somebody, as far as the rules go.
#[derive(Clone, Debug, Default)]
pub(super) struct Body {
    pub(super) user: &'static str,
    pub(super) role: &'static str,
    /// The session's room has a member for it.
    pub(super) is_member: bool,
    /// Since when its link is lost.
    pub(super) away: Option<Millis>,
    pub(super) watches: Option<PeerRef>,
    pub(super) waits: Option<u64>,
    /// What its turn was before it was let in.
    waited: u64,
}

#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) bodies: BTreeMap<Who, Body>,
    pub(super) is_on: bool,
    pub(super) is_paused: bool,
    /// Who broadcasts; `None` while it is on: the session has left, and can only start anew.
    pub(super) broadcaster: Option<Who>,
    pub(super) owner: &'static str,
    /// Since when the broadcaster is away.
    pub(super) gone: Option<Millis>,
    /// Who was replaced, and whether it may not know so.
    pub(super) replaced: BTreeMap<Who, bool>,
    /// Who believes that it still waits.
    pub(super) unsure: BTreeSet<Who>,
    pub(super) peak: u64,
    pub(super) ended: Option<EndReason>,
    turn: u64,
}

impl Model {
    pub(super) fn body(&mut self, who: Who) -> &mut Body {
        self.bodies.entry(who).or_default()
    }

    pub(super) fn count(&self) -> u64 {
        self.bodies.values().filter(|body| body.is_member && body.watches.is_some()).count() as u64
    }

    fn watching(&self) -> u64 {
        self.bodies.values().filter(|body| body.watches.is_some()).count() as u64
    }

    fn peaks(&mut self) {
        self.peak = self.peak.max(self.count());
    }

    pub(super) fn end(&mut self, reason: EndReason) {
        if self.is_on {
            (self.is_on, self.is_paused, self.broadcaster, self.gone) = (false, false, None, None);
            self.replaced.clear();
            self.ended = Some(reason);
            for (who, body) in &mut self.bodies {
                if body.watches.take().is_some() && self.unsure.contains(who) {
                    body.waits = Some(body.waited);
                }
            }
        }
    }

    fn back(&mut self, who: Who) {
        if self.broadcaster == Some(who) {
            (self.gone, self.is_paused) = (None, false);
        }
    }

    // What happens to sessions.

    pub(super) fn join(&mut self, who: Who, user: &'static str, role: &'static str) {
        let body = self.body(who);
        (body.user, body.role) = (user, role);
        let was_here = body.is_member && body.away.is_none();
        (body.is_member, body.away) = (true, None);
        if !was_here {
            self.back(who);
        }
        self.role(who, role);
        self.peaks();
    }

    pub(super) fn role(&mut self, who: Who, role: &'static str) {
        let body = self.body(who);
        if !body.is_member {
            return;
        }
        body.role = role;
        if role == "audience" {
            (body.watches, body.waits) = (None, None);
        }
        if role != "broadcaster" && self.broadcaster == Some(who) {
            self.end(EndReason::GrantEnded);
        }
    }

    pub(super) fn cut(&mut self, now: Millis, who: Who) {
        let body = self.body(who);
        if body.is_member {
            body.away = Some(now);
            if self.broadcaster == Some(who) {
                self.gone.get_or_insert(now);
            }
        }
    }

    pub(super) fn go(&mut self, now: Millis, who: Who) {
        let body = self.body(who);
        if !body.is_member {
            return;
        }
        (body.is_member, body.away, body.watches, body.waits) = (false, None, None, None);
        self.replaced.remove(&who);
        if self.broadcaster == Some(who) {
            self.gone.get_or_insert(now);
            self.broadcaster = None;
        }
    }

    pub(super) fn put_out(&mut self, who: Who) {
        let body = self.body(who);
        if !body.is_member {
            return;
        }
        (body.is_member, body.away, body.watches, body.waits) = (false, None, None, None);
        self.replaced.remove(&who);
        if self.broadcaster == Some(who) {
            self.end(EndReason::GrantEnded);
        }
    }

    pub(super) fn tick(&mut self, now: Millis) {
        for (who, body) in &mut self.bodies {
            if body.is_member && body.away.is_some_and(|since| now >= since + LINGER) {
                body.is_member = false;
                // What it was told last may be lost with its membership.
                if let Some(is_unaware) = self.replaced.get_mut(who) {
                    *is_unaware = true;
                }
                // It may have begun with a call that came before it joined on its new link.
                if self.broadcaster == Some(*who) {
                    self.gone.get_or_insert(now);
                }
            }
            if body.away.is_some_and(|since| now >= since + HOLD) {
                (body.watches, body.waits, body.away) = (None, None, None);
            }
        }
        match self.gone {
            Some(since) if now >= since + HOLD => self.end(EndReason::BroadcasterGone),
            Some(since) if now >= since + PAUSE => self.is_paused = true,
            _ => {}
        }
    }

    // What sessions do. Each says with which code it is refused.

    /// Whether it goes on with what there was. `deaf`: those to whom nothing can be told now.
    pub(super) fn start(&mut self, who: Who, takeover: bool, deaf: &[Who]) -> Result<bool, Code> {
        let body = self.body(who).clone();
        if !body.is_member {
            return Err(Code::NotJoined);
        }
        if body.role != "broadcaster" {
            return Err(Code::Forbidden);
        }
        if self.is_on && self.broadcaster == Some(who) {
            self.back(who);
            return Ok(true);
        }
        if self.is_on {
            let is_unaware = self.replaced.get(&who) == Some(&true);
            if is_unaware {
                self.replaced.remove(&who);
            }
            if !takeover && (self.owner != body.user || is_unaware) {
                return Err(Code::LiveTaken);
            }
            self.replaced.remove(&who);
            if let Some(before) = self.broadcaster {
                let body = &self.bodies[&before];
                let hears = body.is_member && body.away.is_none() && !deaf.contains(&before);
                self.replaced.insert(before, !hears);
            }
            self.body(who).watches = None;
            (self.broadcaster, self.owner, self.gone, self.is_paused) = (Some(who), body.user, None, false);
            return Ok(true);
        }
        (self.is_on, self.is_paused, self.broadcaster, self.owner) = (true, false, Some(who), body.user);
        (self.gone, self.peak, self.ended) = (None, 0, None);
        Ok(false)
    }

    /// Who of those that wait are let in when it starts, in their order.
    pub(super) fn let_in(&mut self, broadcaster: Who) -> Vec<Who> {
        let mut waiting: Vec<_> = self.bodies.iter().filter_map(|(who, body)| Some((body.waits?, *who))).collect();
        waiting.sort_unstable();
        self.bodies.values_mut().for_each(|body| body.waited = body.waits.take().unwrap_or_default());
        let waiting = waiting.into_iter().map(|(_, who)| who).filter(|who| *who != broadcaster);
        waiting.take(usize::try_from(MOST).expect("a few")).collect()
    }

    /// Whether it is a viewer then; else it waits.
    pub(super) fn watch(&mut self, who: Who, wait: bool) -> Result<bool, Code> {
        let (watching, is_broadcaster) = (self.watching(), self.is_on && self.broadcaster == Some(who));
        let (is_on, turn) = (self.is_on, self.turn + 1);
        let body = self.body(who);
        if !body.is_member {
            return Err(Code::NotJoined);
        }
        if body.role == "audience" || is_broadcaster {
            return Err(Code::Forbidden);
        }
        self.replaced.remove(&who);
        let body = self.body(who);
        match body.watches {
            Some(_) => Ok(true),
            None if is_on && watching >= MOST => Err(Code::LiveFull),
            None if is_on => Ok(true),
            None if wait => {
                body.waits.get_or_insert(turn);
                self.turn = turn;
                Ok(false)
            }
            None => {
                body.waits = None;
                Err(Code::LiveNotFound)
            }
        }
    }

    pub(super) fn is_viewer(&mut self, who: Who, peer: PeerRef) {
        self.body(who).watches = Some(peer);
        self.peaks();
    }

    pub(super) fn leave(&mut self, who: Who) {
        let body = self.body(who);
        (body.watches, body.waits) = (None, None);
    }

    /// Whom it reaches that somebody says something, naming this viewer, of this peer connection.
    pub(super) fn say(&self, who: Who, named: Option<PeerRef>, negotiation: PeerRef) -> Result<Who, Code> {
        let body = self.bodies.get(&who).filter(|body| body.is_member).ok_or(Code::NotJoined)?;
        if !self.is_on {
            return Err(Code::LiveNotFound);
        }
        let reach = |who: Who| if self.bodies[&who].is_member { Ok(who) } else { Err(Code::Overloaded) };
        if self.broadcaster == Some(who) {
            let named = named.ok_or(Code::BadParams)?;
            let of = |body: &Body| body.watches.is_some_and(|peer| peer.viewer == named.viewer);
            let (viewer, body) = self.bodies.iter().find(|(_, body)| of(body)).ok_or(Code::PeerNotFound)?;
            if body.watches.is_some_and(|peer| peer.negotiation != negotiation.negotiation) {
                return Err(Code::StaleNegotiation);
            }
            return reach(*viewer);
        }
        match (body.watches, named) {
            (own, Some(named)) if own.is_none_or(|own| own.viewer != named.viewer) => Err(Code::Forbidden),
            (Some(own), _) if own.negotiation != negotiation.negotiation => Err(Code::StaleNegotiation),
            (Some(_), _) => self.broadcaster.map_or(Err(Code::Overloaded), reach),
            (None, _) => Err(Code::PeerNotFound),
        }
    }
}
