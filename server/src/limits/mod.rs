//! How much of something one identity may have.

mod quota;

pub use quota::Quota;
pub(crate) use quota::{first_reservation, next_reservation};
