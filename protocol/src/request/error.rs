//! Why a record is no request.

use crate::address::ReturnAddress;
use crate::code::{ErrorCode, bounded};
use crate::envelope::{SUPPORTED_VERSIONS, UnfitReason};
use crate::header::InvalidDeadline;
use crate::reply::ReplyRecord;

/// A record that is no request, with what is needed to say so to whoever wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct RequestError {
    /// What is wrong with it.
    pub kind: RequestErrorKind,
    /// Where to answer; `None` if nothing in the record says which request it is.
    pub return_address: Option<ReturnAddress>,
}

/// What is wrong with a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestErrorKind {
    /// The value is absent, is no JSON object in UTF-8, or has a field of the wrong type in its envelope.
    #[error("the request is malformed: {0}")]
    Malformed(String),
    /// The envelope is of a version that this side does not speak, given as it was written.
    #[error("version {0} of the request is unknown; known: {SUPPORTED_VERSIONS:?}")]
    UnknownVersion(String),
    /// Neither header nor key nor value has an id.
    #[error("the request has no correlation id in header, key or value")]
    MissingCorrelationId,
    /// The reply topic or partition cannot be read.
    #[error("the request does not say where to reply: {0}")]
    BadReplyHeader(String),
    /// The deadline cannot be read.
    #[error(transparent)]
    BadDeadline(#[from] InvalidDeadline),
}

impl RequestError {
    /// The stable code, for the dead letter's reason and the error reply.
    pub fn code(&self) -> ErrorCode {
        match self.kind {
            RequestErrorKind::Malformed(_) => ErrorCode::Malformed,
            RequestErrorKind::UnknownVersion(_) => ErrorCode::UnknownVersion,
            RequestErrorKind::MissingCorrelationId => ErrorCode::MissingCorrelationId,
            RequestErrorKind::BadReplyHeader(_) => ErrorCode::BadReplyHeader,
            RequestErrorKind::BadDeadline(_) => ErrorCode::BadDeadline,
        }
    }

    /// The error reply, if the record says which request it answers. Its key is the record's key.
    pub fn reply(&self) -> Option<ReplyRecord> {
        Some(self.return_address.as_ref()?.error_reply(self.code(), &self.to_string()))
    }
}

impl From<UnfitReason> for RequestErrorKind {
    fn from(reason: UnfitReason) -> Self {
        match reason {
            UnfitReason::Malformed(detail) => Self::Malformed(detail),
            UnfitReason::UnknownVersion(version) => Self::UnknownVersion(version),
        }
    }
}

/// A payload that does not fit its operation: [`ErrorCode::InvalidPayload`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the payload does not fit: {0}")]
pub struct PayloadError(String);

impl From<serde_json::Error> for PayloadError {
    fn from(error: serde_json::Error) -> Self {
        Self(bounded(&error.to_string()).to_owned())
    }
}
