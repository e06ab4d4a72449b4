//! The soak tool.

pub mod clock;
pub mod fleet;
pub mod load;
pub mod random;
pub mod tail;
pub mod topics;
