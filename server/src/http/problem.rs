//! Errors over HTTP: problem documents (RFC 9457).

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use samewire_protocol::{Code, Failure};
use serde::Serialize;
use serde_json::value::RawValue;

/// A failure as the answer to a request: a problem document (RFC 9457) with the status of its code. Handlers of an embedding
/// program return it as their error.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    body: String,
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a Code,
    retryable: bool,
    ran: samewire_protocol::Ran,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a RawValue>,
    #[serde(flatten)]
    members: serde_json::Map<String, serde_json::Value>,
}

impl Problem {
    /// The document of a failure.
    #[must_use]
    pub fn new(failure: &Failure) -> Self {
        let status = StatusCode::from_u16(failure.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self::with_status(failure, status)
    }

    /// The address wants another protocol (RFC 9110, section 15.5.22).
    pub(crate) fn upgrade(failure: &Failure) -> Self {
        Self::with_status(failure, StatusCode::UPGRADE_REQUIRED)
    }

    /// There is nothing at this address.
    pub(crate) fn nowhere() -> Self {
        let message = "there is nothing at this address: calls go to POST /rpc/METHOD, sessions to /session";
        Self::with_status(&Failure::new(Code::BadRequest, message), StatusCode::NOT_FOUND)
    }

    /// The address takes requests of another HTTP method.
    pub(crate) fn wrong_method() -> Self {
        let message = "this address does not take requests of this HTTP method; the header Allow says which it takes";
        Self::with_status(&Failure::new(Code::BadRequest, message), StatusCode::METHOD_NOT_ALLOWED)
    }

    /// The document of a failure, with another status than that of its code.
    pub(crate) fn with_status(failure: &Failure, status: StatusCode) -> Self {
        Self::of_type(format!("/problems/{}", failure.code), failure, status, &[])
    }

    /// The document of a failure whose type, with members of its own, is one of another specification.
    pub(crate) fn of_type(
        kind: impl Into<String>,
        failure: &Failure,
        status: StatusCode,
        members: &[(&'static str, u64)],
    ) -> Self {
        let document = Document {
            kind: kind.into(),
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: &failure.message,
            code: &failure.code,
            retryable: failure.retryable,
            ran: failure.ran,
            data: failure.data.as_deref(),
            members: members.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect(),
        };
        Self { status, body: serde_json::to_string(&document).unwrap_or_default() }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Self::new(&failure)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let kind = HeaderValue::from_static("application/problem+json");
        let mut response = (self.status, [(header::CONTENT_TYPE, kind)], self.body).into_response();
        let headers = response.headers_mut();
        if self.status == StatusCode::UPGRADE_REQUIRED {
            headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
