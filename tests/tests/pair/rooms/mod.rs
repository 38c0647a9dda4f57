//! Rooms: one file for each behaviour.

mod attachments;
mod ephemeral;
mod gaps;
mod joining;
mod leaving;
mod presence;
mod recovery;
mod roles;
mod signals;
mod skipped;
mod state;

const ROOM: &str = "chat:lobby";
