//! The builder: what an embedding program configures and runs.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt;
use samewire_protocol::files::ROOM_KIND;
use samewire_protocol::live::ROOM_KIND as LIVE_KIND;
use samewire_protocol::{Failure, Method};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use crate::app::App;
use crate::auth::{ApiKeys, Authenticator, Guard, JwtAuthenticator, Revocation, Revocations, Tickets, load_or_make};
use crate::calls::{Handler, Methods, States};
use crate::config::Config;
use crate::dialects::Strangers;
use crate::files::{FileLinks, FileRooms, Files, Telling};
use crate::http::{Gate, Problem};
use crate::interim::{Connection, InterimListener};
use crate::jobs::{Jobs, Processor};
use crate::live::{Ice, Live, LiveRooms};
use crate::media::{ImageProcessor, Tools, VideoProcessor};
use crate::metrics::Metrics;
use crate::portal::{Portal, PortalRooms};
use crate::rooms::{RoomKind, Rooms};
use crate::session::{Expiries, Sessions, expire};
use crate::store::{Store, now_ms};
use crate::streams::{Settings, Streams};
use crate::{http, live, rooms, system};

/// How many sessions are sent away at once when the server drains, and how long it rests before the next.
const DRAIN_BATCH: usize = 500;
const DRAIN_REST: Duration = Duration::from_millis(100);
/// How long the clients may take to hear it.
const FAREWELL: Duration = Duration::from_secs(3);
/// How long a server that stops waits for requests over HTTP, and for its sessions.
const GRACE: Duration = Duration::from_secs(10);

/// Why a server could not be built.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {why}")]
pub struct BuildError {
    what: String,
    why: String,
}

fn failed(what: impl Into<String>) -> impl FnOnce(Box<dyn std::error::Error>) -> BuildError {
    let what = what.into();
    move |why| BuildError { what, why: why.to_string() }
}

/// Folders with pages to serve.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pages {
    pub(crate) demo: Option<PathBuf>,
    pub(crate) package: Option<PathBuf>,
}

/// Builds a [`Server`].
#[must_use]
#[derive(Default)]
pub struct Builder {
    config: Config,
    methods: Methods,
    states: States,
    authenticator: Option<Arc<dyn Authenticator>>,
    kinds: Vec<(Box<str>, Arc<dyn RoomKind>)>,
    processors: Vec<Arc<dyn Processor>>,
    pages: Pages,
}

impl Builder {
    /// Sets the configuration. Default: [`Config::default`].
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Adds a method with its handler; see [`calls`](crate::calls).
    pub fn method<M, H, T>(mut self, handler: H) -> Self
    where
        M: Method + 'static,
        H: Handler<M, T>,
        T: 'static,
    {
        self.methods.add::<M, H, T>(handler);
        self
    }

