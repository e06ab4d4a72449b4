//! How one kind of call to the cluster fares.

use std::time::Duration;

use durations::{Durations, DurationsSum};

use crate::{CallError, wire::WireError};

/// What a call failed of, as few as tell what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorType {
    /// No answer in time.
    Timeout,
    /// No connection, or it ended.
    Connection,
    /// Another broker took over.
    Moved,
    /// The broker answered with an error code.
    Refused,
    /// The answer, or the question, cannot be expressed.
    Unreadable,
}

impl ErrorType {
    pub(super) const ALL: [Self; 5] =
        [Self::Timeout, Self::Connection, Self::Moved, Self::Refused, Self::Unreadable];

    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Connection => "connection",
            Self::Moved => "moved",
            Self::Refused => "refused",
            Self::Unreadable => "unreadable",
        }
    }
}

impl From<&CallError> for ErrorType {
    fn from(error: &CallError) -> Self {
        match error {
            CallError::Timeout { .. } => Self::Timeout,
            CallError::Moved { .. } => Self::Moved,
            CallError::Kafka { .. } => Self::Refused,
            CallError::Unreadable { .. } => Self::Unreadable,
            CallError::Connection { .. } => Self::Connection,
            CallError::LookUp(error) => error.into(),
        }
    }
}

impl From<&WireError> for ErrorType {
    fn from(error: &WireError) -> Self {
        match error {
            WireError::Timeout { .. } => Self::Timeout,
            WireError::Kafka { .. } | WireError::Login { .. } => Self::Refused,
            WireError::Connect { .. }
            | WireError::Closed { .. }
            | WireError::NoBroker { .. }
            | WireError::Tls { .. } => Self::Connection,
            WireError::Broken { .. } | WireError::Unencodable { .. } | WireError::NoCommonVersion { .. } => {
                Self::Unreadable
            }
        }
    }
}

/// The calls of one kind, by how they ended.
#[derive(Debug, Default)]
pub(crate) struct Operations {
    done: Durations,
    failed: [Durations; ErrorType::ALL.len()],
}

/// Their sum over several handles.
#[derive(Debug, Default)]
pub(super) struct OperationsSum {
    done: DurationsSum,
    failed: [DurationsSum; ErrorType::ALL.len()],
}

impl Operations {
    /// A call ended after so long, with an error or without.
    pub(crate) fn ended(&self, took: Duration, error: Option<ErrorType>) {
        error.map_or(&self.done, |error| &self.failed[error as usize]).observe(took);
    }

    pub(super) fn add_to(&self, sum: &mut OperationsSum) {
        self.done.add_to(&mut sum.done);
        for (sum, failed) in sum.failed.iter_mut().zip(&self.failed) {
            failed.add_to(sum);
        }
    }
}

impl OperationsSum {
    /// With the type of the error, empty for none. Errors that never came are left out.
    pub(super) fn series(&self) -> impl Iterator<Item = (&'static str, &DurationsSum)> {
        let failed = ErrorType::ALL.map(ErrorType::text).into_iter().zip(&self.failed);
        std::iter::once(("", &self.done)).chain(failed.filter(|(_, counted)| counted.count() > 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_told_apart_by_their_error() {
        let (operations, mut sum) = (Operations::default(), OperationsSum::default());
        operations.ended(Duration::from_millis(1), None);
        for error in ErrorType::ALL {
            operations.ended(Duration::from_millis(1), Some(error));
        }
        operations.ended(Duration::from_millis(1), Some(ErrorType::Moved));
        operations.add_to(&mut sum);
        let seen: Vec<_> = sum.series().map(|(error, counted)| (error, counted.count())).collect();
        let expected =
            [("", 1), ("timeout", 1), ("connection", 1), ("moved", 2), ("refused", 1), ("unreadable", 1)];
        assert_eq!(seen, expected);
    }
}
