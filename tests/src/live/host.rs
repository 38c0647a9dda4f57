//! A server in this process, on a runtime of its own, so that it can be dropped as a whole.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use samewire_server::auth::{Grants, JwtAuthenticator, JwtOptions, NewToken};
use samewire_server::config::Secret;
use samewire_server::rooms::Rooms;
use samewire_server::{Config, Server};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use super::http::{self, Health};

/// What the tests' tokens are signed with.
pub const SECRET: &str = "a secret of the tests, of no use elsewhere";

/// A token for this user, good for an hour.
#[must_use]
pub fn token(user: &str) -> String {
    token_with(user, Grants::default())
}

/// The same with grants.
///
/// # Panics
/// When the user's id breaks its grammar.
#[must_use]
pub fn token_with(user: &str, grants: Grants) -> String {
    let authenticator = JwtAuthenticator::new(SECRET.as_bytes(), JwtOptions::default());
    authenticator.sign(&NewToken::new(user, Duration::from_secs(3600)).grants(grants)).expect("a user's id")
}

/// A configuration for tests: tokens of [`token`] and anonymous sessions, clients come back at once, and what has expired is
/// looked for often.
#[must_use]
pub fn settings() -> Config {
    let mut config = Config::default();
    config.auth.secret = Some(Secret::new(SECRET));
    config.auth.anonymous = true;
    config.reconnect.delay = Duration::ZERO;
    config.reconnect.spread = Duration::from_millis(1);
    config.streams.sweep_every = Duration::from_millis(50);
    config
}

type Methods = dyn Fn(samewire_server::Builder) -> samewire_server::Builder + Send + Sync;

/// A server in this process.
pub struct Host {
    config: Config,
    data: TempDir,
    methods: Arc<Methods>,
    running: Option<Running>,
}

struct Running {
    addr: SocketAddr,
    rooms: Rooms,
    runtime: Runtime,
    stop: oneshot::Sender<()>,
    stopped: oneshot::Receiver<()>,
}

impl Host {
    /// Starts a server with an empty data folder.
    pub async fn start(config: Config) -> Self {
        Self::with(config, |builder| builder).await
    }

    /// Starts a server with methods of the test's own.
    pub async fn with(
        config: Config,
        methods: impl Fn(samewire_server::Builder) -> samewire_server::Builder + Send + Sync + 'static,
    ) -> Self {
        let data = tempfile::tempdir().expect("a folder for the data");
        let config = Config { data: data.path().to_owned(), ..config };
        let mut host = Self { config, data, methods: Arc::new(methods), running: None };
        host.run().await;
        host
    }

    async fn run(&mut self) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        let (config, methods) = (self.config.clone(), Arc::clone(&self.methods));
        let (told, started) = oneshot::channel();
        let (stop, asked) = oneshot::channel::<()>();
        let (done, stopped) = oneshot::channel();
        runtime.spawn(async move {
            let server = methods(Server::builder().config(config)).build().await.expect("the server is built");
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let _ = told.send((listener.local_addr().expect("an address"), server.rooms()));
            let stop = async move { drop(asked.await) };
            server.serve(listener, stop).await.expect("the server runs to its end");
            drop(server);
            let _ = done.send(());
        });
        let (addr, rooms) = super::within("the server's start", started).await.expect("the server starts");
        self.running = Some(Running { addr, rooms, runtime, stop, stopped });
    }

    /// Where the server listens.
    ///
    /// # Panics
    /// While it does not run.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.running.as_ref().expect("the server runs").addr
    }

    /// The server's rooms.
    ///
    /// # Panics
    /// While it does not run.
    #[must_use]
    pub fn rooms(&self) -> Rooms {
        self.running.as_ref().expect("the server runs").rooms.clone()
    }

    /// The address for SDKs.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr())
    }

    /// The folder with its data.
    #[must_use]
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// What `/healthz` says.
    pub async fn health(&self) -> Health {
        http::health(&self.url()).await
    }

    /// Drops the server and everything that runs for it, in the middle of whatever it does.
    pub async fn kill(&mut self) {
        if let Some(running) = self.running.take() {
            let down = tokio::task::spawn_blocking(move || running.runtime.shutdown_timeout(super::PATIENCE));
            down.await.expect("the runtime ends");
        }
    }

    /// Stops the server as a signal would, and waits until it has.
    pub async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            let _ = running.stop.send(());
            let _ = super::within("the server's stop", running.stopped).await;
            running.runtime.shutdown_background();
        }
    }

    /// Starts a new server on the same data, on another port.
    pub async fn restart(&mut self) {
        self.kill().await;
        self.run().await;
    }

    /// The same with another configuration; the data folder stays.
    pub async fn restart_with(&mut self, config: Config) {
        self.kill().await;
        self.config = Config { data: self.data.path().to_owned(), ..config };
        self.run().await;
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.runtime.shutdown_background();
        }
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").field("data", &self.data.path()).finish_non_exhaustive()
    }
}
