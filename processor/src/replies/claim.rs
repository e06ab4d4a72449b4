//! What ties a reply under way to its request.

use std::sync::Arc;
use std::time::Instant;

use kafka::writer::{Courier, WriteError};
use service::traces::Span;
use service::traces::names::OFFSET;

use crate::ledger::{Debt, Ledger, Refused};
use crate::metrics::{Outcome, ProcessorMetrics};
use crate::names::Names;

/// A record that was taken from its partition and must be finished.
#[derive(Debug, Clone)]
pub(crate) struct Taken {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) offset: i64,
    pub(crate) at: Instant,
}

/// The right to settle a request's reply once that is written.
#[derive(Debug)]
pub(crate) struct Claim {
    request: Taken,
    /// What the reply answers; `None` for a notice that goes beside a dead letter.
    answers: Option<(&'static str, Outcome)>,
    /// The request's names, of a notice.
    names: Option<Box<Names>>,
    /// The reply's producing. Ends when this is dropped.
    sending: Option<Span>,
}

impl Claim {
    /// On a request that its reply finishes.
    pub(crate) fn answer(
        request: Taken,
        operation: &'static str,
        outcome: Outcome,
        sending: Option<Span>,
    ) -> Self {
        Self { request, answers: Some((operation, outcome)), names: None, sending }
    }

    /// On a request whose dead letter counts, and whose reply only says so.
    pub(crate) fn notice(request: Taken, names: Names, sending: Option<Span>) -> Self {
        Self { request, answers: None, names: Some(Box::new(names)), sending }
    }

    /// Not once the partition is somebody else's, nor when the request expired meanwhile.
    pub(super) fn is_wanted(&self) -> bool {
        self.request.ledger.wants_reply(self.request.offset)
    }
}

/// What the writers of replies ask and tell.
#[derive(Debug)]
pub(crate) struct ReplyCourier {
    pub(crate) metrics: Arc<ProcessorMetrics>,
}

impl Courier for ReplyCourier {
    type Token = Claim;

    fn departing(&self, claim: &Claim, _partition: i32) -> bool {
        claim.is_wanted()
    }

    fn delivered(&self, claim: Claim, _partition: i32, written_at: i64) {
        if let Some(mut span) = claim.sending {
            span.set(OFFSET, written_at);
        }
        let Taken { ledger, offset, at } = claim.request;
        if let Some((operation, outcome)) = claim.answers {
            self.metrics.processed(Some(operation), outcome);
            self.metrics.replied(at.elapsed());
        }
        ledger.settle(offset, Debt::Reply);
    }

    fn failed(&self, claim: Claim, error: &WriteError, _may_be_written: bool) {
        let Taken { ledger, offset, .. } = claim.request;
        let too_large = *error == WriteError::TooLarge;
        if let Some(mut span) = claim.sending {
            span.fail(if too_large { "reply_too_large" } else { "refused" }, error.to_string());
        }
        if claim.answers.is_some() {
            ledger.refuse(Refused { offset, too_large, message: error.to_string() });
        } else {
            let Names { id, request_id, trace_id } = claim.names.map(|names| *names).unwrap_or_default();
            tracing::warn!(
                id,
                request_id,
                trace_id,
                offset,
                %error,
                "Kafka refused an error reply; the dead letter has its request"
            );
            ledger.settle(offset, Debt::Reply);
        }
    }
}
