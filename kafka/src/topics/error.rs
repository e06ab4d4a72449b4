//! Why a topic cannot be used.

use std::time::Duration;

use kafka_protocol::ResponseError;

use crate::wire::WireError;

/// Why [`ensure`](super::ensure) or [`partition_count`](super::partition_count) failed.
#[derive(Debug, thiserror::Error)]
pub enum TopicError {
    /// These do not exist, and creating them was not asked for.
    #[error("missing in Kafka: topic {}; create it, or let this program do so (KAFKA_CREATE_TOPICS=true)", topics.join(", topic "))]
    Missing {
        /// All that are missing.
        topics: Vec<String>,
    },
    /// The brokers' access control forbids it to this client.
    #[error(
        "not allowed to {action} topic {topic} ({error}): the access control of the brokers must grant it to this client"
    )]
    NotAllowed {
        /// The topic.
        topic: String,
        /// What was tried: `look up` or `create`.
        action: &'static str,
        /// The broker's error code.
        error: ResponseError,
    },
    /// The broker refuses for another reason.
    #[error("Kafka refuses to {action} topic {topic}: {error}{}", explanation.as_deref().unwrap_or_default())]
    Refused {
        /// The topic.
        topic: String,
        /// What was tried: `look up` or `create`.
        action: &'static str,
        /// The broker's error code.
        error: ResponseError,
        /// What the broker adds in words, after a colon.
        explanation: Option<String>,
    },
    /// The topic exists, or should by now, and no partition of it has a leader.
    #[error("topic {topic} has no leader after {waited:?}")]
    NotReady {
        /// The topic.
        topic: String,
        /// How long we waited.
        waited: Duration,
    },
    /// The brokers could not be asked.
    #[error(transparent)]
    Wire(#[from] WireError),
}

impl TopicError {
    /// Whether trying again later may help without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Missing { .. } | Self::NotAllowed { .. } => false,
            // A cluster that is starting may not have enough brokers yet for its own default replication.
            Self::Refused { error, .. } => {
                error.is_retriable() || *error == ResponseError::InvalidReplicationFactor
            }
            Self::NotReady { .. } => true,
            Self::Wire(error) => {
                !matches!(error, WireError::NoCommonVersion { .. } | WireError::Unencodable { .. })
            }
        }
    }

    pub(super) fn refused(
        action: &'static str,
        topic: &str,
        error: ResponseError,
        explanation: Option<&str>,
    ) -> Self {
        let topic = topic.to_owned();
        match error {
            ResponseError::TopicAuthorizationFailed | ResponseError::ClusterAuthorizationFailed => {
                Self::NotAllowed { topic, action, error }
            }
            _ => Self::Refused {
                topic,
                action,
                error,
                explanation: explanation.map(|text| format!(": {text}")),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_right_is_named() {
        let error =
            TopicError::refused("create", "requests", ResponseError::TopicAuthorizationFailed, Some("nope"));
        assert!(matches!(error, TopicError::NotAllowed { .. }));
        assert!(!error.is_transient());
        assert!(error.to_string().starts_with("not allowed to create topic requests"), "{error}");
    }

    #[test]
    fn the_brokers_own_words_are_passed_on() {
        let error = TopicError::refused(
            "create",
            "requests",
            ResponseError::PolicyViolation,
            Some("too many partitions"),
        );
        assert_eq!(
            error.to_string(),
            "Kafka refuses to create topic requests: PolicyViolation: too many partitions"
        );
        let waiting =
            TopicError::refused("create", "requests", ResponseError::InvalidReplicationFactor, None);
        assert!(waiting.is_transient());
    }
}
