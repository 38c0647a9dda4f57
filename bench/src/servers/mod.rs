//! The servers in Rust that samewire is measured beside; each runs in a process of its own.

mod echo;
mod fan_out;
mod socketioxide;

use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;

use crate::Outcome;

/// Serves until it is killed; prints its address.
#[tokio::main]
pub(crate) async fn serve(name: &str) -> Outcome {
    let router = match name {
        "echo" => echo::router(),
        "fan-out" => fan_out::router(),
        "socketioxide" => socketioxide::router(),
        other => return Err(format!("there is no server `{other}`").into()),
    };
    listen(router).await
}

async fn listen(router: Router) -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    let listener = listener.tap_io(|socket| drop(socket.set_nodelay(true)));
    axum::serve(listener, router).await?;
    Ok(())
}
