//! Why a request has no answer.

use protocol::CorrelationId;

/// A request that ended without an answer.
#[derive(Debug, thiserror::Error)]
#[error("{failure}")]
pub struct RequestError {
    /// The request, once it had a name.
    pub id: Option<CorrelationId>,
    /// What happened to it.
    #[source]
    pub failure: Failure,
}

/// What can happen to a request, apart from being answered.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Too many are pending. Nothing was handed to Kafka.
    #[error("too many requests are pending")]
    Overloaded,
    /// Kafka cannot be reached, or could not take the request before its deadline. Nothing was handed to it.
    #[error("Kafka cannot be reached")]
    KafkaUnavailable,
    /// Kafka does not let the requester write to the request topic. The request was not written.
    #[error("Kafka refuses requests")]
    Refused,
    /// No worker is in the group. Nothing was handed to Kafka.
    #[error("no worker is running")]
    NoWorkers,
    /// The requester is going away. Nothing was handed to Kafka.
    #[error("the requester is shutting down")]
    ShuttingDown,
    /// The record is larger than the request topic takes; it was not written.
    #[error("the request is too large for its topic")]
    TooLarge,
    /// The payload is no JSON object.
    #[error("the payload cannot be written as a JSON object")]
    Unencodable(#[source] protocol::EncodeError),
    /// No reply by the deadline. The request was written, or perhaps written: it may still be executed.
    #[error("no reply came in time")]
    OutcomeUnknown,
    /// The worker says that the request is at fault.
    #[error("the worker rejected the request: {message} ({code})")]
    Rejected {
        /// The worker's stable code.
        code: String,
        /// The worker's words.
        message: String,
    },
    /// The worker says that it is at fault itself.
    #[error("the worker failed: {message} ({code})")]
    Failed {
        /// The worker's stable code.
        code: String,
        /// The worker's words.
        message: String,
    },
    /// A reply came that is no answer: it contradicts itself or cannot be read.
    #[error("the reply cannot be trusted: {0}")]
    BadReply(String),
}

impl Failure {
    /// Whether a worker replied, be it with an error.
    pub(crate) fn is_reply(&self) -> bool {
        matches!(self, Self::Rejected { .. } | Self::Failed { .. } | Self::BadReply(_))
    }
}

impl RequestError {
    pub(crate) fn unnamed(failure: Failure) -> Self {
        Self { id: None, failure }
    }

    pub(crate) fn about(id: CorrelationId, failure: Failure) -> Self {
        Self { id: Some(id), failure }
    }
}
