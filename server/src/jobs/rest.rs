//! What workers outside of this process ask, each with an API key: `POST /api/jobs/claim`, and what is under `/api/jobs/{id}`.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use samewire_protocol::files::FileRecord;
use samewire_protocol::{Code, Failure, JobId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tower_http::services::ServeFile;

use super::NewPart;
use super::external::{Going, LONGEST, Offer, SHORTEST};
use crate::app::App;
use crate::http::{ApiKey, Problem, body};

/// Carries a job's lease where the body is not JSON.
const LEASE: &str = "samewire-lease";
/// The largest body that is JSON.
const MAX_BODY: usize = 16 * 1024;
/// For how long a job is taken where the worker does not say.
const USUAL: u64 = 60_000;
/// The longest that a worker waits for a job with one request.
const MOST_WAIT: u64 = 30_000;
/// The most kinds in one request, and the longest name of a worker, in bytes.
const MAX_KINDS: usize = 64;
const MAX_WORKER: usize = 128;

pub(crate) fn router(app: &Arc<App>) -> Router {
    Router::new()
        .route("/api/jobs/claim", post(claim))
        .route("/api/jobs/{id}/source", get(source))
        .route("/api/jobs/{id}/progress", post(progress))
        .route("/api/jobs/{id}/parts/{name}", put(part))
        .route("/api/jobs/{id}/complete", post(complete))
        .route("/api/jobs/{id}/fail", post(fail))
        .method_not_allowed_fallback(async || Problem::wrong_method())
        .with_state(app.clone())
}

type Id = Result<Path<String>, PathRejection>;

#[derive(Deserialize)]
struct Wanted {
    kinds: Vec<Box<str>>,
    worker: String,
    #[serde(default = "usual")]
    lease: u64,
    #[serde(default)]
    wait: u64,
}

fn usual() -> u64 {
    USUAL
}

#[derive(Serialize)]
struct Taken {
    job: TakenJob,
}

#[derive(Serialize)]
struct TakenJob {
    id: JobId,
    kind: Box<str>,
    attempt: u32,
    file: FileRecord,
    lease: String,
    until: u64,
}

async fn claim(State(app): State<Arc<App>>, ApiKey(by): ApiKey, body: Body) -> Result<Response, Problem> {
    let Wanted { kinds, worker, lease, wait } = read(body).await?;
    if kinds.is_empty() || kinds.len() > MAX_KINDS || worker.is_empty() || worker.len() > MAX_WORKER {
        let told = format!("name 1 to {MAX_KINDS} kinds, and the worker in 1 to {MAX_WORKER} bytes");
        return Err(Failure::new(Code::BadParams, told).into());
    }
    let span = Duration::from_millis(lease).clamp(SHORTEST, LONGEST);
    let wait = Duration::from_millis(wait.min(MOST_WAIT));
    let Some(Offer { job, lease, until }) = app.jobs.claim(kinds, &worker, span, wait).await? else {
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    tracing::debug!(%by, worker, job = %job.id, kind = %job.kind, "a job was taken");
    let job = TakenJob { id: job.id, kind: job.kind, attempt: job.attempt, file: job.file, lease, until };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(Taken { job })).into_response())
}

