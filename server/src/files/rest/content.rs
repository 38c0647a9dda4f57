//! `/api/files/{id}/content` and `/api/files/{id}/parts/{name}`: the bytes.

use std::ops::Range;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use samewire_protocol::{Code, Failure, FileId};

use super::At;
use super::body::body;
use super::conditions::{Outcome, Version};
use super::disposition::{disposition, shown};
use super::range::{Wanted, wanted};
use crate::auth::Owner;
use crate::files::link::{self, Claim};
use crate::http::{Problem, origin};
use crate::store::{Content, StoreError, now_ms};
use crate::streams::no_file;
use crate::uploads::Door;

/// Nothing that is opened as a page of its own may run anything or load anything else.
const POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; img-src 'self'; media-src 'self'; sandbox");
/// Content is its reader's alone, and asked for again each time: its rights may have ended. The tag makes that cheap.
const CACHE: HeaderValue = HeaderValue::from_static("private, no-cache");

/// The method whose grant reading content asks for.
const METHOD: &str = "files/open";

pub(super) async fn file(
    State(door): State<Door>,
    at: At,
    query: RawQuery,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    answer(&door, &at, query, &method, &headers).await.map_err(Problem::from)
}

pub(super) async fn part(
    State(door): State<Door>,
    at: At,
    query: RawQuery,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    answer(&door, &at, query, &method, &headers).await.map_err(Problem::from)
}

async fn answer(
    door: &Door,
    at: &At,
    RawQuery(query): RawQuery,
    method: &Method,
    asked: &HeaderMap,
) -> Result<Response, Failure> {
    let query = Asked::read(query.as_deref().unwrap_or_default());
    let part = at.part.as_deref();
    let (owner, id) = match query.claim {
        Some(claim) => linked(door, claim, at, asked).await?,
        None => {
            let caller = door.who(asked).await?;
            caller.access().grants.check_method(METHOD)?;
            (caller.owner().clone(), at.file()?)
        }
    };
    let content = door.app.streams.store().content(&owner, id, part).await?;
    let content = content.ok_or_else(|| no_file(id, part))?;
    respond(&content, part, query.download, method, asked).await
}

/// What the query says.
struct Asked<'a> {
    claim: Option<Claim<'a>>,
    download: bool,
}

impl<'a> Asked<'a> {
    fn read(query: &'a str) -> Self {
        let (mut claim, mut download, mut signed) = (Claim::default(), false, false);
        for pair in query.split('&') {
            match pair.split_once('=').unwrap_or((pair, "")) {
                ("expires", value) => claim.expires = value.parse().ok(),
                ("signature", value) => (claim.signature, signed) = (value, true),
                ("download", _) => download = true,
                _ => {}
            }
        }
        Self { claim: signed.then_some(claim), download }
    }
}

/// The owner who signed the address. All that is wrong with one is told in the same words, so that nobody learns which files there are.
async fn linked(door: &Door, claim: Claim<'_>, at: &At, asked: &HeaderMap) -> Result<(Owner, FileId), Failure> {
    origin::allowed(&door.app.config, asked)?;
    let id = at.file.ok_or_else(link::refused)?;
    let owner = door.app.streams.store().records().file_owner(id).done().await?.ok_or_else(link::refused)?;
    let made = door.app.file_links.made(claim, &owner, id, at.part.as_deref(), now_ms()).ok_or_else(link::refused)?;
    door.app.guard.check(&link::access(&owner, made), None).map_err(|_| link::refused())?;
    Ok((owner, id))
}

