//! Files over HTTP: what is known of them, their content by ranges, and new ones out of requests' bodies.

mod body;
mod conditions;
mod content;
mod disposition;
mod form;
mod multipart;
mod range;
mod records;
mod store;

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{DefaultBodyLimit, FromRequestParts, Path};
use axum::http::request::Parts;
use axum::routing::{any, get};
use samewire_protocol::{Code, Failure, FileId};
use tower::util::MapRequestLayer;

use crate::app::App;
use crate::http::{Problem, cors};
use crate::uploads::{Door, draft, mark_discovery};

pub(in crate::files) use disposition::escaped;
pub(crate) use store::stored;

/// The routes below `/api/files` and `/api/uploads`.
pub(crate) fn router(app: &Arc<App>) -> Router {
    Router::new()
        .route("/api/files", get(records::list).post(store::store).options(records::options))
        .route("/api/files/{id}", get(records::read).delete(records::remove))
        .route("/api/files/{id}/content", get(content::file))
        .route("/api/files/{id}/parts/{part}", get(content::part))
        .route("/api/uploads/{id}", any(draft::serve))
        .method_not_allowed_fallback(async || Problem::wrong_method())
        // What a body may have is said by what the sender may keep.
        .layer(DefaultBodyLimit::disable())
        .with_state(Door::new(app))
        .layer(cors(app))
        .layer(MapRequestLayer::new(mark_discovery))
}

/// The file, and its part, that an address names. What cannot name one is like the name of one that is not there.
struct At {
    file: Option<FileId>,
    part: Option<String>,
}

impl FromRequestParts<Door> for At {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, door: &Door) -> Result<Self, Problem> {
        let path: Result<Path<Vec<String>>, PathRejection> = Path::from_request_parts(parts, door).await;
        let mut parts = path.map(|Path(parts)| parts).unwrap_or_default().into_iter();
        Ok(Self { file: parts.next().and_then(|id| id.parse().ok()), part: parts.next() })
    }
}

impl At {
    fn file(&self) -> Result<FileId, Failure> {
        self.file.ok_or_else(|| Failure::new(Code::FileNotFound, "this is not the address of a file of yours"))
    }
}
