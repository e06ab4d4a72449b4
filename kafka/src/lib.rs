//! Moves records over rskafka partition clients, and says over connections of its own what rskafka cannot.
//!
//! ```text
//!   writer ──▶ lanes ──▶ rskafka PartitionClient ──▶ broker ──▶ rskafka PartitionClient ──▶ reader
//!                                                    │  ▲
//!   topics, group, batches rskafka cannot decode ────┴──┘  wire: a connection of our own (kafka-protocol)
//! ```
//!
//! Everything that is known to go wrong with the client libraries is handled in this crate and nowhere else: calls
//! without a timeout, retries without an end, sockets that wait for a delayed acknowledgement, batches that
//! cannot be decoded. The crate knows nothing of what the records mean.

pub mod batch;
pub mod check;
mod client;
mod config;
pub mod group;
mod health;
mod log_ends;
mod lookout;
pub mod metrics;
pub mod permissions;
pub mod reader;
pub mod secure;
mod sockets;
pub mod topics;
pub mod wire;
pub mod writer;

pub use client::{Backoff, CallError, Kafka};
pub use config::Config;
pub use health::{Fault, Health, HealthView};
pub use log_ends::{LogPoint, log_ends, log_offsets};
pub use lookout::{Lookout, PastEnds};
pub use rskafka::record::{Record, RecordAndOffset};
pub use secure::Security;
