//! `GET /metrics`.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use samewire_protocol::{Code, Failure};

use super::Problem;
use super::api_key::ApiKey;
use crate::app::App;
use crate::metrics;

/// The text format of OpenMetrics 1.0, which Prometheus reads.
const MEDIA: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All figures, for whoever has an API key; for everybody where the configuration says so.
pub(crate) async fn metrics(State(app): State<Arc<App>>, request: Request) -> Result<Response, Problem> {
    if !app.config.metrics.open && !app.config.dev {
        ApiKey::from_request_parts(&mut request.into_parts().0, &app).await?;
    }
    let jobs = app.jobs.counts().await.map_err(Failure::from)?;
    let text = metrics::encode(&app, jobs).map_err(|error| {
        tracing::error!(%error, "the metrics cannot be written");
        Problem::new(&Failure::new(Code::Internal, "the metrics cannot be written"))
    })?;
    Ok(([(header::CONTENT_TYPE, MEDIA)], text).into_response())
}
