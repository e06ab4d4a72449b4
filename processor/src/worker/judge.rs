//! What becomes of one record. No I/O: a record, the clocks and what is known of the reply topics go in, a verdict
//! comes out.
//!
//! ```text
//!   record ─▶ a request? ─▶ expired? ─▶ where to? ─▶ which operation? ─▶ short? ─▶ handler ─▶ Reply
//!               │no          │yes        │unknown     │none               │heavy     │failed
//!               ▼            ▼           ▼            ▼                   ▼          ▼
//!           DeadLetter    Expired     LookUp      DeadLetter            Heavy     DeadLetter
//! ```

use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka::Record;
use protocol::{ErrorCode, Headers, ReplyRecord, Request, ReturnAddress};

use super::expiry::{Reading, implied_deadline};
use crate::handler::{Erased, HANDLER_PANICKED, Unanswered};
use crate::metrics::Outcome;
use crate::names::Names;
use crate::replies::{AllowedTopics, Destination, Route};
use crate::{Cost, Operations};

/// What becomes of a record.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Nobody waits for it any more.
    Expired { operation: Option<&'static str> },
    /// To be judged again on the pool of threads.
    Heavy,
    /// To be judged again when more is known of this reply topic.
    LookUp { topic: usize },
    /// To be written, by then if the request expires.
    Ending(Ending, Option<Instant>),
}

/// What has to be written before a record is finished.
#[derive(Debug)]
pub(crate) enum Ending {
    /// The reply, which is all.
    Reply { to: Destination, reply: ReplyRecord, operation: &'static str, outcome: Outcome },
    /// The record, as a dead letter.
    DeadLetter(GivenUp),
}

/// A record that is kept as a dead letter.
#[derive(Debug)]
pub(crate) struct GivenUp {
    pub(crate) reason: Reason,
    /// The error reply, where one can be addressed.
    pub(crate) notice: Option<(Destination, ReplyRecord)>,
    pub(crate) operation: Option<&'static str>,
}

/// Why a record is kept as a dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reason {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    /// How often a handler saw it.
    pub(crate) attempts: u32,
}

/// Where a record is judged, and a handler would run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// On the worker's one loop.
    Loop,
    /// On the pool.
    Pool,
}

/// Knows the operations, the reply topics and the rules.
#[derive(Debug)]
pub(crate) struct Judge {
    pub(crate) operations: Operations,
    pub(crate) topics: Arc<AllowedTopics>,
    /// Age past which a record without a deadline is expired.
    pub(crate) max_age: Duration,
}

impl Judge {
    /// Judges a record that was read as `reading` says, at the moment `now`.
    pub(crate) fn judge(&self, record: &Record, reading: &Reading, now: Instant, place: Place) -> Verdict {
        let key = record.key.as_deref();
        let request = match Request::decode(key, record.value.as_deref(), &record.headers) {
            Ok(request) => request,
            Err(error) => {
                let refusal = Refusal::of(error.code(), error.to_string(), 0);
                let given_up = self.refuse(error.return_address, key, refusal, None);
                return Verdict::Ending(Ending::DeadLetter(given_up), None);
            }
        };
        let operation = self.operations.find(&request.operation);
        let name = operation.map(|operation| operation.name());
        let deadline = request
            .deadline
            .unwrap_or_else(|| implied_deadline(record.timestamp.timestamp_millis(), self.max_age));
        let expires = reading.expiry(&deadline);
        if expires.is_some_and(|at| now >= at) {
            return Verdict::Expired { operation: name };
        }
        let refuse = |refusal| {
            let given_up = self.refuse(Some(request.return_address()), key, refusal, name);
            Verdict::Ending(Ending::DeadLetter(given_up), expires)
        };
        let to = match self.topics.route(&request.reply_to, key, now) {
            Route::To(destination) => destination,
            Route::Unknown { topic } => return Verdict::LookUp { topic },
            Route::NotAllowed => {
                let topic = request.reply_to.topic.unwrap_or_default();
                let message = format!("reply topic {topic:?} is none that this worker writes to");
                return refuse(Refusal::of(ErrorCode::ReplyTopicNotAllowed, message, 0));
            }
            Route::NoSuchPartition(partition) => {
                let message = format!("the reply topic has no partition {partition}");
                return refuse(Refusal::of(ErrorCode::BadReplyHeader, message, 0));
            }
            Route::NoSuchTopic => {
                let topic = request.reply_to.topic.unwrap_or_default();
                let message = format!("reply topic {topic:?} does not exist");
                return refuse(Refusal::of(ErrorCode::BadReplyHeader, message, 0));
            }
        };
        let Some(operation) = operation else {
            let message = format!("this worker knows no operation {:?}", request.operation);
            return refuse(Refusal::of(ErrorCode::UnknownOperation, message, 0));
        };
        if operation.cost() == Cost::Heavy && place == Place::Loop {
            return Verdict::Heavy;
        }
        match operation.answer(&request) {
            Ok(reply) => Verdict::Ending(answered(to, reply, &**operation, Outcome::Answered), expires),
            Err(Unanswered { code, dead_letter_reason: None, message }) => {
                let reply = request.error_reply(code, &message);
                Verdict::Ending(answered(to, reply, &**operation, Outcome::Rejected), expires)
            }
            Err(Unanswered { code, dead_letter_reason: Some(reason), message }) => {
                if reason == HANDLER_PANICKED {
                    let Names { id, request_id, trace_id } = Names::of(record);
                    tracing::error!(operation = name, id, request_id, trace_id, "a handler panicked");
                }
                refuse(Refusal { code, reason, message, attempts: 1 })
            }
        }
    }

    /// The ending of a record that the Kafka client could not carry, or whose reply could not be written: key, value
    /// and headers as far as they are there.
    pub(crate) fn give_up(
        &self,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &Headers,
        refusal: Refusal,
    ) -> GivenUp {
        let (address, operation) = match Request::decode(key, value, headers) {
            Ok(request) => {
                let operation = self.operations.find(&request.operation).map(|operation| operation.name());
                (Some(request.return_address()), operation)
            }
            Err(error) => (error.return_address, None),
        };
        self.refuse(address, key, refusal, operation)
    }

    fn refuse(
        &self,
        address: Option<ReturnAddress>,
        key: Option<&[u8]>,
        refusal: Refusal,
        operation: Option<&'static str>,
    ) -> GivenUp {
        let Refusal { code, reason, message, attempts } = refusal;
        let notice = address.and_then(|address| {
            let destination = self.topics.nearest(&address.reply_to(), key)?;
            Some((destination, address.error_reply(code, &message)))
        });
        GivenUp { reason: Reason { code: reason, message, attempts }, notice, operation }
    }
}

/// Why a record gets no output, for its error reply and its dead letter.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) code: ErrorCode,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
    pub(crate) attempts: u32,
}

impl Refusal {
    /// The dead letter's reason is the error reply's code.
    pub(crate) fn of(code: ErrorCode, message: String, attempts: u32) -> Self {
        Self { code, reason: code.as_str(), message, attempts }
    }
}

fn answered(to: Destination, reply: ReplyRecord, operation: &dyn Erased, outcome: Outcome) -> Ending {
    Ending::Reply { to, reply, operation: operation.name(), outcome }
}

#[cfg(test)]
mod tests;
