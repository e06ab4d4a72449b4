//! How a call over a connection of our own can fail.

use std::{error::Error, io, ops::RangeInclusive, time::Duration};

use kafka_protocol::{ResponseError, messages::ApiKey};

/// Why a connection or a call came to nothing. Whatever it was, the connection is spent, except after
/// [`WireError::Kafka`], which is an answer like any other.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// Nobody accepts connections there, or the name does not resolve.
    #[error("cannot connect to {address}")]
    Connect {
        /// Where to.
        address: String,
        /// What the operating system says.
        source: io::Error,
    },
    /// No answer in time; the request may or may not have been carried out.
    #[error("{address} did not answer {call} within {limit:?}")]
    Timeout {
        /// Who was asked.
        address: String,
        /// What was asked: the name of the API, or `connect`.
        call: String,
        /// How long we waited.
        limit: Duration,
    },
    /// The connection ended under the call; the request may or may not have been carried out.
    #[error("connection to {address} is closed")]
    Closed {
        /// The other end.
        address: String,
        /// What the operating system says.
        source: io::Error,
    },
    /// No TLS comes about with whoever listens there, or it is not the one we mean.
    #[error("no TLS with {address}: {hint}")]
    Tls {
        /// Who was dialled.
        address: String,
        /// What to look at.
        hint: &'static str,
        /// What went wrong.
        source: io::Error,
    },
    /// The broker does not let us in by SASL, or we do not believe it.
    #[error("cannot log in to {address} by {mechanism}: {reason}")]
    Login {
        /// Which broker.
        address: String,
        /// Name of the mechanism.
        mechanism: &'static str,
        /// What the broker says, or what is wrong with it.
        reason: String,
    },
    /// What came back is not what the protocol says.
    #[error("{address} sent a broken answer: {reason}")]
    Broken {
        /// Who sent it.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Our side cannot express the request in the version chosen.
    #[error("cannot encode {call}: {reason}")]
    Unencodable {
        /// Name of the API.
        call: String,
        /// What the encoder says.
        reason: String,
    },
    /// The broker is too old or too new for us, or lacks the API altogether.
    #[error("no common version of {call} with {address}: broker has {offered:?}, we need {needed:?}")]
    NoCommonVersion {
        /// Who was asked.
        address: String,
        /// Name of the API.
        call: String,
        /// What the broker offers, if it knows the API.
        offered: Option<RangeInclusive<i16>>,
        /// What we could have spoken.
        needed: RangeInclusive<i16>,
    },
    /// The broker understood, and answered with an error code.
    #[error("Kafka answers {what} with {error} ({})", error.code())]
    Kafka {
        /// What was asked for, in words.
        what: String,
        /// The code and its name.
        error: ResponseError,
    },
    /// None of the bootstrap addresses led to a broker that answers.
    #[error("no broker answers at {addresses}")]
    NoBroker {
        /// All that were tried.
        addresses: String,
        /// What the last of them died of.
        source: Option<Box<WireError>>,
    },
}

impl WireError {
    /// The broker's own error code, if this is one.
    pub fn kafka(&self) -> Option<ResponseError> {
        match self {
            Self::Kafka { error, .. } => Some(*error),
            _ => None,
        }
    }

    /// The error and what caused it, in one line.
    pub(crate) fn in_words(&self) -> String {
        let mut words = self.to_string();
        let mut source = self.source();
        while let Some(cause) = source {
            words = format!("{words}: {cause}");
            source = cause.source();
        }
        words
    }

    /// What bars the way though somebody is there: a login or TLS. In words that are the same for every broker.
    pub(crate) fn barrier(&self) -> Option<&str> {
        match self {
            Self::Login { reason, .. } => Some(reason),
            Self::Tls { hint, .. } => Some(hint),
            Self::NoBroker { source: Some(source), .. } => source.barrier(),
            _ => None,
        }
    }
}

/// Turns a broker's error code into a result; `what` says in words what was asked for.
pub fn accepted(code: i16, what: impl FnOnce() -> String) -> Result<(), WireError> {
    match ResponseError::try_from_code(code) {
        None => Ok(()),
        Some(error) => Err(WireError::Kafka { what: what(), error }),
    }
}

/// The API's name as Kafka's documentation spells it.
pub(super) fn call_name(key: i16) -> String {
    ApiKey::try_from(key).map_or_else(|()| format!("API {key}"), |api| format!("{api:?}"))
}
