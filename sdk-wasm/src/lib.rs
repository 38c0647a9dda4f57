//! The browser drives the protocol's session: the wasm half of the npm package `samewire`.
//!
//! The crate does what differs from the native SDK and nothing else: it opens and writes a socket (`transport`), arms a timer and
//! feeds the session (`driver`), and shows to JavaScript what happens (`bridge`, `listener`). What the session does is decided by
//! [`samewire_protocol::session`]; [`live`] does the same for peer connections. What an app sees is made by the package's own JavaScript (`pkg/`), the only caller of what is
//! exported here. That JavaScript also makes the calls over HTTP, with one `fetch`.
//!
//! Everything here is paid for by each page that loads it, gzipped: gloo-net would take 8 KB to receive (it needs an executor of
//! futures, and nothing else does) and 5 KB for HTTP, of 75 KB in all; serde_json would take 40 KB to read frames.

mod alarm;
mod bridge;
mod driver;
mod listener;
pub mod live;
mod transport;

pub use bridge::{Session, digest_of, method_traits, names_stream, on_panic, reset};
pub use listener::Listener;

// A tenth of the default allocator's size, and all memory of an instance is one thread's.
#[cfg(all(target_family = "wasm", not(target_feature = "atomics")))]
#[global_allocator]
static MEMORY: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();
