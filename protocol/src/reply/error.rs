//! What a reply can say other than an output, and what can be wrong with one.

use std::borrow::Cow;

use serde::Deserialize;

use crate::code::{ErrorCode, Fault, bounded};
use crate::envelope::UnfitReason;

/// The worker says that the request failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({code})")]
pub struct WorkerError {
    /// An [`ErrorCode`]'s text or a foreign worker's own.
    pub code: String,
    /// For a person; cut at [`MAX_MESSAGE_BYTES`](crate::code::MAX_MESSAGE_BYTES).
    pub message: String,
}

/// A record that is no answer to the request it names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// The value is absent, is no JSON object in UTF-8, or has a field of the wrong type in its envelope.
    #[error("the reply is malformed: {0}")]
    Malformed(String),
    /// The envelope is of a version that this side does not speak, given as it was written.
    #[error("version {0} of the reply is unknown")]
    UnknownVersion(String),
    /// The id in the value is not the one that the record was found by.
    #[error("the reply's value is for another request than its header")]
    Contradiction,
}

/// A reply that has no output of the wanted type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutputError {
    /// The worker replied with an error.
    #[error("the worker replied with an error")]
    Worker(#[from] WorkerError),
    /// The output's fields do not fit.
    #[error("the output does not fit: {0}")]
    Unfit(String),
}

impl WorkerError {
    /// Whose fault it is: a code that is none of ours is the worker's own.
    pub fn fault(&self) -> Fault {
        ErrorCode::from_text(&self.code).map_or(Fault::Worker, ErrorCode::fault)
    }

    /// Reads an error in whatever form a worker gives it: an object of which `code` or `message` may be missing, a
    /// string, or anything else, which then is the message as it stands.
    pub(super) fn read(text: &str) -> Self {
        let fields = if text.trim_ascii_start().starts_with('{') {
            serde_json::from_str(text).unwrap_or_default()
        } else {
            Fields { code: None, message: serde_json::from_str(text).ok() }
        };
        let code = fields.code.as_deref().unwrap_or(ErrorCode::Failed.as_str());
        let message = fields.message.as_deref().unwrap_or(text);
        Self { code: bounded(code).to_owned(), message: bounded(message).to_owned() }
    }
}

#[derive(Default, Deserialize)]
struct Fields<'a> {
    #[serde(borrow)]
    code: Option<Cow<'a, str>>,
    #[serde(borrow)]
    message: Option<Cow<'a, str>>,
}

impl From<UnfitReason> for ReplyError {
    fn from(reason: UnfitReason) -> Self {
        match reason {
            UnfitReason::Malformed(detail) => Self::Malformed(detail),
            UnfitReason::UnknownVersion(version) => Self::UnknownVersion(version),
        }
    }
}
