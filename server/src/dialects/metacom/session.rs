//! Whose connection it is: nobody's that has not signed in, and somebody's from then on.

use samewire_protocol::{Code, Failure};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::Metacom;
use super::form::number;
use super::methods::{self, Own, RestoreArgs};
use super::packet::Call;
use crate::app::App;
use crate::auth::Access;
use crate::dialects::guest::Entry;
use crate::dialects::socket::Desk;
use crate::store::now_ms;

/// Who speaks.
#[derive(Debug)]
pub(super) enum Standing {
    /// Somebody who was let in.
    Known,
    /// Nobody, for this reason.
    Nobody(Failure),
}

/// Who is to be let in, and for which call.
#[derive(Debug)]
pub(super) enum Coming {
    /// Whoever opened the connection.
    First,
    /// The same, by the cookie that a browser sends by itself.
    WithCookie,
    /// Whoever comes without the cookie, which is good no more for this reason.
    WithoutCookie(Failure),
    Restore(u64),
    SignIn(u64, Box<RawValue>),
    SignOut(u64),
}

/// The answer of `auth/signout`.
pub(super) const SIGNED_OUT: &str = r#"{"status":"not logged"}"#;

impl Metacom {
    /// Whether whoever speaks may make calls.
    pub(super) fn check(&self) -> Result<(), Failure> {
        match &self.standing {
            Standing::Known => Ok(()),
            Standing::Nobody(failure) => Err(failure.clone()),
        }
    }

    /// The methods of this format about who one is.
    pub(super) fn sign(&mut self, own: Own, call: &Call, desk: &mut Desk) -> Result<(), Failure> {
        match own {
            Own::Restore => {
                let RestoreArgs { token } = methods::args(&call.args)?;
                self.coming = Coming::Restore(call.no);
                let entry = credential(desk.app(), token);
                desk.admit(entry);
            }
            Own::SignOut => {
                self.coming = Coming::SignOut(call.no);
                desk.admit(anybody(self.anonymous));
            }
            _ => {
                self.check()?;
                let guest = self.guest(desk)?;
                let access = guest.access();
                let anonymous = access.identity.is_anonymous();
                if anonymous {
                    // Its files are removed with its last session: it is to find them when it comes back.
                    guest.stay(true);
                }
                let user = (!anonymous).then(|| access.identity.id());
                let status = json!({"status": "logged", "user": user, "token": guest.ticket()});
                desk.say(self.form.result(call.no, &status.to_string()));
            }
        }
        Ok(())
    }

    /// Whether a result begins a session: then the answer waits for it.
    pub(super) fn signs_in(&mut self, no: u64, result: &RawValue, desk: &mut Desk) -> bool {
        let Some(token) = token_of(result) else { return false };
        self.coming = Coming::SignIn(no, result.to_owned());
        let entry = credential(desk.app(), token);
        desk.admit(entry);
        true
    }

