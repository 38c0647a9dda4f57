//! The body of a form, watched: the library that takes forms apart reads on for as long as it finds no end of a part's head, and holds
//! all of it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream::poll_fn;
use hyper::body::Body as _;
use parking_lot::Mutex;

/// How much may be read of a form without anything of it being found, in bytes. More than comes at a time.
const MOST_AHEAD: usize = 1024 * 1024;

/// A form's body. Cheap to clone: what is left of a body that one reader has given up is another's.
#[derive(Clone)]
pub(super) struct Form {
    body: Arc<Mutex<Body>>,
    ahead: Arc<AtomicUsize>,
}

impl Form {
    pub(super) fn new(body: Body) -> Self {
        Self { body: Arc::new(Mutex::new(body)), ahead: Arc::default() }
    }

    /// Something of the form was found.
    pub(super) fn found(&self) {
        self.ahead.store(0, Ordering::Relaxed);
    }

    /// The body, or the rest of it, which ends with an error where too much comes and nothing of it is found.
    pub(super) fn watched(&self) -> Body {
        let form = self.clone();
        Body::from_stream(poll_fn(move |context| {
            if form.ahead.load(Ordering::Relaxed) > MOST_AHEAD {
                let told = format!("{MOST_AHEAD} bytes came without the end of a part's head");
                return Poll::Ready(Some(Err(io::Error::other(told))));
            }
            form.poll(context)
        }))
    }

    /// What is left, for somebody who wants none of it.
    pub(super) fn rest(self) -> Body {
        Body::from_stream(poll_fn(move |context| self.poll(context)))
    }

    fn poll(&self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let mut body = self.body.lock();
        loop {
            let frame = ready!(Pin::new(&mut *body).poll_frame(context));
            match frame.map(|frame| frame.map(hyper::body::Frame::into_data)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(io::Error::other(error)))),
                Some(Ok(Ok(bytes))) => {
                    self.ahead.fetch_add(bytes.len(), Ordering::Relaxed);
                    return Poll::Ready(Some(Ok(bytes)));
                }
                // Trailers, which no form has.
                Some(Ok(Err(_))) => {}
            }
        }
    }
}
