//! Bad input to a real server: each fault has its own clear code, the server goes on, and nothing is left behind.

mod calls;
mod disk;
mod frames;
mod http;
mod streams;
mod tokens;
mod ward;
