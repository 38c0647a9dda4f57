//! Signalling at `/ws` and the updates of a stream at `/api/v1/streams/{stream}/ws`, over raw sockets: what clients that were written
//! for other systems say and hear, also with clients of the SDK in the same stream, and what no honest one says.

mod broadcasts;
mod entry;
mod hostile;
mod mixed;
mod seed;
mod slow;
mod stage;
mod updates;
mod updates_faults;