async fn respond(
    content: &Content,
    part: Option<&str>,
    download: bool,
    method: &Method,
    asked: &HeaderMap,
) -> Result<Response, Failure> {
    let version = Version::new(&content.digest.to_string().replace(':', "-"), content.file.created);
    let mut headers = HeaderMap::new();
    version.describe(&mut headers);
    headers.insert(header::CACHE_CONTROL, CACHE);
    match version.evaluate(asked) {
        Outcome::Met => {}
        Outcome::NotModified => return Ok((StatusCode::NOT_MODIFIED, headers).into_response()),
        Outcome::Failed => {
            let told = "the content is not the one that the request's condition names; read it without the condition";
            return Err(Failure::new(Code::PreconditionFailed, told));
        }
    }
    let shown = shown(content.media.as_deref());
    let name = match part {
        Some(part) => part_name(&content.file.name, part, shown.media),
        None => content.name.clone(),
    };
    let media = HeaderValue::from_str(shown.media).unwrap_or(HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CONTENT_TYPE, media);
    headers.insert(header::CONTENT_DISPOSITION, disposition(&name, shown.inline && !download));
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));

    // Only GET knows ranges (RFC 9110, section 14.2).
    let range = asked.get(header::RANGE).filter(|_| *method == Method::GET && version.continues(asked));
    let range = range.and_then(|range| range.to_str().ok()).map_or(Wanted::All, |range| wanted(range, content.size));
    let (status, range) = match range {
        Wanted::All => (StatusCode::OK, 0..content.size),
        Wanted::Some(range) => {
            let told = format!("bytes {}-{}/{}", range.start, range.end - 1, content.size);
            insert(&mut headers, header::CONTENT_RANGE, &told);
            (StatusCode::PARTIAL_CONTENT, range)
        }
        Wanted::Nothing => return Ok(unsatisfiable(content.size)),
    };
    insert(&mut headers, header::CONTENT_LENGTH, &(range.end - range.start).to_string());
    let body = if *method == Method::HEAD { Body::empty() } else { open(content, range).await? };
    Ok((status, headers, body).into_response())
}

async fn open(content: &Content, range: Range<u64>) -> Result<Body, Failure> {
    let opening = content.clone();
    let file = tokio::task::spawn_blocking(move || opening.open()).await.map_err(|_| StoreError::Closed)?;
    match file {
        Ok(file) => Ok(body(file, range)),
        // Removed between the two looks at it.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(no_file(content.file.id, None)),
        Err(error) => Err(StoreError::Io(error).into()),
    }
}

fn unsatisfiable(size: u64) -> Response {
    let told = format!("the content has {size} bytes, and none of those that were asked for");
    let mut response = Problem::new(&Failure::new(Code::RangeNotSatisfiable, told)).into_response();
    insert(response.headers_mut(), header::CONTENT_RANGE, &format!("bytes */{size}"));
    response
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// `clip.mov` and its part `poster` are saved as `clip-poster.jpg`.
fn part_name(file: &str, part: &str, media: &str) -> String {
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let stem = if stem.is_empty() { file } else { stem };
    let ending = match media {
        "video/mp4" => ".mp4",
        "video/webm" => ".webm",
        "image/jpeg" => ".jpg",
        "image/png" => ".png",
        "image/webp" => ".webp",
        "text/plain" => ".txt",
        _ => "",
    };
    format!("{stem}-{part}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_saved_under_names_of_their_own() {
        for (file, media, name) in [
            ("clip.mov", "image/jpeg", "clip-poster.jpg"),
            ("clip", "video/mp4", "clip-poster.mp4"),
            (".profile", "image/png", ".profile-poster.png"),
            ("a.b.c", "application/json", "a.b-poster"),
        ] {
            assert_eq!(part_name(file, "poster", media), name);
        }
    }

    #[test]
    fn a_query_is_read_as_far_as_it_is_known() {
        let asked = Asked::read("expires=5&x=1&signature=a.b&download");
        assert_eq!(asked.claim, Some(Claim { expires: Some(5), signature: "a.b" }));
        assert!(asked.download && Asked::read("download=1").download);
        assert_eq!(Asked::read("expires=5").claim, None);
        assert_eq!(Asked::read("expires=x&signature=").claim, Some(Claim { expires: None, signature: "" }));
    }
}
