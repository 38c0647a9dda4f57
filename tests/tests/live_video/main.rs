//! Live streams on real sockets, spoken by hand: who may start and watch, that what is said reaches exactly the one that it is for,
//! that a stream outlives cuts, and that the counts are exact whatever happens to those who watch.

mod basics;
mod cuts;
mod stage;
