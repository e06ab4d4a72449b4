//! The bench: what the broker costs, what HTTP costs, and what the stack costs, in one run on one machine.

pub mod child;
pub mod driver;
pub mod floor;
pub mod plain;
pub mod report;
pub mod sample;
