//! A WebSocket that somebody who polls wants to go on over. Long polling goes on until it is known to work: it is there for
//! networks that let no WebSocket pass, or only its handshake.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::engine::{PROBE, PROBED, UPGRADE};
use super::requests::Trial;
use crate::websocket::{Socket, hang_up};

/// Tries it. Whatever comes of it, only the WebSocket ends.
pub(super) async fn run(trial: Trial, mut socket: Socket, patience: Duration) {
    let works = tokio::select! {
        works = tokio::time::timeout(patience, ask(&trial, &mut socket)) => works.ok().flatten().is_some(),
        () = trial.gate().gone() => false,
    };
    if works {
        trial.take_over(socket);
        return;
    }
    drop(trial);
    let reason = "this WebSocket is not gone on over; long polling goes on".into();
    hang_up(&mut socket, CloseFrame { code: CloseCode::Normal, reason }).await;
}

async fn ask(trial: &Trial, socket: &mut Socket) -> Option<()> {
    hear(socket, PROBE).await?;
    socket.send(Message::text(PROBED)).await.ok()?;
    trial.works();
    hear(socket, UPGRADE).await
}

/// Whether this is what comes next.
async fn hear(socket: &mut Socket, wanted: &str) -> Option<()> {
    loop {
        match socket.next().await?.ok()? {
            Message::Text(text) => return (text.as_str() == wanted).then_some(()),
            Message::Ping(_) | Message::Pong(_) => {}
            _ => return None,
        }
    }
}