    /// Somebody was let in, or was not.
    pub(super) fn came(&mut self, outcome: Result<(), Failure>, desk: &mut Desk) -> Result<(), Failure> {
        let form = self.form;
        match (std::mem::replace(&mut self.coming, Coming::First), outcome) {
            (Coming::First | Coming::WithCookie | Coming::WithoutCookie(_), Ok(())) => self.known(desk)?,
            (Coming::First, Err(failure)) if is_about_tokens(&failure) => {
                desk.app().metrics.refused(&failure);
                self.standing = Standing::Nobody(failure);
            }
            (Coming::WithCookie, Err(failure)) if is_about_tokens(&failure) => {
                desk.app().metrics.refused(&failure);
                self.coming = Coming::WithoutCookie(failure);
                desk.admit(anybody(self.anonymous));
            }
            (Coming::WithoutCookie(why), Err(failure)) if is_about_tokens(&failure) => self.standing = Standing::Nobody(why),
            (Coming::Restore(no), Ok(())) => {
                self.known(desk)?;
                let guest = self.guest(desk)?;
                let access = guest.access();
                if access.identity.is_anonymous() {
                    guest.stay(true);
                }
                desk.say(form.result(no, &logged(&access)));
            }
            (Coming::Restore(no), Err(failure)) if is_about_tokens(&failure) => {
                desk.app().metrics.refused(&failure);
                desk.say(form.result(no, &not_logged(&failure)));
            }
            (Coming::Restore(no), Err(failure)) => self.fail(no, &failure, desk),
            (Coming::SignIn(no, result), Ok(())) => {
                self.known(desk)?;
                desk.say(form.result(no, result.get()));
            }
            (Coming::SignIn(no, _), Err(failure)) => {
                desk.app().metrics.refused(&failure);
                self.fail(no, &failure, desk);
            }
            (Coming::SignOut(no), Ok(())) => {
                self.known(desk)?;
                desk.say(form.result(no, SIGNED_OUT));
            }
            (Coming::SignOut(no), Err(failure)) if is_about_tokens(&failure) => {
                desk.dismiss();
                self.session = None;
                self.let_go(desk)?;
                self.standing = Standing::Nobody(failure);
                desk.say(form.result(no, SIGNED_OUT));
            }
            (Coming::First | Coming::WithCookie | Coming::WithoutCookie(_) | Coming::SignOut(_), Err(failure)) => {
                return Err(failure);
            }
        }
        Ok(())
    }

    /// Somebody is there. The same as before goes on with all it had.
    fn known(&mut self, desk: &mut Desk) -> Result<(), Failure> {
        let session = Some(self.guest(desk)?.key());
        if std::mem::replace(&mut self.session, session) != session {
            self.let_go(desk)?;
        }
        self.standing = Standing::Known;
        Ok(())
    }

    /// What the client had as somebody else is not its own any more, and it hears so of each.
    fn let_go(&mut self, desk: &mut Desk) -> Result<(), Failure> {
        let failure = Failure::new(Code::SessionClosed, "the session of this connection has changed meanwhile");
        self.signing = false;
        let calls = std::mem::take(&mut self.calls);
        for no in calls.values().flat_map(|asked| asked.calls().iter().copied()) {
            self.fail(no, &failure, desk);
        }
        for told in self.rooms.let_go(&failure)? {
            self.tell(told, Some(&failure), desk);
        }
        self.early.clear();
        let streams = self.uploads.let_go(desk.app(), &failure);
        for no in streams.into_iter().chain(self.downloads.let_go(desk)) {
            self.tell_failed(no, &failure, desk);
        }
        Ok(())
    }
}

/// Who was let in, as `auth/restore` answers.
pub(super) fn logged(access: &Access) -> String {
    let user = (!access.identity.is_anonymous()).then(|| access.identity.id());
    json!({"status": "logged", "user": user}).to_string()
}

/// The same for who was not.
pub(super) fn not_logged(failure: &Failure) -> String {
    let Failure { code, message, .. } = failure;
    json!({"status": "not logged", "code": number(failure), "reason": code, "message": message}).to_string()
}

/// Who comes without a token.
pub(super) fn anybody(anonymous: bool) -> Entry {
    if anonymous { Entry::Anonymous } else { Entry::Token(None) }
}

/// What somebody shows to be let in: a token, or a session's ticket.
pub(super) fn credential(app: &App, text: String) -> Entry {
    if app.tickets.verify(&text, now_ms()).is_ok() { Entry::Ticket(text) } else { Entry::Token(Some(text)) }
}

/// The token in a result, where it has one.
pub(super) fn token_of(result: &RawValue) -> Option<String> {
    #[derive(Deserialize)]
    struct Session {
        token: String,
    }
    serde_json::from_str::<Session>(result.get()).ok().map(|session| session.token)
}

/// Whether it is the token that nobody is let in with, and not the server.
pub(super) fn is_about_tokens(failure: &Failure) -> bool {
    matches!(failure.code.status(), 401 | 403)
}
