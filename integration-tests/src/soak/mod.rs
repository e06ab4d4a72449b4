//! The soak tool.

pub mod by_hand;
pub mod clock;
pub mod faults;
pub mod fleet;
pub mod load;
pub mod options;
pub mod plan;
pub mod probe;
mod progress;
pub mod random;
pub mod report;
pub mod run;
pub mod settings;
pub mod site;
mod stalls;
pub mod tail;
pub mod topics;