    /// Gives handlers a value that they take with [`State`](crate::calls::State), one of each type.
    pub fn state<S: Clone + Send + Sync + 'static>(mut self, state: S) -> Self {
        self.states.insert(state);
        self
    }

    /// Decides who a client is. Default: tokens (JWT) under the configuration's keys.
    pub fn authenticator(mut self, authenticator: impl Authenticator) -> Self {
        self.authenticator = Some(Arc::new(authenticator));
        self
    }

    /// Decides about the rooms of a kind: see [`RoomKind`]. A built-in kind of the same name is replaced.
    pub fn room_kind(mut self, kind: &str, rooms: impl RoomKind) -> Self {
        self.kinds.push((kind.into(), Arc::new(rooms)));
        self
    }

    /// Works on files as they are stored: see [`Processor`]. A built-in one of the same kind is replaced.
    pub fn processor(mut self, processor: impl Processor) -> Self {
        self.processors.push(Arc::new(processor));
        self
    }

    /// Serves the pages of this folder at `/`. Default none.
    pub fn demo(mut self, folder: impl Into<PathBuf>) -> Self {
        self.pages.demo = Some(folder.into());
        self
    }

    /// Serves the npm package of this folder at `/pkg`. Default none.
    pub fn package(mut self, folder: impl Into<PathBuf>) -> Self {
        self.pages.package = Some(folder.into());
        self
    }

    /// Opens the data folder, takes up what an earlier run left there, and builds the server.
    pub async fn build(self) -> Result<Server, BuildError> {
        let Self { mut config, methods: own, mut states, authenticator, mut kinds, processors: own_processors, pages } = self;
        config.check().map_err(|error| failed("the configuration is not usable")(error.into()))?;
        // Programs that work on files run in folders of their own.
        config.data = std::path::absolute(&config.data).map_err(|error| failed("the data folder has no path")(error.into()))?;
        let data = config.data.clone();
        let broken = |what: &str| failed(format!("{what} in {}", data.display()));
        std::fs::create_dir_all(&data).map_err(|error| broken("cannot make the data folder")(error.into()))?;
        let key = load_or_make(&data.join("ticket.key")).map_err(|error| broken("cannot keep the ticket key")(error.into()))?;
        let authenticator = match authenticator {
            Some(authenticator) => authenticator,
            None => {
                let jwt = JwtAuthenticator::configured(&config);
                let jwt = Arc::new(jwt.map_err(|error| failed("the keys for tokens are not usable")(error.into()))?);
                states.insert(jwt.clone());
                let fetching = jwt.clone();
                tokio::spawn(async move { fetching.warm_up().await });
                jwt as Arc<dyn Authenticator>
            }
        };
        let store = Store::open(&data).map_err(|error| broken("cannot open the records")(error.into()))?;
        let settings = Settings::new(&config.streams, &config.files, &config.limits.wire());
        // A program's own processor of a built-in's kind comes behind it, and counts.
        let tools = Tools::find(&config.video).await;
        match &tools {
            Ok(tools) => tracing::info!(version = tools.version(), "ffmpeg is there"),
            Err(failure) => tracing::warn!(%failure, "videos are not processed"),
        }
        let ffmpeg = tools.as_ref().ok().map(|tools| Box::from(tools.version()));
        let mut processors = built_in_processors(&config, tools);
        processors.extend(own_processors);
        let jobs = Jobs::open(store.clone(), &config, processors).await.map_err(broken("cannot take up the jobs"))?;
        let intake = Arc::new(jobs.clone());
        let streams = Streams::start(store, settings, intake).await;
        let streams = streams.map_err(|error| broken("cannot take up the streams")(error.into()))?;
        let store = streams.store().clone();
        let revocations = Revocations::load(store.clone(), now_ms()).await;
        let revocations = revocations.map_err(|error| broken("cannot read the revocations")(error.into()))?;
        let api_keys = config.api_keys().map_err(|error| failed("the API keys are not usable")(error.into()))?;
        let expiries = Arc::new(Expiries::default());

        let known = config.rooms.kinds.with_built_in(config.dev);
        // A program's own kind of this name comes behind it, and counts.
        let file_rooms = FileRooms::new(store.clone());
        kinds.insert(0, (ROOM_KIND.into(), Arc::new(file_rooms.clone())));
        let live_streams = live::Streams::new(&config.live);
        kinds.insert(0, (LIVE_KIND.into(), Arc::new(LiveRooms::new(live_streams.clone(), config.dev))));
        kinds.insert(0, ("portal".into(), Arc::new(PortalRooms::new(store.clone()))));
        let registry = Rooms::registry(&known, kinds).map_err(|told| failed("a kind of rooms is not usable")(told.into()))?;
        let rooms = Rooms::start(registry, config.rooms.kept);
        let portal = Portal::new(store.clone(), rooms.clone());
        let files = Files::new(store.clone(), jobs.clone(), rooms.clone());
        let ice = Ice::new(&config).map_err(|error| failed("the TURN server's secret is not usable")(error.into()))?;
        let live = Live::start(live_streams, rooms.clone(), ice);
        let telling = Telling::new(store.clone(), rooms.clone(), &file_rooms);

        let mut methods = Methods::default();
        system::methods(&mut methods);
        rooms::methods(&mut methods);
        crate::files::methods(&mut methods);
        crate::live::methods(&mut methods);
        methods.extend(own);
        let file_links = FileLinks::new(&key);
        states.insert(file_links.clone());
        states.insert(store);
        states.insert(rooms.clone());
        states.insert(portal.clone());
        states.insert(files.clone());
        states.insert(live.clone());
        states.insert(system::Known(methods.infos().cloned().collect()));
        let app = Arc::new(App {
            methods,
            states: Arc::new(states),
            guard: Guard::new(authenticator, revocations, config.auth.leeway),
            api_keys: ApiKeys::new(api_keys),
            tickets: Tickets::new(key),
            file_links,
            streams,
            portal,
            files,
            live,
            jobs,
            ffmpeg,
            rooms,
            metrics: Arc::new(Metrics::new()),
            sessions: Sessions::default(),
            expiries: expiries.clone(),
            started: std::time::Instant::now(),
            draining: watch::Sender::new(false),
            links: TaskTracker::new(),
            strangers: Strangers::new(config.limits.max_sessions),
            config,
        });
        let sweeper = AbortOnDropHandle::new(tokio::spawn(sweep(Arc::downgrade(&app))));
        let expirer = AbortOnDropHandle::new(tokio::spawn(expire(Arc::downgrade(&app), expiries)));
        let dispatcher = app.jobs.start(Arc::new(telling));
        Ok(Server { app, pages, _tasks: [sweeper, expirer, dispatcher] })
    }
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder").field("config", &self.config).field("methods", &self.methods).finish_non_exhaustive()
    }
}

/// The processors that every server has.
fn built_in_processors(config: &Config, tools: Result<Tools, Failure>) -> Vec<Arc<dyn Processor>> {
    vec![Arc::new(ImageProcessor::new(&config.image)), Arc::new(VideoProcessor::new(&config.video, tools))]
}

