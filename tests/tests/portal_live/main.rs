//! Portal views of a real server: over HTTP, and in their rooms.

mod demo;
mod rest;
mod rest_faults;
mod stage;
