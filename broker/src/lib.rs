//! An in-memory Kafka broker for local runs and tests. Nothing is kept on disk.
//!
//! One node that leads every partition and coordinates every group. It speaks enough of the protocol for
//! rskafka, for clients built on kafka-protocol and for librdkafka (kcat) to produce, to long-poll and to share a
//! topic through the classic group protocol, and it can be made to fail on demand ([`Faults`]).
//!
//! ```text
//!  Broker ── starts ──▶ a thread with a runtime of its own (works from any caller's runtime, or none)
//!                         server      accepts, owns every connection's task
//!                         connection  one request at a time, answers in order
//!                         dispatch    bytes to requests, answers to bytes
//!                         api         one file for each family of requests, and which versions are spoken
//!                           │                    │
//!                         topics, log          group
//!                         record batches as    pure state machine; time and
//!                         they were produced   waiting answers outside it
//! ```
//!
//! Bounded: each partition keeps [`Config::retention_bytes`] and drops its oldest batches; requests, connections,
//! partitions, groups and members have caps. What the protocol can refuse is refused with its own error; what it
//! has no answer for (an API or version that was never advertised, a frame that does not parse) is logged and
//! closes that one connection, as Apache Kafka does.
//!
//! Deliberately absent: disk, replication, transactions, de-duplication for idempotent producers (a producer id is
//! handed out, repeats are appended), static membership, the KIP-848 group protocol, authentication, TLS, and
//! deletion by age (`retention.ms` is kept and shown, the size bound is what deletes).

mod api;
mod broker;
mod config;
mod connection;
mod dispatch;
mod faults;
#[cfg(test)]
mod fuzz;
mod group;
mod inspect;
mod log;
mod node;
mod restart;
mod server;
mod topics;
mod wire;

pub use broker::{Broker, StartError};
pub use config::{Config, Listener};
pub use faults::{Faults, Times};
pub use kafka_protocol::ResponseError;
pub use restart::Stopped;
