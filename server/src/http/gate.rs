//! Who asks, for routes that an embedding program adds to the server's own.

use std::sync::Arc;

use axum::http::{HeaderMap, header};
use samewire_protocol::{Code, Failure};

use super::origin;
use crate::app::App;
use crate::auth::Access;

/// Tells who sends a request, by the rules of the server: the origins that may, and the tokens that are good. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Gate(Arc<App>);

impl Gate {
    pub(crate) fn new(app: &Arc<App>) -> Self {
        Self(app.clone())
    }

    /// Whether the page that sends the request may, where it is one: a page elsewhere could send a simple request without asking,
    /// and only the answer would be hidden from it.
    ///
    /// # Errors
    /// `origin-refused`.
    pub fn origin(&self, headers: &HeaderMap) -> Result<(), Failure> {
        origin::allowed(&self.0.config, headers)
    }

    /// What the request's bearer token allows. There must be one.
    ///
    /// # Errors
    /// `origin-refused`, `unauthenticated`, and what [`Authenticator::authenticate`](crate::auth::Authenticator::authenticate) says of
    /// the token.
    pub async fn access(&self, headers: &HeaderMap) -> Result<Access, Failure> {
        self.origin(headers)?;
        let token = bearer(headers)?.ok_or_else(crate::auth::unauthenticated)?;
        let access = self.0.guard.authenticate(Some(token)).await;
        access.inspect_err(|failure| self.0.metrics.refused(failure))?.ok_or_else(crate::auth::unauthenticated)
    }
}

/// The token of the header `Authorization`, where there is one.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Failure> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let scheme = value.to_str().ok().and_then(|value| value.split_once(' '));
    let token = scheme.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
    token.map(Some).ok_or_else(|| Failure::new(Code::TokenInvalid, "the header Authorization is not `Bearer TOKEN`"))
}