/// Ends what has expired, for as long as the server is there.
async fn sweep(app: std::sync::Weak<App>) {
    loop {
        let Some(every) = app.upgrade().map(|app| app.config.streams.sweep_every) else { return };
        tokio::time::sleep(every).await;
        let Some(app) = app.upgrade() else { return };
        app.sessions.sweep(app.config.limits.session_ttl);
        if let Err(error) = app.streams.sweep(now_ms()).await {
            tracing::error!(%error, "what has expired could not be removed");
        }
        if let Err(error) = app.guard.revocations.sweep(now_ms()).await {
            tracing::error!(%error, "revocations that are over could not be removed");
        }
    }
}

/// A server that is ready to run.
#[derive(Debug)]
pub struct Server {
    app: Arc<App>,
    pages: Pages,
    _tasks: [AbortOnDropHandle<()>; 3],
}

impl Server {
    #[cfg(test)]
    pub(crate) fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Begins a server.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The routes, to be nested in a program's own axum router. [`Server::serve`] does more: it sets `TCP_NODELAY` on the
    /// sockets and drains the sessions when it stops.
    pub fn router(&self) -> Router {
        http::router(&self.app, &self.pages)
    }

    /// Takes something back, until a time in milliseconds since 1970-01-01 UTC or for good: the sessions that fall under it end at
    /// once, and tokens and tickets that do are refused. Answers how many sessions were ended.
    ///
    /// # Errors
    /// It could not be recorded, and counts only until the server stops; or there are too many of them.
    pub async fn revoke(&self, revocation: &Revocation, until: Option<u64>) -> Result<usize, Failure> {
        self.app.revoke(revocation, until).await
    }

    /// How many sessions there are, those included whose clients are away.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.app.sessions.len()
    }

    /// Who sends a request, for routes of the program's own.
    #[must_use]
    pub fn gate(&self) -> Gate {
        Gate::new(&self.app)
    }

    /// The server's libraries and portal views.
    #[must_use]
    pub fn portal(&self) -> Portal {
        self.app.portal.clone()
    }

    /// The server's stored files.
    #[must_use]
    pub fn files(&self) -> Files {
        self.app.files.clone()
    }

    /// The server's live streams.
    #[must_use]
    pub fn live(&self) -> Live {
        self.app.live.clone()
    }

    /// The server's rooms.
    #[must_use]
    pub fn rooms(&self) -> Rooms {
        self.app.rooms.clone()
    }

    /// Serves until `stop` is ready; then sends the clients away at a pace, with advice to come back, lets requests end that are
    /// under way, for ten seconds at most, and returns.
    pub async fn serve(&self, listener: TcpListener, stop: impl Future<Output = ()> + Send + 'static) -> std::io::Result<()> {
        let app = self.app.clone();
        let listener = listener.tap_io(|socket| {
            if let Err(error) = socket.set_nodelay(true) {
                tracing::debug!(%error, "TCP_NODELAY could not be set");
            }
        });
        // The pages of a demo are looked for last; without them, nothing is.
        let router = match self.pages.demo {
            Some(_) => self.router(),
            None => self.router().fallback(async || Problem::nowhere()),
        };
        let mut draining = app.draining.subscribe();
        let given_up = async move {
            // The sender lives as long as the server.
            let _ = draining.wait_for(|draining| *draining).await;
            tokio::time::sleep(GRACE).await;
        };
        let service = router.into_make_service_with_connect_info::<Connection>();
        let served = axum::serve(InterimListener(listener), service).with_graceful_shutdown(async move {
            stop.await;
            drain(&app).await;
        });
        tokio::select! {
            served = served => served,
            () = given_up => {
                tracing::warn!("requests that would not end are cut off");
                Ok(())
            }
        }
    }
}

/// The sessions hold what they run on, so they are let go with the server. Their clients may come back to the next one.
impl Drop for Server {
    fn drop(&mut self) {
        self.app.sessions.clear();
    }
}

async fn drain(app: &App) {
    app.draining.send_replace(true);
    let jobs = app.jobs.clone();
    let stopping = tokio::spawn(async move { jobs.stop().await });
    let sessions = app.sessions.all();
    tracing::info!(sessions = sessions.len(), "the server stops; its clients are sent away");
    for (index, batch) in sessions.chunks(DRAIN_BATCH).enumerate() {
        if index > 0 {
            tokio::time::sleep(DRAIN_REST).await;
        }
        for session in batch {
            session.dismiss(App::restarting(), Some(app.advice()));
        }
    }
    app.links.close();
    if tokio::time::timeout(FAREWELL, app.links.wait()).await.is_err() {
        tracing::warn!(links = app.links.len(), "not every client has heard that the server stops");
    }
    // An error would be a panic in there, which has been reported.
    drop(stopping.await);
}
