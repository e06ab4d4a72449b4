//! One call through rskafka: bounded, and with an error that says what it means for us.

use std::{error::Error, future::Future, time::Duration};

use rskafka::{
    BackoffError,
    client::error::{Error as ClientError, ProtocolError, RequestError},
};
use tokio::time::timeout;

use crate::wire::WireError;

/// Why a call to a partition's leader, or the way to it, came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No answer in time; the request may or may not have been carried out.
    #[error("no answer to {call} within {limit:?}")]
    Timeout {
        /// What was asked.
        call: &'static str,
        /// How long we waited.
        limit: Duration,
    },
    /// Another broker leads the partition by now; the request may or may not have been carried out.
    #[error("the leader had not answered {call} when another took its place")]
    Moved {
        /// What was asked.
        call: &'static str,
    },
    /// A broker understood, and answered with an error code.
    #[error("Kafka answers {call} with {error}")]
    Kafka {
        /// What was asked.
        call: &'static str,
        /// The code's name.
        error: ProtocolError,
    },
    /// What came back cannot be read, by rskafka at least.
    #[error("cannot read the answer to {call}")]
    Unreadable {
        /// What was asked.
        call: &'static str,
        /// What rskafka says.
        source: ClientError,
    },
    /// The connection ended, or none came about; the request may or may not have been carried out.
    #[error("{call} failed")]
    Connection {
        /// What was asked.
        call: &'static str,
        /// What rskafka says.
        source: ClientError,
    },
    /// The partition's leader could not be looked up.
    #[error(transparent)]
    LookUp(#[from] WireError),
}

impl CallError {
    /// The broker's own error code, if this is one.
    pub fn kafka(&self) -> Option<ProtocolError> {
        match self {
            Self::Kafka { error, .. } => Some(*error),
            Self::LookUp(error) => error.kafka().and_then(|error| ProtocolError::new(error.code())),
            _ => None,
        }
    }

    /// The error and what caused it, in one line.
    pub(crate) fn in_words(&self) -> String {
        let mut words = self.to_string();
        let mut source = self.source();
        while let Some(cause) = source {
            words = format!("{words}: {cause}");
            // rskafka's errors name their causes themselves.
            source = if cause.is::<ClientError>() { None } else { cause.source() };
        }
        words
    }

    /// `name` is what was asked, for the message.
    fn of_client(call: &'static str, error: ClientError) -> Self {
        match error {
            ClientError::ServerError { protocol_error, .. } => Self::Kafka { call, error: protocol_error },
            // What failed the only try: see `clients`.
            ClientError::RetryFailed(BackoffError::DeadlineExceded { deadline, source }) => {
                match source.downcast::<ClientError>() {
                    Ok(cause) => Self::of_client(call, *cause),
                    Err(source) => {
                        let error = BackoffError::DeadlineExceded { deadline, source };
                        Self::Connection { call, source: ClientError::RetryFailed(error) }
                    }
                }
            }
            source @ (ClientError::InvalidResponse(_)
            | ClientError::Request(
                RequestError::ReadError(_)
                | RequestError::ReadVersionedError(_)
                | RequestError::TooMuchData { .. },
            )) => Self::Unreadable { call, source },
            source => Self::Connection { call, source },
        }
    }
}

/// Awaits `answer` for at most `limit`.
pub(super) async fn bounded<T>(
    call: &'static str,
    limit: Duration,
    answer: impl Future<Output = Result<T, ClientError>>,
) -> Result<T, CallError> {
    match timeout(limit, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(CallError::of_client(call, error)),
        Err(_) => Err(CallError::Timeout { call, limit }),
    }
}
