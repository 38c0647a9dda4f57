//! From a call to its handler: looked up, run within its deadline, its panic contained, its answer given back.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::FutureExt;
use samewire_protocol::method::names_stream;
use samewire_protocol::{CallId, Code, Failure, Ran, Route};
use serde_json::value::RawValue;

use super::CallContext;
use super::context::Params;
use super::extract::misdirected;
use super::handler::Answer;
use crate::app::App;
use crate::auth::Access;
use crate::session::{Session, SessionHandle};

/// Runs a call that came over a session.
pub(crate) fn run(session: &Arc<Session>, id: CallId, method: &str, params: Params, timeout: Option<Duration>) {
    let access = session.access();
    if let Err(failure) = access.grants.check_method(method) {
        return session.answer_at_once(id, Err(failure));
    }
    let Some(registered) = session.app.methods.find(method) else {
        return session.answer_at_once(id, Err(not_found(method)));
    };
    if is_late(timeout) {
        return session.answer_at_once(id, Err(late()));
    }
    let mut answer = registered.handler.call(CallContext {
        access,
        session: Some(SessionHandle::new(session)),
        states: session.app.states.clone(),
        payload: Arc::from(params.payload),
        attachment: params.attachment,
        call: Some(id),
    });
    // Most handlers are done at once; a task for each of them would cost more than they do.
    let first = || answer.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    match std::panic::catch_unwind(AssertUnwindSafe(first)) {
        Ok(Poll::Ready(result)) => session.answer_at_once(id, result),
        Ok(Poll::Pending) => {
            let (task, answer) = (session.clone(), contain(answer, method));
            session.spawn_call(id, async move {
                let result = within(timeout, answer).await;
                task.answer(id, result);
            });
        }
        Err(_) => session.answer_at_once(id, Err(panicked(method))),
    }
}

/// Runs a call that came over HTTP. `session` is the one whose credential it carried.
pub(crate) async fn run_over_http(
    app: &App,
    method: &str,
    payload: Box<RawValue>,
    access: Arc<Access>,
    session: Option<SessionHandle>,
    timeout: Option<Duration>,
) -> Result<Box<RawValue>, Failure> {
    access.grants.check_method(method)?;
    let registered = app.methods.find(method).ok_or_else(|| not_found(method))?;
    // The rule: a call that names a stream runs inside that stream's session, or not at all. It is decided from the call
    // alone, so the answer says nothing of which streams there are.
    if session.is_none() && (registered.info.route == Route::Session || names_stream(payload.get())) {
        return Err(misdirected());
    }
    if is_late(timeout) {
        return Err(late());
    }
    let states = app.states.clone();
    let payload = Arc::from(payload);
    let answer = registered.handler.call(CallContext { access, session, states, payload, attachment: None, call: None });
    within(timeout, contain(answer, method)).await
}

async fn within(
    timeout: Option<Duration>,
    answer: impl Future<Output = Result<Box<RawValue>, Failure>>,
) -> Result<Box<RawValue>, Failure> {
    match timeout {
        None => answer.await,
        Some(timeout) => tokio::time::timeout(timeout, answer).await.unwrap_or_else(|_| {
            Err(Failure::new(Code::DeadlineExceeded, "the handler was stopped at the call's deadline").ran(Ran::Maybe))
        }),
    }
}

/// Whether nobody waits any more when the call comes.
fn is_late(timeout: Option<Duration>) -> bool {
    timeout.is_some_and(|timeout| timeout.is_zero())
}

fn late() -> Failure {
    Failure::new(Code::DeadlineExceeded, "the call's deadline had passed when it came")
}

/// A handler that panics fails its own call and nothing else.
fn contain(answer: Answer, method: &str) -> impl Future<Output = Result<Box<RawValue>, Failure>> + Send + use<> {
    let method: Box<str> = method.into();
    AssertUnwindSafe(answer).catch_unwind().map(move |result| result.unwrap_or_else(|_| Err(panicked(&method))))
}

fn panicked(method: &str) -> Failure {
    tracing::error!(%method, "a handler panicked");
    Failure::new(Code::Internal, "the method failed for a reason of the server's own").ran(Ran::Maybe)
}

fn not_found(method: &str) -> Failure {
    let method: String = method.chars().take(64).collect();
    Failure::new(Code::MethodNotFound, format!("there is no method {method:?}; `system/introspect` lists them"))
}
