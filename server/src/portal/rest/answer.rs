//! What every request has, and what every answer looks like.

use std::str::FromStr;

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use samewire_protocol::{Code, Failure};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::Rest;
use crate::http::{Problem, body};
use crate::portal::MAX_VIEW;

/// How a handler answers.
pub(super) type Answer = Result<Response, Problem>;

/// The user who asks. Nobody else gets an answer: a library belongs to users.
pub(super) struct User(pub(super) String);

impl FromRequestParts<Rest> for User {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, rest: &Rest) -> Result<Self, Problem> {
        let access = rest.gate.access(&parts.headers).await?;
        if access.identity.is_anonymous() {
            return Err(Failure::new(Code::Unauthenticated, "only users have libraries and portal views: send a token").into());
        }
        Ok(Self(access.identity.id().to_owned()))
    }
}

/// A JSON body, as far as one is taken.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Rest> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &Rest) -> Result<Self, Problem> {
        let body = body::read(request.into_body(), MAX_VIEW, "no portal view is larger").await?;
        // No body is an object without fields.
        let body = if body.is_empty() { b"{}" } else { &*body };
        // Read as an object first: a list of values in the right order is not what is asked for.
        let read = serde_json::from_slice::<Map<String, Value>>(body);
        Ok(Self(
            read.and_then(|object| T::deserialize(Value::Object(object)))
                .map_err(|error| Failure::new(Code::BadParams, format!("the body is not what is asked for: {error}")))?,
        ))
    }
}

/// The part of the address that says which thing is meant. What cannot name one is like the name of one that is not there.
pub(super) fn named<T: FromStr>(part: Option<&String>, nothing: fn() -> Failure) -> Result<T, Failure> {
    part.and_then(|part| part.parse().ok()).ok_or_else(nothing)
}

/// The parts of the address that stand for something, in their order; none of what cannot be read as text.
pub(super) struct At(pub(super) Vec<String>);

impl FromRequestParts<Rest> for At {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, rest: &Rest) -> Result<Self, Problem> {
        let path: Result<Path<Vec<String>>, PathRejection> = Path::from_request_parts(parts, rest).await;
        Ok(Self(path.map(|Path(parts)| parts).unwrap_or_default()))
    }
}

/// The versions that `If-Match` allows (RFC 9110, section 13.1.1); `None` where any will do.
pub(super) struct IfMatch(pub(super) Option<Vec<u64>>);

impl FromRequestParts<Rest> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Rest) -> Result<Self, Problem> {
        Ok(Self(versions(&parts.headers)))
    }
}

fn versions(headers: &HeaderMap) -> Option<Vec<u64>> {
    let mut lines = headers.get_all(header::IF_MATCH).iter().peekable();
    lines.peek()?;
    let mut versions = Vec::new();
    for tag in lines.flat_map(|line| line.to_str().unwrap_or_default().split(',')).map(str::trim) {
        if tag == "*" {
            return None;
        }
        // A tag that is not one of ours matches nothing.
        let version = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
        versions.extend(version.and_then(|version| version.parse::<u64>().ok()));
    }
    Some(versions)
}

/// An answer as JSON, that nobody keeps.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    let text = serde_json::to_string(body).unwrap_or_default();
    let json = HeaderValue::from_static("application/json");
    (status, [(header::CONTENT_TYPE, json), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], text)
        .into_response()
}

/// The same for something that was just made at this address.
pub(super) fn created(address: String, body: &impl Serialize) -> Response {
    let mut response = json(StatusCode::CREATED, body);
    if let Ok(address) = address.try_into() {
        response.headers_mut().insert(header::LOCATION, address);
    }
    response
}

/// An answer with the version of what it tells of.
pub(super) fn versioned(mut response: Response, version: u64) -> Response {
    if let Ok(tag) = format!("\"{version}\"").try_into() {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_versions_of_if_match() {
        let read = |lines: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::IF_MATCH, HeaderValue::from_static(line));
            }
            versions(&headers)
        };
        assert_eq!(read(&[]), None);
        assert_eq!(read(&["*"]), None);
        assert_eq!(read(&["\"7\""]), Some(vec![7]));
        assert_eq!(read(&["\"7\", \"8\"", "\"9\""]), Some(vec![7, 8, 9]));
        for odd in ["", "7", "W/\"7\"", "\"seven\"", "\"7", "\"-7\""] {
            assert_eq!(read(&[odd]), Some(vec![]), "{odd}");
        }
    }
}
