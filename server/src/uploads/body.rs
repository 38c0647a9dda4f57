//! From a request's body to the disk, at the disk's pace.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use http_body_util::BodyExt;
use samewire_protocol::{Code, Failure};
use tokio::time::{Instant, sleep};

use crate::app::App;
use crate::streams::Upload;

pub(super) async fn write(
    app: &Arc<App>,
    upload: &mut Upload,
    body: &mut Body,
    mut seen: impl FnMut(&Bytes),
) -> Result<Option<HeaderMap>, Failure> {
    let stall = app.config.uploads.stall;
    let mut draining = app.draining.subscribe();
    let mut draining = pin!(async { drop(draining.wait_for(|draining| *draining).await) });
    // One timer for the whole body: it is set again only when it runs out, not with each piece.
    let mut silence = pin!(sleep(stall));
    let mut heard = Instant::now();
    let mut trailers = None;
    loop {
        let frame = tokio::select! {
            biased;
            failure = upload.lost() => return Err(failure),
            () = &mut draining => return Err(App::restarting()),
            frame = body.frame() => frame,
            () = &mut silence => {
                if heard.elapsed() >= stall {
                    return Err(silent(stall));
                }
                silence.as_mut().reset(heard + stall);
                continue;
            }
        };
        match frame {
            None => return Ok(trailers),
            Some(Err(_)) => {
                return Err(Failure::new(Code::BadRequest, "the request's body broke off; ask how far the upload is"));
            }
            Some(Ok(frame)) => match frame.into_data() {
                Ok(bytes) => {
                    seen(&bytes);
                    upload.write(bytes).await?;
                    heard = Instant::now();
                }
                Err(frame) => trailers = frame.into_trailers().ok(),
            },
        }
    }
}

fn silent(stall: Duration) -> Failure {
    let told = format!("nothing of the request's body came for {stall:?}; ask how far the upload is, and send the rest");
    Failure::new(Code::HeartbeatTimeout, told)
}
