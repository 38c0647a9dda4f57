//! What `OPTIONS` is for: a page's question about what it may send, or anybody's about what there is.

use axum::extract::Request;
use axum::http::{Method, header};

/// The request asks what there is at its address, though it looks like a `GET`: the layer for pages takes every `OPTIONS` for theirs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Discovery;

/// Turns such an `OPTIONS` into a `GET` with a [`Discovery`]. Goes outside of the layer for pages.
pub(crate) fn mark_discovery(mut request: Request) -> Request {
    let asked = request.method() == Method::OPTIONS;
    if asked && !request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
        *request.method_mut() = Method::GET;
        request.extensions_mut().insert(Discovery);
    }
    request
}
