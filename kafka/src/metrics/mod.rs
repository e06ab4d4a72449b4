//! What is counted of the traffic with the cluster, and its metrics for whoever scrapes the process.
//!
//! ```text
//!   lanes, dead letters ─▶ Sends ─┐ one for each topic
//!   readers ─────────────▶ Reads ─┤                        ┌─ handle of shard 1
//!   members ───────────▶ Commits ─┴─ Tallies of a handle ──┼─ handle of shard 2 ─▶ summed at each scrape
//! ```
//!
//! Counting is a few relaxed additions for each batch, not for each record, in cells that belong to one handle; what
//! several handles counted is summed when somebody looks. Names and labels are those of OpenTelemetry's semantic
//! conventions for messaging, as its rules write them for Prometheus; `docs/observability.md` has the table.

mod collector;
mod operations;
mod tallies;

pub use collector::KafkaMetrics;

pub(crate) use operations::{ErrorType, Operations};
pub(crate) use tallies::{Reads, Sends, Tallies};
