//! Socket.IO in Rust, as its documentation sets it up on axum: one room, and one who publishes to it.

use axum::Router;
use socketioxide::SocketIo;
use socketioxide::extract::{Data, SocketRef};

pub(super) fn router() -> Router {
    let (layer, io) = SocketIo::new_layer();
    io.ns("/", async |socket: SocketRef| {
        socket.on("join", async |socket: SocketRef| {
            socket.join("room");
            drop(socket.emit("joined", &()));
        });
        socket.on("publish", async |socket: SocketRef, Data(text): Data<String>| {
            drop(socket.to("room").emit("event", &text).await);
        });
    });
    Router::new().layer(layer)
}
