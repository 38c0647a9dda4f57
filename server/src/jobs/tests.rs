//! The queue over a real store, with processors of the tests' own.

mod ends;
mod outside;
mod restarts;
mod stage;
