//! Uploads over HTTP to the real server program, with requests written by hand: each header and status of the protocols, bad input,
//! cuts and kills, and what the doors have in common.

mod checksum;
mod concat;
mod core;
mod creation;
mod cuts;
mod ends;
mod owners;
mod pages;
mod session;
mod stage;
mod writers;
