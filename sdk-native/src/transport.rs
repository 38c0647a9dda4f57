//! The socket: how it is opened and written. The only file that knows which WebSocket library this is.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Sink, SinkExt, Stream};
use samewire_protocol::wire::{SUBPROTOCOL, Text};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, header};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// The close code of a connection that went without one (RFC 6455, section 7.4.1).
pub(crate) const ABNORMAL: u16 = 1006;

pub(crate) type Dialing = Pin<Box<dyn Future<Output = Result<Socket, Error>> + Send>>;

pub(crate) struct Socket {
    inner: WebSocketStream<MaybeTlsStream<TcpStream>>,
    unflushed: bool,
}

/// What a socket gave.
pub(crate) enum Received {
    Text(Utf8Bytes),
    Binary(Bytes),
    /// The socket is over, with this code.
    Closed(u16),
}

/// Opens a socket.
pub(crate) fn dial(url: String) -> Dialing {
    Box::pin(async move {
        let mut request = url.into_client_request()?;
        request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
        let config = WebSocketConfig::default().read_buffer_size(64 * 1024).write_buffer_size(16 * 1024);
        let (inner, _) = tokio_tungstenite::connect_async_with_config(request, Some(config), true).await?;
        Ok(Socket { inner, unflushed: false })
    })
}

impl Socket {
    /// Whether the socket takes another frame.
    pub(crate) fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Pin::new(&mut self.inner).poll_ready(context)
    }

    pub(crate) fn send_text(&mut self, text: Text) -> Result<(), Error> {
        self.start_send(Message::Text(
            Utf8Bytes::try_from(text.into_bytes()).map_err(Box::new).map_err(|_| Error::AlreadyClosed)?,
        ))
    }

    pub(crate) fn send_binary(&mut self, frame: Bytes) -> Result<(), Error> {
        self.start_send(Message::Binary(frame))
    }

    fn start_send(&mut self, message: Message) -> Result<(), Error> {
        self.unflushed = true;
        Pin::new(&mut self.inner).start_send(message)
    }

    /// `Ready(true)` when frames went out, `Ready(false)` when none waited.
    pub(crate) fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<Result<bool, Error>> {
        if !self.unflushed {
            return Poll::Ready(Ok(false));
        }
        Pin::new(&mut self.inner).poll_flush(context).map_ok(|()| {
            self.unflushed = false;
            true
        })
    }

    pub(crate) fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<Received> {
        loop {
            return match Pin::new(&mut self.inner).poll_next(context) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(Some(Ok(Message::Text(text)))) => Poll::Ready(Received::Text(text)),
                Poll::Ready(Some(Ok(Message::Binary(bytes)))) => Poll::Ready(Received::Binary(bytes)),
                Poll::Ready(Some(Ok(Message::Close(frame)))) => {
                    Poll::Ready(Received::Closed(frame.map_or(1005, |frame| frame.code.into())))
                }
                Poll::Ready(Some(Ok(_))) => continue,
                Poll::Ready(Some(Err(_)) | None) => Poll::Ready(Received::Closed(ABNORMAL)),
            };
        }
    }

    /// Closes the socket; waits a moment for what was written to go out.
    pub(crate) async fn close(mut self, code: u16, reason: Box<str>) {
        let frame = CloseFrame { code: CloseCode::from(code), reason: String::from(reason).into() };
        let patience = Duration::from_secs(2);
        drop(tokio::time::timeout(patience, self.inner.send(Message::Close(Some(frame)))).await);
    }
}
