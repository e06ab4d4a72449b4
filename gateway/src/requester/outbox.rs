//! What the writer asks and tells about request records.

use std::sync::Arc;

use kafka::writer::{Courier, WriteError};
use protocol::{CorrelationId, Registry};
use service::traces::names::{OFFSET, PARTITION};

use super::origin::{Names, Trail};
use super::spans::Arrived;

/// How a pending request ends from outside.
pub(crate) enum Outcome {
    /// A reply came. Boxed, since the registry has room for an outcome beside each request that waits.
    Replied(Box<Arrived>),
    /// The record is larger than its topic takes.
    TooLarge,
    /// Kafka refused the record, and nobody tried to write it before.
    Refused,
    /// The requester stopped before a reply came.
    Stopped,
}

/// What goes with a request's record.
pub(crate) struct Ticket {
    pub(crate) id: CorrelationId,
    pub(crate) trail: Option<Box<Trail>>,
}

/// Connects the writer to the pending requests: a record whose request has ended is not sent, and the partition
/// with the fewest unanswered requests is preferred, so that a slow worker's partition gets less and that of one which
/// has come to a halt soon nothing.
pub(crate) struct Outbox {
    pub(crate) registry: Arc<Registry<Outcome>>,
}

impl Courier for Outbox {
    type Token = Ticket;

    fn load(&self, partition: i32) -> usize {
        self.registry.load(partition)
    }

    fn under_way(&self) -> usize {
        self.registry.pending()
    }

    fn departing(&self, ticket: &Ticket, partition: i32) -> bool {
        self.registry.departing(ticket.id, partition)
    }

    fn delivered(&self, ticket: Ticket, partition: i32, offset: i64) {
        if let Some(mut span) = ticket.trail.and_then(|trail| trail.sending) {
            span.set(PARTITION, partition.to_string());
            span.set(OFFSET, offset);
        }
    }

    fn failed(&self, ticket: Ticket, error: &WriteError, may_be_written: bool) {
        let Ticket { id, mut trail } = ticket;
        let too_large = matches!(error, WriteError::TooLarge);
        if let Some(span) = trail.as_mut().and_then(|trail| trail.sending.as_mut()) {
            span.fail(if too_large { "payload_too_large" } else { "refused" }, error.to_string());
        }
        if too_large {
            self.registry.end(id, Outcome::TooLarge);
        } else {
            let Names { request_id, trace_id } = trail.map(|trail| trail.names()).unwrap_or_default();
            tracing::warn!(%id, request_id, trace_id, %error, "Kafka refused a request");
            // Else an attempt before this one may have been appended unseen, and the request waits for its answer or its
            // deadline.
            if !may_be_written {
                self.registry.end(id, Outcome::Refused);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::Tag;
    use rskafka::client::error::ProtocolError;

    use super::*;

    #[test]
    fn what_was_refused_at_once_ends_and_what_may_be_written_waits() {
        let registry = Registry::new(Tag::random(), 10);
        let outbox = Outbox { registry: registry.clone() };
        let refused = WriteError::Refused(ProtocolError::TopicAuthorizationFailed);
        for may_be_written in [false, true] {
            let request = registry.register(None).unwrap();
            outbox.failed(Ticket { id: request.id(), trail: None }, &refused, may_be_written);
            assert_eq!(registry.pending(), usize::from(may_be_written));
        }
    }

    #[test]
    fn the_writer_is_told_how_many_requests_wait() {
        let registry = Registry::new(Tag::random(), 10);
        let outbox = Outbox { registry: registry.clone() };
        let waiting: Vec<_> = (0..3).map(|_| registry.register(None).unwrap()).collect();
        assert_eq!(outbox.under_way(), 3);
        drop(waiting);
        assert_eq!(outbox.under_way(), 0);
    }
}
