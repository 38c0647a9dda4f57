//! Between a client and a server: connections that are cut at a byte, that stall, or that never come about.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Both sides see an end of the bytes, after all of those before.
    End,
    /// Both sides see a reset; what was under way is lost.
    Reset,
    /// Only the server sees an end of the bytes; what it still says comes through.
    HalfUp,
    /// Only the client sees an end of the bytes; what it still says comes through.
    HalfDown,
}

/// What becomes of a connection. Bytes are counted in both directions together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is left alone.
    Pass,
    /// It is cut after so many bytes.
    Cut {
        /// After how many bytes.
        after: u64,
        /// How.
        how: Cut,
    },
    /// After so many bytes nothing comes through any more, and nobody is told.
    Hold {
        /// After how many bytes.
        after: u64,
    },
    /// It is closed at once.
    Refuse,
}

/// What went through a proxy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections that clients made.
    pub connections: u64,
    /// Connections that were cut as their fate said.
    pub cuts: u64,
    /// Connections that were held as their fate said.
    pub held: u64,
    /// Bytes to the server.
    pub up: u64,
    /// Bytes to the client.
    pub down: u64,
}

type Fates = dyn FnMut(Counts) -> Fate + Send;

struct Shared {
    target: watch::Sender<Option<SocketAddr>>,
    counts: watch::Sender<Counts>,
    /// Rises when every connection is to be cut.
    cut_all: watch::Sender<u64>,
    /// While it is true, nothing comes through to clients.
    stalled: watch::Sender<bool>,
    fates: Mutex<Box<Fates>>,
}

/// A proxy on loopback. Its connections end when it is dropped.
pub struct Proxy {
    addr: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// A proxy that leaves everything alone.
    ///
    /// # Panics
    /// When no port can be had.
    pub async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let addr = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            target: watch::Sender::new(Some(target)),
            counts: watch::Sender::new(Counts::default()),
            cut_all: watch::Sender::new(0),
            stalled: watch::Sender::new(false),
            fates: Mutex::new(Box::new(|_| Fate::Pass)),
        });
        let task = tokio::spawn(accept(listener, shared.clone()));
        Self { addr, shared, task }
    }

    /// The address for SDKs.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where new connections go; while this is `None` they wait.
    pub fn retarget(&self, target: Option<SocketAddr>) {
        self.shared.target.send_replace(target);
    }

    /// Decides what becomes of each new connection, from what went through so far.
    pub fn fates(&self, fates: impl FnMut(Counts) -> Fate + Send + 'static) {
        *self.shared.fates.lock().unwrap_or_else(PoisonError::into_inner) = Box::new(fates);
    }

    /// Resets every connection there is.
    pub fn cut_all(&self) {
        self.shared.cut_all.send_modify(|count| *count += 1);
    }

    /// While `stalled`, clients take nothing of what the server says: it stays in the sockets' buffers, and then with the server.
    pub fn stall(&self, stalled: bool) {
        self.shared.stalled.send_replace(stalled);
    }

    /// What went through.
    #[must_use]
    pub fn counts(&self) -> Counts {
        *self.shared.counts.borrow()
    }

    /// Waits until what went through is like this.
    pub async fn until(&self, what: &str, holds: impl FnMut(&Counts) -> bool) -> Counts {
        let mut counts = self.shared.counts.subscribe();
        *super::within(what, counts.wait_for(holds)).await.expect("the proxy is there")
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
        self.cut_all();
    }
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxy").field("addr", &self.addr).field("counts", &self.counts()).finish_non_exhaustive()
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        // Before its fate is asked for: a connection with an older fate is cut by a `cut_all` that comes after newer `fates`.
        let mut cut_all = shared.cut_all.subscribe();
        let counts = *shared.counts.borrow();
        let fate = (shared.fates.lock().unwrap_or_else(PoisonError::into_inner))(counts);
        shared.counts.send_modify(|counts| counts.connections += 1);
        let shared = shared.clone();
        tokio::spawn(async move {
            let mut client = client;
            let _ = client.set_nodelay(true);
            tokio::select! {
                carried = carry(&shared, &mut client, fate) => drop(carried),
                _ = cut_all.changed() => drop(client.set_zero_linger()),
            }
        });
    }
}

/// Why bytes stopped going one way.
enum Stop {
    /// Whoever sent them ended them, or is gone.
    Ended,
    /// The fate's number was reached.
    Limit,
}

