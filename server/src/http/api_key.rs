//! The extractor for addresses that only other servers may use.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::Problem;
use super::gate::bearer;
use crate::app::App;

/// The request carries an API key; the name is whose.
#[derive(Clone, Debug)]
pub(crate) struct ApiKey(pub(crate) Arc<str>);

impl FromRequestParts<Arc<App>> for ApiKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let name = bearer(&parts.headers).and_then(|key| app.api_keys.verify(key));
        name.map(Self).map_err(|failure| {
            app.metrics.refused(&failure);
            Problem::new(&failure)
        })
    }
}
