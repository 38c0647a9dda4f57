//! Bodies of requests: bounded, and refused so that the sender hears why.

use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use samewire_protocol::{Code, Failure};

/// How much of a body that is too big is taken in, and for how long, so that its sender hears why it is refused.
const REFUSED: usize = 32 * 1024 * 1024;
const REFUSING: Duration = Duration::from_secs(10);

/// Reads a body of at most `most` bytes; `advice` tells the sender of a larger one what to do.
pub(crate) async fn read(mut body: Body, most: usize, advice: &str) -> Result<Bytes, Failure> {
    match Limited::new(&mut body, most).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            refuse(body).await;
            Err(Failure::new(Code::TooBig, format!("the body may take at most {most} bytes; {advice}")))
        }
        Err(_) => Err(Failure::new(Code::BadRequest, "the request's body broke off")),
    }
}

/// Takes in some of a body that is of no use. A client that is still sending when its connection is closed would see that and not the
/// answer.
pub(crate) async fn refuse(body: Body) {
    drop(tokio::time::timeout(REFUSING, swallow(Limited::new(body, REFUSED))).await);
}

async fn swallow(mut body: Limited<Body>) {
    while let Some(Ok(_)) = body.frame().await {}
}
