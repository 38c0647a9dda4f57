//! Rooms on real sockets, spoken by hand: what each message does, and what it does not when it is wrong.

mod basics;
