//! How much of something one identity may have.

mod allowance;
mod quota;

pub use allowance::Allowance;
pub use quota::Quota;
pub(crate) use quota::{first_reservation, next_reservation};
