//! Socket.IO in Rust, as its documentation sets it up on axum: one room for all, and one of them publishes to the others.

use axum::Router;
use socketioxide::SocketIo;
use socketioxide::extract::{Data, SocketRef};

pub(super) fn router() -> Router {
    // It drops what a reader has no room for; on a busy machine the default of 128 packets is not enough for everybody to get all.
    let (layer, io) = SocketIo::builder().max_buffer_size(4096).build_layer();
    io.ns("/", async |socket: SocketRef| {
        socket.on("publish", async |socket: SocketRef, Data(text): Data<String>| {
            drop(socket.to("room").emit("event", &text).await);
        });
        socket.join("room");
        drop(socket.emit("joined", &()));
    });
    Router::new().layer(layer)
}
