//! What is measured: one file for each kind of figure.

pub mod fairness;
pub mod idle;
pub mod loads;
pub mod payloads;
pub mod secured;
pub mod sharing;
pub mod workers;
