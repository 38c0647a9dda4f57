//! Live streams by the native SDK on real sockets: who follows one knows how it is, and what two ends say to each other gets there
//! once and in order, whatever becomes of the connections.

mod away;
mod broadcasters;
mod cuts;
mod observe;
mod place;
mod restart;
mod signalling;
mod viewers;
