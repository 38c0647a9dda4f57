//! A pair of the protocol's two halves on virtual time, after quinn-proto: a client session, a small model of a server around
//! the accepting half, and a network between them that is slow, that loses connections at any byte, and that is the same for
//! the same seed.
//!
//! ```
//! use samewire_tests::pair::Pair;
//!
//! let mut pair = Pair::new(1);
//! let call = pair.call("echo", r#"{"tag":"a"}"#);
//! pair.cut();
//! assert_eq!(pair.result(call), Ok(r#"{"tag":"a"}"#.to_owned()));
//! assert_eq!(pair.server.runs("a"), 1);
//! ```
//!
//! Nothing there reads a clock or sleeps: a test that spans a minute takes a millisecond. What only real servers, sockets and disks
//! can show is built from [`live`].

pub mod client;
pub mod draft;
pub mod http1;
pub mod live;
pub mod net;
pub mod pair;
pub mod peers;
pub mod rng;
pub mod server;
