//! What a failed produce call means for its records.

use rskafka::client::error::ProtocolError;

use super::WriteError;
use crate::CallError;

/// What to do with the records of a batch that was not accepted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Try again: they may or may not have been appended.
    Retry,
    /// At least one of them can never be accepted. Alone it fails; of several the guilty one is still to be found.
    Guilty(WriteError),
    /// None of them can be accepted.
    Refused(WriteError),
}

impl Verdict {
    pub(super) fn on(error: &CallError) -> Self {
        use ProtocolError as E;
        let Some(code) = error.kafka() else { return Self::Retry };
        match code {
            E::MessageTooLarge | E::RecordListTooLarge => Self::Guilty(WriteError::TooLarge),
            E::InvalidRecord | E::InvalidTimestamp => Self::Guilty(WriteError::Refused(code)),
            E::TopicAuthorizationFailed
            | E::ClusterAuthorizationFailed
            | E::InvalidTopicException
            | E::InvalidRequest
            | E::InvalidRequiredAcks
            | E::PolicyViolation
            | E::UnsupportedCompressionType
            | E::UnsupportedForMessageFormat
            | E::UnsupportedVersion => Self::Refused(WriteError::Refused(code)),
            _ => Self::Retry,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_time_may_mend_is_tried_again() {
        let timeout = CallError::Timeout { call: "produce", limit: Duration::from_secs(1) };
        assert_eq!(Verdict::on(&timeout), Verdict::Retry);
        for error in [
            ProtocolError::NotLeaderOrFollower,
            ProtocolError::NotEnoughReplicasAfterAppend,
            ProtocolError::KafkaStorageError,
            ProtocolError::UnknownTopicOrPartition,
            ProtocolError::CorruptMessage,
            ProtocolError::Unknown(999),
        ] {
            assert_eq!(Verdict::on(&CallError::Kafka { call: "produce", error }), Verdict::Retry, "{error}");
        }
    }

    #[test]
    fn what_no_retry_mends_is_not() {
        let on = |error| Verdict::on(&CallError::Kafka { call: "produce", error });
        assert_eq!(on(ProtocolError::MessageTooLarge), Verdict::Guilty(WriteError::TooLarge));
        let refused = WriteError::Refused(ProtocolError::TopicAuthorizationFailed);
        assert_eq!(on(ProtocolError::TopicAuthorizationFailed), Verdict::Refused(refused));
    }
}
