//! The bare thing: an axum WebSocket that parses and prints the same JSON, with small buffers and nothing else.

use axum::Router;
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::any;
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;

#[derive(Deserialize)]
struct Call<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    id: u64,
    #[serde(borrow)]
    method: Cow<'a, str>,
    #[serde(borrow)]
    payload: &'a RawValue,
}

#[derive(Serialize)]
struct Answer<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: u64,
    payload: &'a RawValue,
}

pub(super) fn router() -> Router {
    Router::new().route("/session", any(upgrade))
}

async fn upgrade(upgrade: WebSocketUpgrade) -> Response {
    upgrade.protocols(["samewire.v1"]).read_buffer_size(4096).write_buffer_size(0).on_upgrade(|mut socket| async move {
        while let Some(Ok(message)) = socket.next().await {
            let Message::Text(text) = message else { continue };
            let Ok(call) = serde_json::from_str::<Call<'_>>(&text) else { break };
            if call.kind != "call" || call.method.is_empty() {
                continue;
            }
            let answer = Answer { kind: "result", id: call.id, payload: call.payload };
            let Ok(answer) = serde_json::to_string(&answer) else { break };
            if socket.send(Message::Text(answer.into())).await.is_err() {
                break;
            }
        }
    })
}
