//! The token in the life of a session: asked for before it is needed, one request at a time.

use std::time::Duration;

use super::state::State;
use super::{Event, Session, TokenReason};
use crate::code::Code;
use crate::failure::Failure;
use crate::time::Instant;
use crate::wire::ClientFrame;

/// How long before it expires a new token is asked for, at most; a fifth of its time, if that is less.
const MARGIN: Duration = Duration::from_secs(60);
/// How long the app may take to give a token that the session cannot do without.
const PATIENCE: Duration = Duration::from_secs(60);
/// A token that the app could not give is not asked for again when the present one expires sooner than this.
const TOO_LATE: Duration = Duration::from_secs(2);
/// So many tokens the server may refuse, one after the other.
const TRIES: u32 = 2;

#[derive(Debug, Default)]
pub(super) struct Tokens {
    /// Whether the app was asked and has not answered.
    wanted: bool,
    /// Whether the app was asked for the first one.
    begun: bool,
    expires_at: Option<Instant>,
    /// When to ask for the next one.
    refresh_at: Option<Instant>,
    /// The present one has not been taken or refused yet.
    unproven: bool,
    /// How many were refused since the last that was taken.
    refused: u32,
}

impl Session {
    /// Sets the token that the next hello carries. A live session tells it to the server; one that waits for it connects.
    pub fn set_token(&mut self, now: Instant, token: Option<String>) {
        self.now = now;
        self.config.token = token;
        self.tokens.wanted = false;
        self.tokens.unproven = self.config.token.is_some();
        match (&self.state, &self.config.token) {
            (State::Live(_), Some(token)) => {
                let frame = ClientFrame::Token { token: token.as_str().into() }.encode();
                self.control.push_back(frame.into());
            }
            (State::Tokenless { why: Some(_), .. }, None) => self.no_token(now),
            (State::Tokenless { .. }, _) => self.dial(now),
            _ => {}
        }
    }

    /// The app has no token to give, after [`Event::TokenWanted`]. A session that cannot do without ends; a live one asks again
    /// while there is time.
    pub fn no_token(&mut self, now: Instant) {
        self.now = now;
        self.tokens.wanted = false;
        if let State::Tokenless { why, .. } = &self.state {
            let why = why.clone();
            return self.end(why.unwrap_or_else(|| Failure::new(Code::Unauthenticated, "the app gave no token")));
        }
        let left = self.tokens.expires_at.map(|at| at.since(now)).filter(|left| *left >= TOO_LATE);
        self.tokens.refresh_at = left.map(|left| now + left / 2);
    }

    /// Whether the app can give the token that the first hello lacks.
    pub(super) fn needs_first_token(&self) -> bool {
        self.config.refreshes && self.config.token.is_none() && !self.tokens.begun
    }

    pub(super) fn await_token(&mut self, now: Instant, why: Option<Failure>, reason: TokenReason) {
        self.ask_for_token(reason);
        self.enter(State::Tokenless { why, give_up_at: now + PATIENCE });
    }

    fn ask_for_token(&mut self, reason: TokenReason) {
        self.tokens.begun = true;
        self.tokens.refresh_at = None;
        if !std::mem::replace(&mut self.tokens.wanted, true) {
            self.event(Event::TokenWanted(reason));
        }
    }

    pub(super) fn welcomed_until(&mut self, now: Instant, expires: Option<u64>) {
        self.tokens.begun = true;
        self.token_taken(now, expires);
    }

    pub(super) fn token_taken(&mut self, now: Instant, expires: Option<u64>) {
        self.tokens.unproven = false;
        self.tokens.refused = 0;
        let left = expires.map(Duration::from_millis);
        self.tokens.expires_at = left.map(|left| now + left);
        self.tokens.refresh_at = left.map(|left| now + (left - MARGIN.min(left / 5)));
    }

    pub(super) fn server_error(&mut self, now: Instant, failure: Failure) {
        let refused = TokenReason::of(&failure.code).is_some() && std::mem::take(&mut self.tokens.unproven);
        self.event(Event::ServerError(failure));
        if refused {
            self.tokens.refused += 1;
            if self.tokens.refused < TRIES && self.config.refreshes {
                self.ask_for_token(TokenReason::Refused);
            } else {
                self.no_token(now);
            }
        }
    }

    /// The server said not to come back; or not with this token, and the app can give another.
    pub(super) fn sent_away(&mut self, now: Instant, why: Failure) {
        let Some(reason) = TokenReason::of(&why.code).filter(|_| self.config.refreshes && self.tokens.refused < TRIES) else {
            return self.end(why);
        };
        let newer = std::mem::take(&mut self.tokens.unproven) && reason == TokenReason::Expired;
        self.tokens.refused += 1;
        self.lose_link();
        if newer {
            // It crossed the goodbye.
            self.dial(now);
        } else {
            self.await_token(now, Some(why), reason);
        }
    }

    pub(super) fn token_deadline(&self) -> Option<Instant> {
        let asks = self.config.refreshes && !self.tokens.wanted && matches!(self.state, State::Live(_));
        self.tokens.refresh_at.filter(|_| asks)
    }

    pub(super) fn token_timeout(&mut self, now: Instant) {
        if self.token_deadline().is_some_and(|at| at <= now) {
            self.ask_for_token(TokenReason::Expiring);
        }
    }
}
