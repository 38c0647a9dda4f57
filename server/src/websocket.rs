//! WebSockets of the server: the handshake (RFC 6455, section 4.2), the socket behind it, and what its errors mean.

use std::fmt::Display;
use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use samewire_protocol::wire::Text;
use samewire_protocol::{Code, Failure};
use tokio::io::AsyncReadExt;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error as SocketError, Message, Utf8Bytes};

use crate::app::App;
use crate::http::Problem;
use crate::metrics::Metered;
use crate::pieces::Excess;
use crate::read_ahead::ReadAhead;
use crate::shared_write::SharedWrite;

pub(crate) type Socket = WebSocketStream<SharedWrite<ReadAhead<Metered<TokioIo<hyper::upgrade::Upgraded>>>>>;

/// How long the other side may take to hear why it is sent away.
pub(crate) const PARTING: std::time::Duration = std::time::Duration::from_secs(2);

const READ_BUFFER: usize = 1024;

/// A request for a WebSocket, which may be granted.
pub(crate) struct Handshake {
    key: HeaderValue,
    subprotocol: Option<&'static str>,
    upgrade: OnUpgrade,
}

impl Handshake {
    /// Checks that a request is a handshake, for this subprotocol where one is named.
    pub(crate) fn check(request: &mut Request, subprotocol: Option<&'static str>) -> Result<Self, Problem> {
        let key = check(request.headers(), subprotocol)?;
        let upgrade = request.extensions_mut().remove::<OnUpgrade>();
        let upgrade = upgrade.ok_or_else(|| wrong("this connection cannot be upgraded to a WebSocket"))?;
        Ok(Self { key, subprotocol, upgrade })
    }

    /// The answer to the handshake, and the connection, which is there once the answer went out.
    pub(crate) fn answer(self) -> (Response, OnUpgrade) {
        let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, self.key);
        if let Some(subprotocol) = self.subprotocol {
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(subprotocol));
        }
        (response, self.upgrade)
    }

    /// The answer to the handshake, and the socket, which is there once the answer went out. Frames of more than `most` bytes are
    /// not read; `in_pieces`: binary ones of any size are, in [`Pieces`](crate::pieces::Pieces).
    pub(crate) fn grant(
        self,
        app: &Arc<App>,
        most: usize,
        in_pieces: bool,
    ) -> (Response, impl Future<Output = Option<Socket>> + Send + use<>) {
        let (response, upgrade) = self.answer();
        let metrics = app.metrics.clone();
        let socket = async move {
            let upgraded = match upgrade.await {
                Ok(upgraded) => upgraded,
                Err(error) => {
                    tracing::debug!(%error, "an upgrade came to nothing");
                    return None;
                }
            };
            let config = WebSocketConfig::default()
                // An idle session must cost little; `ReadAhead` makes up for it when bytes pour in.
                .read_buffer_size(READ_BUFFER)
                .write_buffer_size(16 * 1024)
                .max_message_size(Some(most))
                .max_frame_size(Some(most));
            let io = Metered::new(TokioIo::new(upgraded), metrics);
            let io = if in_pieces { ReadAhead::in_pieces(io) } else { ReadAhead::new(io) };
            Some(WebSocketStream::from_raw_socket(SharedWrite::new(io), Role::Server, Some(config)).await)
        };
        (response, socket)
    }
}

fn wrong(message: &str) -> Problem {
    Problem::new(&Failure::new(Code::WrongProtocol, message))
}

/// Whether a request wants to become a WebSocket. Some offer HTTP/2 by the same header (`h2c`).
pub(crate) fn is_asked_for(headers: &HeaderMap) -> bool {
    lists(headers, &header::UPGRADE, "websocket")
}

fn lists(headers: &HeaderMap, name: &header::HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|item| item.trim().eq_ignore_ascii_case(token))
}

fn check(headers: &HeaderMap, subprotocol: Option<&'static str>) -> Result<HeaderValue, Problem> {
    let has = |name: header::HeaderName, token: &str| lists(headers, &name, token);
    if !has(header::CONNECTION, "upgrade") || !is_asked_for(headers) {
        let message = match subprotocol {
            Some(subprotocol) => format!("this is the address of a WebSocket; connect with the subprotocol {subprotocol}"),
            None => "this is the address of a WebSocket; connect with one".to_owned(),
        };
        return Err(Problem::upgrade(&Failure::new(Code::WrongProtocol, message)));
    }
    if !has(header::SEC_WEBSOCKET_VERSION, "13") {
        let message = "only version 13 of the WebSocket protocol is spoken here";
        return Err(Problem::upgrade(&Failure::new(Code::WrongProtocol, message)));
    }
    if let Some(subprotocol) = subprotocol
        && !has(header::SEC_WEBSOCKET_PROTOCOL, subprotocol)
    {
        return Err(wrong(&format!("offer the WebSocket subprotocol {subprotocol}")));
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY).ok_or_else(|| wrong("the header Sec-WebSocket-Key is missing"))?;
    HeaderValue::from_str(&derive_accept_key(key.as_bytes()))
        .map_err(|_| wrong("the header Sec-WebSocket-Key is not of its form"))
}

/// A text frame as the library takes it.
pub(crate) fn message(text: Text) -> Message {
    // A frame is made of a String, so it is UTF-8; the library checks for itself.
    Utf8Bytes::try_from(text.into_bytes()).map_or_else(|_| Message::Text(Utf8Bytes::default()), Message::Text)
}

/// Closes a socket, and waits a moment until the other side has heard so: what it still says meanwhile is taken in, or the network
/// would take the last words back (RFC 6455, section 7.1.1).
pub(crate) async fn hang_up(socket: &mut Socket, frame: CloseFrame) {
    let _ = tokio::time::timeout(PARTING, async {
        socket.close(Some(frame)).await?;
        while socket.next().await.is_some_and(|frame| frame.is_ok()) {}
        let mut rest = vec![0; 16 * 1024];
        while socket.get_mut().read(&mut rest).await? > 0 {}
        Ok::<_, SocketError>(())
    })
    .await;
}

/// What the client did wrong when the library refuses a frame; `None` when the connection simply went.
pub(crate) fn broken(error: &SocketError) -> Option<Failure> {
    let too_big =
        |told: &dyn Display| Some(Failure::new(Code::TooBig, format!("the frame is larger than this server takes: {told}")));
    match error {
        SocketError::Capacity(_) => too_big(error),
        SocketError::Io(error) if error.get_ref().is_some_and(|error| error.is::<Excess>()) => too_big(error),
        SocketError::Protocol(protocol) if !protocol.to_string().contains("without closing handshake") => {
            Some(Failure::new(Code::BadFrame, format!("the frame breaks the WebSocket protocol: {error}")))
        }
        SocketError::Utf8(_) => Some(Failure::new(Code::BadFrame, "a text frame is not UTF-8")),
        _ => None,
    }
}
