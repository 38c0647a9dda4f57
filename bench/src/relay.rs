//! A long way over loopback: bytes arrive as they were sent, in order and at any rate, but later.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use crate::Outcome;

const READ: usize = 256 * 1024;

/// Stands before a server, on a thread of its own, and delays what goes either way. Gone when dropped.
pub(crate) struct Relay {
    pub(crate) url: String,
    _stop: oneshot::Sender<()>,
}

/// Bytes, and when they arrive. None at all are the end.
type Late = (Instant, Bytes);

impl Relay {
    /// Relays to the server at this URL, with this delay in each direction.
    pub(crate) fn start(url: &str, delay: Duration) -> Outcome<Self> {
        let server: SocketAddr = url.strip_prefix("http://").ok_or("not the URL of a server")?.parse()?;
        let (stop, stopped) = oneshot::channel();
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let url = format!("http://{}", listener.local_addr()?);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    relayed = relay(listener, server, delay) => drop(relayed),
                    _ = stopped => {}
                }
            });
        });
        Ok(Self { url, _stop: stop })
    }
}

async fn relay(listener: std::net::TcpListener, server: SocketAddr, delay: Duration) -> std::io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (near, _) = listener.accept().await?;
        let far = TcpStream::connect(server).await?;
        near.set_nodelay(true)?;
        far.set_nodelay(true)?;
        let ((near_read, near_write), (far_read, far_write)) = (near.into_split(), far.into_split());
        for (from, to) in [(near_read, far_write), (far_read, near_write)] {
            // As much as comes is on the way: the rate is not limited, so its length is not either.
            let (give, take) = mpsc::unbounded_channel();
            tokio::spawn(depart(from, give, delay));
            tokio::spawn(arrive(take, to));
        }
    }
}

async fn depart(mut from: OwnedReadHalf, give: mpsc::UnboundedSender<Late>, delay: Duration) {
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(READ);
        let over = !matches!(from.read_buf(&mut buffer).await, Ok(1..));
        if give.send((Instant::now() + delay, buffer.split().freeze())).is_err() || over {
            return;
        }
    }
}

async fn arrive(mut take: mpsc::UnboundedReceiver<Late>, mut to: OwnedWriteHalf) {
    while let Some((at, bytes)) = take.recv().await {
        sleep_until(at).await;
        if bytes.is_empty() || to.write_all(&bytes).await.is_err() {
            return;
        }
    }
}
