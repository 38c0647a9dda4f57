//! `104 (Upload Resumption Supported)`: where an upload is, and how far, while the request is still being sent.

use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};

use super::{INTEROP, INTEROP_VERSION, LIMIT, OFFSET, fields};
use crate::interim::Announcer;
use crate::streams::Incoming;

const REASON: &str = "Upload Resumption Supported";
/// How often a client hears how far its upload is.
const PACE: Duration = Duration::from_millis(500);

/// Tells the client of a request, where it speaks this version of the draft and its connection can carry interim responses.
#[derive(Debug)]
pub(crate) struct Told {
    announcer: Option<Announcer>,
    at: Instant,
    offset: u64,
}

impl Told {
    pub(crate) fn of(request: &Request) -> Self {
        let speaks = fields::integer(request.headers(), &INTEROP) == Some(INTEROP_VERSION);
        let announcer = speaks.then(|| Announcer::of(request.extensions(), request.version())).flatten();
        Self { announcer, at: Instant::now(), offset: 0 }
    }

    /// Where the upload is. Says whether the client can have heard it.
    pub(super) fn place(&self, location: &HeaderValue, limits: HeaderValue) -> bool {
        let Some(announcer) = &self.announcer else { return false };
        let mut headers = head();
        headers.insert(header::LOCATION, location.clone());
        headers.insert(LIMIT, limits);
        announcer.announce(status(), REASON, &headers);
        true
    }

    /// How far it is: what is told is durable. Only now and then.
    pub(super) fn progress(&mut self, upload: &Incoming) {
        let Some(announcer) = &self.announcer else { return };
        if self.at.elapsed() < PACE {
            return;
        }
        self.at = Instant::now();
        let durable = upload.progress().durable;
        if durable > std::mem::replace(&mut self.offset, durable) {
            let mut headers = head();
            headers.insert(OFFSET, durable.into());
            announcer.update(status(), REASON, &headers);
        }
    }
}

fn head() -> HeaderMap {
    HeaderMap::from_iter([(INTEROP, INTEROP_VERSION.into())])
}

fn status() -> StatusCode {
    StatusCode::from_u16(104).unwrap_or(StatusCode::CONTINUE)
}
