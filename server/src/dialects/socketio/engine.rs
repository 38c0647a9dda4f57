//! The library that speaks Engine.IO, and what it tells of its connections. Each is served by one task, which hears its packets in the
//! order in which they came.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use engineioxide::config::EngineIoConfig;
use engineioxide::handler::EngineIoHandler;
use engineioxide::service::EngineIoService;
use engineioxide::socket::{DisconnectReason, Sid};
use engineioxide::{Socket, Str};
use parking_lot::RwLock;

use super::gate::Gate;
use super::packet::Word;
use super::party::Party;
use crate::app::App;

/// A connection of Engine.IO, over whichever transport.
pub(super) type Connection = Socket<()>;

pub(super) type Service = EngineIoService<Engine>;

/// So many packets may be on their way to one client.
const BUFFER: usize = 128;

/// The path of Socket.IO.
pub(super) const PATH: &str = "/socket.io";

/// The connections there are.
pub(super) struct Engine {
    app: Arc<App>,
    gates: RwLock<HashMap<Sid, Arc<Gate>>>,
}

impl Engine {
    pub(super) fn new(app: &Arc<App>) -> Arc<Self> {
        Arc::new(Self { app: app.clone(), gates: RwLock::default() })
    }

    pub(super) fn service(self: &Arc<Self>) -> Service {
        let limits = &self.app.config.limits;
        let most = most(&self.app);
        let config = EngineIoConfig::builder()
            .req_path(PATH)
            .ping_interval(limits.heartbeat_interval)
            .ping_timeout(limits.heartbeat_timeout)
            .upgrade_timeout(limits.hello_timeout)
            .max_buffer_size(BUFFER)
            .max_payload(most as u64)
            .ws_read_buffer_size(1024)
            .ws_max_message_size(most)
            .ws_max_frame_size(most)
            .build();
        EngineIoService::with_config(self.clone(), config)
    }

    /// The connection with this id.
    pub(super) fn gate(&self, sid: Sid) -> Option<Arc<Gate>> {
        self.gates.read().get(&sid).cloned()
    }

    pub(super) fn forget(&self, sid: Sid) {
        self.gates.write().remove(&sid);
    }
}

/// The largest message of a client.
pub(super) fn most(app: &App) -> usize {
    usize::try_from(app.config.limits.max_text).unwrap_or(usize::MAX)
}

/// What the request that began a connection brought with it.
fn gate(connection: &Connection) -> Option<&Arc<Gate>> {
    connection.req_parts.extensions.get()
}

impl EngineIoHandler for Engine {
    type Data = ();

    fn on_connect(self: Arc<Self>, connection: Arc<Connection>) {
        let Some(gate) = gate(&connection).cloned() else { return connection.close(DisconnectReason::ClosingServer) };
        self.gates.write().insert(connection.id, gate.clone());
        let app = self.app.clone();
        app.clone().links.spawn(async move {
            let sid = connection.id;
            Party::new(app, gate, connection).run().await;
            self.forget(sid);
        });
    }

    fn on_disconnect(&self, connection: Arc<Connection>, _: DisconnectReason) {
        if let Some(gate) = gate(&connection) {
            gate.close();
        }
    }

    fn on_message(self: &Arc<Self>, text: Str, connection: Arc<Connection>) {
        if let Some(gate) = gate(&connection) {
            gate.hear(Word::Text(text));
        }
    }

    fn on_binary(self: &Arc<Self>, bytes: Bytes, connection: Arc<Connection>) {
        if let Some(gate) = gate(&connection) {
            gate.hear(Word::Binary(bytes));
        }
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("connections", &self.gates.read().len()).finish_non_exhaustive()
    }
}
