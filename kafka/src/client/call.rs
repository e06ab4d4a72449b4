//! One call through rskafka: bounded, and with an error that says what it means for us.

use std::{any::Any, error::Error, future::Future, panic::AssertUnwindSafe, time::Duration};

use futures::FutureExt;
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

/// Awaits `answer` for at most `limit`. rskafka may panic over what a broker sends; that, too, is an answer that cannot be
/// read, and no end of whoever asked.
pub(super) async fn bounded<T>(
    call: &'static str,
    limit: Duration,
    answer: impl Future<Output = Result<T, ClientError>>,
) -> Result<T, CallError> {
    match timeout(limit, AssertUnwindSafe(answer).catch_unwind()).await {
        Ok(Ok(Ok(answer))) => Ok(answer),
        Ok(Ok(Err(error))) => Err(CallError::of_client(call, error)),
        Ok(Err(panic)) => {
            let source = ClientError::InvalidResponse(format!("rskafka panicked: {}", message(&*panic)));
            Err(CallError::Unreadable { call, source })
        }
        Err(_) => Err(CallError::Timeout { call, limit }),
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a word")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_of_the_client_library_is_an_answer_that_cannot_be_read() {
        let (formatted, bare) = (7, false);
        let panics = [
            bounded::<()>("fetch", Duration::from_secs(5), async { panic!("offset {formatted}") }).await,
            bounded("fetch", Duration::from_secs(5), async {
                assert!(bare, "who closed this?");
                Ok(())
            })
            .await,
        ];
        for (panicked, words) in panics.into_iter().zip(["panicked: offset 7", "panicked: who closed this?"])
        {
            let error = panicked.unwrap_err();
            assert!(matches!(error, CallError::Unreadable { call: "fetch", .. }), "{error:?}");
            assert!(error.in_words().contains(words), "{}", error.in_words());
        }
    }
}
