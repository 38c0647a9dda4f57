//! What the door answers: the headers that every answer has, and the protocol's own statuses for what went wrong.

use std::time::{Duration, UNIX_EPOCH};

use axum::http::header::{self, HeaderName};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use hyper::ext::ReasonPhrase;
use samewire_protocol::{Code, Failure, FileId};

use super::checksum::ALGORITHMS;
use super::{EXPIRES, EXTENSIONS, OFFSET, RESUMABLE, VERSION};
use crate::http::Problem;
use crate::uploads::FILE_HEADER;

const TUS_VERSION: HeaderName = HeaderName::from_static("tus-version");
const MAX_SIZE: HeaderName = HeaderName::from_static("tus-max-size");
const EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
const CHECKSUM_ALGORITHM: HeaderName = HeaderName::from_static("tus-checksum-algorithm");

/// A request that is not answered as it was meant: a problem document under the protocol's status.
#[derive(Debug)]
pub(super) struct Refusal(Box<Refused>);

#[derive(Debug)]
struct Refused {
    failure: Failure,
    status: StatusCode,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Refusal {
    /// With another status than that of its code at this door.
    pub(super) fn with(status: StatusCode, failure: Failure) -> Self {
        Self(Box::new(Refused { failure, status, header: None }))
    }

    /// The client speaks another version, or does not say which.
    pub(super) fn version() -> Self {
        let told = "the header Tus-Resumable must be 1.0.0, the version of the protocol that is spoken here";
        let failure = Failure::new(Code::WrongProtocol, told);
        Self::with(StatusCode::PRECONDITION_FAILED, failure).and((TUS_VERSION, VERSION))
    }

    /// The address takes requests of other methods.
    pub(super) fn method(allowed: &'static str) -> Self {
        let told = format!("this address takes requests of the methods {allowed}");
        let failure = Failure::new(Code::BadRequest, told);
        Self::with(StatusCode::METHOD_NOT_ALLOWED, failure).and((header::ALLOW, HeaderValue::from_static(allowed)))
    }

    fn and(mut self, header: (HeaderName, HeaderValue)) -> Self {
        self.0.header = Some(header);
        self
    }

    /// Whether the client is worth waiting for that is still sending. One that was superseded or is silent is not.
    pub(super) fn lets_sender_end(&self) -> bool {
        !matches!(self.0.failure.code, Code::Superseded | Code::HeartbeatTimeout | Code::Restart | Code::Canceled)
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        let status = match failure.code {
            // 460 is the protocol's own.
            Code::ChecksumMismatch => StatusCode::from_u16(460).unwrap_or(StatusCode::BAD_REQUEST),
            Code::SizeMismatch => StatusCode::PAYLOAD_TOO_LARGE,
            // Clients try again after 409 and 423, and two that hold each other's upload would do so for ever.
            Code::Superseded => StatusCode::FORBIDDEN,
            Code::Canceled => StatusCode::GONE,
            _ => StatusCode::from_u16(failure.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        };
        Self::with(status, failure)
    }
}

impl From<Refusal> for Response {
    fn from(Refusal(refused): Refusal) -> Self {
        let mut response = Problem::with_status(&refused.failure, refused.status).into_response();
        response.headers_mut().extend(refused.header);
        if refused.failure.code == Code::ChecksumMismatch {
            response.extensions_mut().insert(ReasonPhrase::from_static(b"Checksum Mismatch"));
        }
        response
    }
}

/// What every answer has.
pub(super) fn finish(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(RESUMABLE, VERSION);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What there is of the protocol.
pub(super) fn options(max_size: u64) -> Response {
    let told = [
        (TUS_VERSION, VERSION),
        (EXTENSION, EXTENSIONS),
        (CHECKSUM_ALGORITHM, HeaderValue::from_static(ALGORITHMS)),
        (MAX_SIZE, max_size.into()),
    ];
    finish((StatusCode::NO_CONTENT, told).into_response())
}

/// How far an upload is, as headers.
pub(super) struct Standing {
    pub(super) offset: u64,
    /// When it expires, in milliseconds since 1970-01-01 UTC; a file does not.
    pub(super) expires: Option<u64>,
    pub(super) file: Option<FileId>,
}

impl Standing {
    pub(super) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(OFFSET, self.offset.into());
        if let Some(expires) = self.expires {
            let at = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(expires));
            headers.extend(HeaderValue::from_str(&at).ok().map(|at| (EXPIRES, at)));
        }
        headers.extend(self.file.and_then(|file| Some((FILE_HEADER, HeaderValue::from_str(&file.to_string()).ok()?))));
        headers
    }
}
