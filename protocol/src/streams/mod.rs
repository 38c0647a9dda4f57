//! A stream's two ends, the same code for client and server: what was sent, what is durable, what may be sent next.

mod pacer;
mod receive;
mod send;

use bytes::Bytes;

pub(crate) use pacer::Moment;
pub(crate) use receive::{Receiver, Taken};
pub(crate) use send::{READ_AHEAD, Sender, SenderPhase};
pub use send::{Source, Want};

use crate::id::{StreamId, StreamNo};
use crate::table::Table;

/// What the opener of a stream says about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamSpec {
    /// The public id.
    pub id: StreamId,
    /// A name for people.
    pub name: Option<String>,
    /// The media type of the content.
    pub media: Option<String>,
    /// The size in bytes, where it is known.
    pub size: Option<u64>,
}

/// A chunk of the sender whose turn it is: each in turn, from the one after the last.
pub(crate) fn next_in_turn(
    senders: &mut Table<StreamNo, Sender>,
    turn: &mut Option<StreamNo>,
    moment: Moment,
) -> Option<Bytes> {
    let last = turn.unwrap_or(StreamNo(0));
    let (no, frame) = senders.iter_mut_after(last).find_map(|(no, sender)| Some((no, sender.next_chunk(moment)?)))?;
    *turn = Some(no);
    Some(frame)
}
