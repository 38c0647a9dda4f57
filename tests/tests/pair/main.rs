//! Both halves of the session on virtual time: one file for each behaviour.

#![allow(clippy::unwrap_used, reason = "a test that meets what it does not expect is to fail")]

mod abort;
mod backoff;
mod broken_frames;
mod calls;
mod cancel;
mod continuity;
mod credit;
mod deadline;
mod download;
mod ending;
mod fairness;
mod handshake;
mod heartbeat;
mod hidden_tab;
mod integrity;
mod parts;
mod pause;
mod rooms;
mod source_once;
mod successor;
mod superseded;
mod tokens;
mod upload;
