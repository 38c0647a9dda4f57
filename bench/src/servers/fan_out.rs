//! The bare fan-out: an axum WebSocket with small buffers; one shared frame goes to all, and what waits for a subscriber goes
//! out in one write. No names, numbers, roles or limits.

use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::any;
use futures_util::{SinkExt, StreamExt};
use tokio::sync::broadcast;

type News = broadcast::Sender<Utf8Bytes>;

/// How far a subscriber may fall behind; nobody does here.
const BEHIND: usize = 1024;

pub(super) fn router() -> Router {
    Router::new().route("/publish", any(publisher)).route("/subscribe", any(subscriber)).with_state(News::new(BEHIND))
}

async fn publisher(upgrade: WebSocketUpgrade, State(news): State<News>) -> Response {
    small(upgrade).on_upgrade(|mut socket| async move {
        if socket.send(Message::text("joined")).await.is_err() {
            return;
        }
        while let Some(Ok(message)) = socket.next().await {
            if let Message::Text(text) = message {
                drop(news.send(text));
            }
        }
    })
}

async fn subscriber(upgrade: WebSocketUpgrade, State(news): State<News>) -> Response {
    small(upgrade).on_upgrade(move |socket| async move {
        let news = news.subscribe();
        drop(deliver(socket, news).await);
    })
}

fn small(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    upgrade.read_buffer_size(4096).write_buffer_size(16 * 1024)
}

async fn deliver(mut socket: WebSocket, mut news: broadcast::Receiver<Utf8Bytes>) -> Result<(), axum::Error> {
    socket.send(Message::text("joined")).await?;
    loop {
        tokio::select! {
            biased;
            text = news.recv() => {
                let Ok(text) = text else { return Ok(()) };
                socket.feed(Message::Text(text)).await?;
                while let Ok(text) = news.try_recv() {
                    socket.feed(Message::Text(text)).await?;
                }
                socket.flush().await?;
            }
            heard = socket.next() => match heard {
                Some(Ok(_)) => {}
                _ => return Ok(()),
            },
        }
    }
}
