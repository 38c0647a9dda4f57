//! What the door answers.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use samewire_protocol::files::FileRecord;
use samewire_protocol::{Code, Failure, StreamId};

use super::digests::Computed;
use super::{COMPLETE, LIMIT, NO, OFFSET, PLACE, YES};
use crate::http::Problem;
use crate::store::now_ms;

const MISMATCH: &str = "https://iana.org/assignments/http-problem-types#mismatching-upload-offset";
const INCONSISTENT: &str = "https://iana.org/assignments/http-problem-types#inconsistent-upload-length";

/// A request that is not answered as it was meant: a problem document, with the type that the draft gives it where it does.
#[derive(Debug)]
pub(crate) struct Refusal(Box<Refused>);

#[derive(Debug)]
struct Refused {
    failure: Failure,
    status: StatusCode,
    kind: Option<&'static str>,
    /// Where the upload is, and where the client thought that it is.
    offsets: Option<(u64, u64)>,
    limits: Option<HeaderValue>,
}

impl Refusal {
    fn with(status: StatusCode, failure: Failure) -> Self {
        Self(Box::new(Refused { failure, status, kind: None, offsets: None, limits: None }))
    }

    /// Bytes that do not follow those before.
    pub(super) fn offset(expected: u64, provided: u64) -> Self {
        let told =
            format!("the next byte of the upload is number {expected}, and those from {provided} came; ask how far it is");
        let mut refusal = Self::with(StatusCode::CONFLICT, Failure::new(Code::BadOffset, told));
        refusal.0.kind = Some(MISMATCH);
        refusal.0.offsets = Some((expected, provided));
        refusal
    }

    /// Two lengths of one upload.
    pub(super) fn length(told: impl Into<String>) -> Self {
        let mut refusal = Self::with(StatusCode::BAD_REQUEST, Failure::new(Code::SizeMismatch, told));
        refusal.0.kind = Some(INCONSISTENT);
        refusal
    }

    pub(super) fn code(&self) -> &Code {
        &self.0.failure.code
    }

    /// Tells the limits too, where the request went beyond them.
    pub(super) fn limited(mut self, limits: impl FnOnce() -> HeaderValue) -> Self {
        if self.0.status == StatusCode::PAYLOAD_TOO_LARGE {
            self.0.limits = Some(limits());
        }
        self
    }

    /// Whether the client is worth waiting for that is still sending. One that was superseded or is silent is not.
    pub(super) fn lets_sender_end(&self) -> bool {
        !self.ends_connection()
    }

    fn ends_connection(&self) -> bool {
        matches!(self.0.failure.code, Code::Superseded | Code::HeartbeatTimeout | Code::Restart | Code::Canceled)
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        match failure.code {
            Code::SizeMismatch => Self::length(failure.message),
            // What was sent is wrong, not what is there.
            Code::DigestMismatch => Self::with(StatusCode::BAD_REQUEST, failure),
            Code::Canceled => Self::with(StatusCode::GONE, failure),
            _ => {
                let status = StatusCode::from_u16(failure.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                Self::with(status, failure)
            }
        }
    }
}

impl From<Refusal> for Response {
    fn from(refusal: Refusal) -> Self {
        let ends = refusal.ends_connection();
        let Refused { failure, status, kind, offsets, limits } = *refusal.0;
        let members = offsets.map(|(expected, provided)| [("expected-offset", expected), ("provided-offset", provided)]);
        let members = members.as_ref().map_or(&[][..], |members| members);
        let problem = match kind {
            Some(kind) => Problem::of_type(kind, &failure, status, members),
            None => Problem::with_status(&failure, status),
        };
        let mut response = problem.into_response();
        let headers = response.headers_mut();
        headers.insert(COMPLETE, NO);
        headers.extend(offsets.map(|(expected, _)| (OFFSET, expected.into())));
        headers.extend(limits.map(|limits| (LIMIT, limits)));
        if ends {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// The header `Upload-Limit`; `expires` is when the upload is given up, in milliseconds since 1970-01-01 UTC.
pub(super) fn limits(max_size: u64, expires: Option<u64>) -> HeaderValue {
    let mut limits = format!("max-size={}", max_size.min(999_999_999_999_999));
    if let Some(expires) = expires {
        limits.push_str(&format!(", max-age={}", expires.saturating_sub(now_ms()) / 1_000));
    }
    HeaderValue::try_from(limits).unwrap_or_else(|_| HeaderValue::from_static("min-size=0"))
}

/// Where an upload is.
pub(super) fn location(id: StreamId) -> Result<HeaderValue, Failure> {
    HeaderValue::try_from(format!("{PLACE}{id}")).map_err(|_| Failure::new(Code::Internal, "the address cannot be told"))
}

/// The answer of an upload that is not complete yet.
pub(super) fn incomplete(status: StatusCode, offset: u64, limits: HeaderValue) -> Response {
    (status, [(COMPLETE, NO), (OFFSET, offset.into()), (LIMIT, limits)]).into_response()
}

/// The answer to the request that completes an upload, and to each that asks for it again.
pub(super) fn complete(file: FileRecord, digest: Option<Computed>) -> Response {
    let mut response = crate::files::rest::stored(file);
    let headers = response.headers_mut();
    headers.insert(COMPLETE, YES);
    headers.extend(digest.and_then(|digest| digest.header()));
    response
}

const METHODS: HeaderValue = HeaderValue::from_static("HEAD, GET, PATCH, DELETE, OPTIONS");

pub(super) fn allowed(status: StatusCode) -> Response {
    let partial = HeaderValue::from_static(super::append::PARTIAL);
    (status, [(header::ALLOW, METHODS), (HeaderName::from_static("accept-patch"), partial)]).into_response()
}

pub(super) fn wrong_method() -> Response {
    let mut response = Problem::wrong_method().into_response();
    response.headers_mut().insert(header::ALLOW, METHODS);
    response
}
