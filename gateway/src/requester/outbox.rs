//! What the writer asks and tells about request records.

use std::sync::Arc;

use kafka::Record;
use kafka::writer::{Courier, WriteError};
use protocol::{CorrelationId, Registry};

/// How a pending request ends from outside.
pub(crate) enum Outcome {
    /// A reply came.
    Replied(Record),
    /// The record is larger than its topic takes.
    TooLarge,
    /// The requester stopped before a reply came.
    Stopped,
}

/// Connects the writer to the pending requests: a record whose request has ended is not sent, and the partition
/// with the fewest unanswered requests is preferred, so that a slow worker's partition gets less and that of one which
/// has come to a halt soon nothing.
pub(crate) struct Outbox {
    pub(crate) registry: Arc<Registry<Outcome>>,
}

impl Courier for Outbox {
    type Token = CorrelationId;

    fn load(&self, partition: i32) -> usize {
        self.registry.load(partition)
    }

    fn departing(&self, id: &CorrelationId, partition: i32) -> bool {
        self.registry.departing(*id, partition)
    }

    fn delivered(&self, _: CorrelationId, _: i32, _: i64) {}

    fn failed(&self, id: CorrelationId, error: &WriteError) {
        if matches!(error, WriteError::TooLarge) {
            self.registry.end(id, Outcome::TooLarge);
        } else {
            // An attempt before this one may have been appended unseen, so the request waits for its answer or
            // its deadline.
            tracing::warn!(%id, %error, "Kafka refused a request");
        }
    }
}