async fn carry(shared: &Shared, client: &mut TcpStream, fate: Fate) -> io::Result<()> {
    if fate == Fate::Refuse {
        return Ok(());
    }
    let target = *shared.target.subscribe().wait_for(Option::is_some).await.map_err(io::Error::other)?;
    let Some(target) = target else { return Ok(()) };
    let mut server = TcpStream::connect(target).await?;
    server.set_nodelay(true)?;
    let stop = flow(shared, client, &mut server, fate).await?;
    match (stop, fate) {
        (Stop::Limit, Fate::Cut { how: Cut::Reset, .. }) => {
            client.set_zero_linger()?;
            server.set_zero_linger()
        }
        (Stop::Limit, Fate::Hold { .. }) => {
            shared.counts.send_modify(|counts| counts.held += 1);
            hold(client, &mut server).await
        }
        _ => Ok(()),
    }
}

/// Passes bytes on until the fate's number is reached, or one side ends.
async fn flow(shared: &Shared, client: &mut TcpStream, server: &mut TcpStream, fate: Fate) -> io::Result<Stop> {
    let limit = match fate {
        Fate::Cut { after, .. } | Fate::Hold { after } => after,
        Fate::Pass | Fate::Refuse => u64::MAX,
    };
    let (limited, unlimited) = (AtomicU64::new(limit), AtomicU64::new(u64::MAX));
    let half = match fate {
        Fate::Cut { how, .. } => how,
        _ => Cut::End,
    };
    let (up_left, down_left) = match half {
        Cut::HalfUp => (&limited, &unlimited),
        Cut::HalfDown => (&unlimited, &limited),
        _ => (&limited, &limited),
    };
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let (went_up, went_down) = (
        |count| shared.counts.send_modify(|counts| counts.up += count),
        |count| shared.counts.send_modify(|counts| counts.down += count),
    );
    let mut up = pin!(copy(&mut from_client, &mut to_server, None, up_left, half == Cut::HalfUp, went_up));
    let stalled = Some(shared.stalled.subscribe());
    let mut down = pin!(copy(&mut from_server, &mut to_client, stalled, down_left, half == Cut::HalfDown, went_down));
    let (stop, upwards) = tokio::select! {
        stop = up.as_mut() => (stop, true),
        stop = down.as_mut() => (stop, false),
    };
    if matches!((&stop, fate), (Stop::Limit, Fate::Cut { .. })) {
        shared.counts.send_modify(|counts| counts.cuts += 1);
    }
    // What goes the other way is not torn: bytes that were taken from one side reach the other.
    if matches!(stop, Stop::Limit) && half == Cut::HalfUp && upwards {
        down.await;
    } else if matches!(stop, Stop::Limit) && half == Cut::HalfDown && !upwards {
        up.await;
    }
    Ok(stop)
}

async fn copy(
    from: &mut ReadHalf<'_>,
    to: &mut WriteHalf<'_>,
    mut stalled: Option<watch::Receiver<bool>>,
    left: &AtomicU64,
    half: bool,
    count: impl Fn(u64),
) -> Stop {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        if let Some(stalled) = &mut stalled
            && stalled.wait_for(|stalled| !stalled).await.is_err()
        {
            return Stop::Ended;
        }
        let read = match from.read(&mut buffer).await {
            Ok(0) | Err(_) => return Stop::Ended,
            Ok(read) => read,
        };
        // Both directions are polled by one task, so nothing comes between the two.
        let before = left.load(Ordering::Relaxed);
        let allowed = before.min(read as u64);
        left.store(before - allowed, Ordering::Relaxed);
        let piece = &buffer[..usize::try_from(allowed).unwrap_or(read)];
        if to.write_all(piece).await.is_err() {
            return Stop::Ended;
        }
        count(allowed);
        if left.load(Ordering::Relaxed) == 0 {
            if half {
                // An error says that whoever reads has gone; then there is nobody to tell.
                let _ = to.shutdown().await;
            }
            return Stop::Limit;
        }
    }
}

/// Swallows what both sides say until one of them goes.
async fn hold(client: &mut TcpStream, server: &mut TcpStream) -> io::Result<()> {
    let (mut one, mut other) = (tokio::io::sink(), tokio::io::sink());
    tokio::select! {
        swallowed = tokio::io::copy(client, &mut one) => swallowed.map(drop),
        swallowed = tokio::io::copy(server, &mut other) => swallowed.map(drop),
    }
}
