//! Connections of our own: one request in flight, every await bounded.
//!
//! rskafka moves records and nothing else. Groups, topic configs and batches that it cannot decode are asked for here,
//! with the message types of `kafka-protocol` over a plain socket.
//!
//! ```text
//!   bootstrap ──▶ metadata ──▶ open_leader        a topic's partition
//!       │
//!       └───────▶ FindCoordinator ──▶ open_coordinator   a consumer group
//!
//!   Connection::call   request ─▶ header + body ─▶ frame ─▶ socket ─▶ frame ─▶ correlation id checked ─▶ response
//! ```
//!
//! A connection that failed or whose call was abandoned may hold half a frame. It refuses every further call: drop it
//! and open another.

mod answer;
mod bootstrap;
mod connection;
mod coordinator;
mod error;
mod fetched;
mod frame;
#[cfg(test)]
mod fuzz;
mod metadata;
mod stream;

pub use bootstrap::bootstrap;
pub(crate) use bootstrap::first_to_answer;
pub use connection::Connection;
pub(crate) use coordinator::has_successor;
pub use coordinator::open_coordinator;
pub use error::{WireError, accepted};
pub(crate) use fetched::VERSIONS as FETCH_VERSIONS;
pub(crate) use frame::MAX_FRAME_BYTES;
pub use kafka_protocol::ResponseError;
pub(crate) use metadata::no_leader;
pub use metadata::{Broker, MAX_PARTITIONS, Metadata, Partition, Topic, metadata, open_leader};