/// The content of the job's file, or ranges of it.
async fn source(
    State(app): State<Arc<App>>,
    _key: ApiKey,
    id: Id,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Problem> {
    let (path, job) = app.jobs.source(job_id(id)?, lease(&headers)?).await?;
    // The type is the uploader's word, and no more than a hint to the worker.
    let mut response = match ServeFile::new(path).try_call(request).await {
        Ok(response) => response.map(Body::new),
        Err(error) => return Err(Failure::from(crate::store::StoreError::Io(error)).into()),
    };
    let media = job.file.media.as_deref().and_then(|media| HeaderValue::from_str(media).ok());
    let media = media.unwrap_or(HeaderValue::from_static("application/octet-stream"));
    response.headers_mut().insert(header::CONTENT_TYPE, media);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

#[derive(Deserialize)]
struct Report {
    lease: String,
    progress: f32,
    stage: Option<String>,
}

#[derive(Serialize)]
struct Heard {
    canceled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<u64>,
}

async fn progress(State(app): State<Arc<App>>, _key: ApiKey, id: Id, body: Body) -> Result<Json<Heard>, Problem> {
    let id = job_id(id)?;
    let Report { lease, progress, stage } = read(body).await?;
    Ok(Json(match app.jobs.progress(id, &lease, progress, stage.as_deref()).await? {
        Going::On { until } => Heard { canceled: false, until: Some(until) },
        Going::Canceled => Heard { canceled: true, until: None },
    }))
}

/// What is known of a part, in the address.
#[derive(Deserialize)]
struct Known {
    width: Option<u32>,
    height: Option<u32>,
    duration: Option<u64>,
    extra: Option<String>,
}

#[derive(Serialize)]
struct Received {
    size: u64,
}

async fn part(
    State(app): State<Arc<App>>,
    _key: ApiKey,
    names: Result<Path<(String, String)>, PathRejection>,
    known: Result<Query<Known>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Received>, Problem> {
    let (id, name) = names.map(|Path(names)| names).unwrap_or_default();
    let id = id.parse().map_err(|_| no_job())?;
    let bad = |told: String| Failure::new(Code::BadParams, told);
    let Known { width, height, duration, extra } = known.map(|Query(known)| known).map_err(|error| bad(error.body_text()))?;
    let extra: Option<Map<String, Value>> = match extra {
        Some(extra) => Some(serde_json::from_str(&extra).map_err(|error| bad(format!("`extra` is no JSON object: {error}")))?),
        None => None,
    };
    let media = headers.get(header::CONTENT_TYPE).and_then(|media| media.to_str().ok());
    let media = media.ok_or_else(|| bad("say in the header Content-Type what the part is".to_owned()))?;
    let part = NewPart { width, height, duration, extra, ..NewPart::new(name, media, "") };
    let size = app.jobs.part(id, lease(&headers)?, part, body).await?;
    Ok(Json(Received { size }))
}

#[derive(Deserialize)]
struct Done {
    lease: String,
}

async fn complete(State(app): State<Arc<App>>, _key: ApiKey, id: Id, body: Body) -> Result<Json<Map<String, Value>>, Problem> {
    let id = job_id(id)?;
    let Done { lease } = read(body).await?;
    app.jobs.completed(id, &lease).await?;
    Ok(Json(Map::new()))
}

#[derive(Deserialize)]
struct GaveUp {
    lease: String,
    reason: String,
    code: Option<Code>,
    #[serde(default)]
    retry: bool,
}

async fn fail(State(app): State<Arc<App>>, _key: ApiKey, id: Id, body: Body) -> Result<Json<Map<String, Value>>, Problem> {
    let id = job_id(id)?;
    let GaveUp { lease, reason, code, retry } = read(body).await?;
    let failure = Failure { retryable: retry, ..Failure::new(code.unwrap_or(Code::ProcessingFailed), reason) };
    app.jobs.failed(id, &lease, failure).await?;
    Ok(Json(Map::new()))
}

async fn read<T: DeserializeOwned>(body: Body) -> Result<T, Failure> {
    let body = body::read(body, MAX_BODY, "only parts are large, and go to /api/jobs/{id}/parts/{name}").await?;
    serde_json::from_slice(&body).map_err(|error| Failure::new(Code::BadParams, format!("the body cannot be read: {error}")))
}

fn job_id(id: Id) -> Result<JobId, Failure> {
    id.map(|Path(id)| id).unwrap_or_default().parse().map_err(|_| no_job())
}

fn no_job() -> Failure {
    Failure::new(Code::JobNotFound, "this is not a job's id; it is in the answer to POST /api/jobs/claim")
}

fn lease(headers: &HeaderMap) -> Result<&str, Failure> {
    let told = "send the job's lease in the header Samewire-Lease";
    headers.get(LEASE).and_then(|lease| lease.to_str().ok()).ok_or_else(|| Failure::new(Code::BadRequest, told))
}
