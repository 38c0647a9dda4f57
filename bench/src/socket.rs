//! A client that speaks frames by hand, the same for every server, so that what is compared are the servers.

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::Outcome;

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Connects; says hello where the server wants one.
pub(crate) async fn connect(url: &str, hello: bool) -> Outcome<Socket> {
    let mut request = format!("{}/session", url.replace("http://", "ws://")).into_client_request()?;
    request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("samewire.v1"));
    let config = WebSocketConfig::default().read_buffer_size(4096).write_buffer_size(64 * 1024);
    let (mut socket, _) = tokio_tungstenite::connect_async_with_config(request, Some(config), true).await?;
    if hello {
        socket.send(Message::text(r#"{"type":"hello"}"#)).await?;
        match socket.next().await {
            Some(Ok(Message::Text(text))) if text.contains("\"welcome\"") => {}
            other => return Err(format!("no welcome: {other:?}").into()),
        }
    }
    Ok(socket)
}
