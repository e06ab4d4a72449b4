//! What ties a reply under way to its request.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use kafka::writer::{Courier, WriteError};

use crate::ledger::{Ledger, Refused};
use crate::metrics::{Outcome, ProcessorMetrics};

/// The right to finish a request once its reply is written.
#[derive(Debug)]
pub(crate) struct Claim {
    ledger: Arc<Ledger>,
    offset: i64,
    kind: Kind,
    taken: Instant,
    expires: Option<Instant>,
    /// It was on its way once and may have been written.
    tried: AtomicBool,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    /// It is what the request gets.
    Answer { operation: &'static str, outcome: Outcome },
    /// It goes beside a dead letter, which is what keeps the request.
    Notice,
}

impl Claim {
    /// On a request that its reply finishes.
    pub(crate) fn answer(record: Taken, operation: &'static str, outcome: Outcome) -> Self {
        Self::new(record, Kind::Answer { operation, outcome })
    }

    /// On a request whose dead letter counts, and whose reply only says so.
    pub(crate) fn notice(record: Taken) -> Self {
        Self::new(record, Kind::Notice)
    }

    fn new(record: Taken, kind: Kind) -> Self {
        let Taken { ledger, offset, at, expires } = record;
        Self { ledger, offset, kind, taken: at, expires, tried: AtomicBool::new(false) }
    }
}

/// A record that was taken from its partition and must be finished.
#[derive(Debug, Clone)]
pub(crate) struct Taken {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) offset: i64,
    pub(crate) at: Instant,
    /// When nobody waits for it any more, if that is known.
    pub(crate) expires: Option<Instant>,
}

/// What the writers of replies ask and tell.
#[derive(Debug)]
pub(crate) struct ReplyCourier {
    pub(crate) metrics: Arc<ProcessorMetrics>,
}

impl Courier for ReplyCourier {
    type Token = Claim;

    /// A reply is not sent once the partition is somebody else's. One that could not be written at first is given up
    /// when its request expires, so that a reply partition without a leader holds nothing up for ever.
    fn departing(&self, claim: &Claim, _partition: i32) -> bool {
        if claim.ledger.lease().is_over() {
            return false;
        }
        let tried = claim.tried.swap(true, Ordering::Relaxed);
        if tried && claim.expires.is_some_and(|at| Instant::now() >= at) {
            tracing::debug!(offset = claim.offset, "the request expired before its reply could be written");
            if let Kind::Answer { operation, .. } = claim.kind {
                self.metrics.processed(Some(operation), Outcome::Expired);
            }
            claim.ledger.settle(claim.offset);
            return false;
        }
        true
    }

    fn delivered(&self, claim: Claim, _partition: i32, _offset: i64) {
        if let Kind::Answer { operation, outcome } = claim.kind {
            self.metrics.processed(Some(operation), outcome);
            self.metrics.replied(claim.taken.elapsed());
        }
        claim.ledger.settle(claim.offset);
    }

    fn failed(&self, claim: Claim, error: &WriteError) {
        let too_large = *error == WriteError::TooLarge;
        match claim.kind {
            Kind::Answer { .. } => {
                claim.ledger.refuse(Refused { offset: claim.offset, too_large, message: error.to_string() });
            }
            Kind::Notice => {
                tracing::warn!(offset = claim.offset, %error, "Kafka refused an error reply; its dead letter has the record");
                claim.ledger.settle(claim.offset);
            }
        }
    }
}
