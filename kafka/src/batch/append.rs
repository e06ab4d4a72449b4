//! Appends records one after the other, each acknowledged before the next: for tools that say what became of each.

use std::collections::HashMap;

use kafka_protocol::ResponseError;
use tokio::time::Instant;

use super::{RawRecord, produce::produce_over};
use crate::{
    Backoff, Kafka,
    wire::{self, Connection, WireError},
};

/// Appends to the partitions of one topic over connections that it keeps.
#[derive(Debug)]
pub struct RawAppender {
    kafka: Kafka,
    topic: String,
    connections: HashMap<i32, Connection>,
}

/// A record was not acknowledged.
#[derive(Debug, thiserror::Error)]
#[error("the record was not acknowledged")]
pub struct AppendError {
    /// Whether it may have been appended all the same, by the last try or by one before it.
    pub may_be_there: bool,
    /// What the last try died of.
    pub source: WireError,
}

impl RawAppender {
    /// Connects when first asked.
    pub fn new(kafka: &Kafka, topic: &str) -> Self {
        Self { kafka: kafka.clone(), topic: topic.to_owned(), connections: HashMap::new() }
    }

    /// Appends one record and awaits the acknowledgement of every in-sync replica; gives its offset. A leader that has
    /// moved is followed for as long as one network call may take, which itself is bounded.
    ///
    /// # Errors
    /// If it was not acknowledged; [`AppendError::may_be_there`] says whether it may have been appended all the same.
    pub async fn append(&mut self, partition: i32, record: &RawRecord) -> Result<i64, AppendError> {
        let deadline = Instant::now() + self.kafka.config().timeout;
        let mut backoff = Backoff::new();
        let mut may_be_there = false;
        loop {
            let source = match self.try_append(partition, record).await {
                Ok(offset) => return Ok(offset),
                Err(error) => error,
            };
            may_be_there |= !is_refusal(&source);
            let pause = backoff.next_pause();
            let moved = [ResponseError::NotLeaderOrFollower, ResponseError::LeaderNotAvailable];
            if !source.kafka().is_some_and(|code| moved.contains(&code)) || Instant::now() + pause >= deadline
            {
                return Err(AppendError { may_be_there, source });
            }
            tokio::time::sleep(pause).await;
        }
    }

    async fn try_append(&mut self, partition: i32, record: &RawRecord) -> Result<i64, WireError> {
        let mut connection = match self.connections.remove(&partition) {
            Some(kept) => kept,
            None => wire::open_leader(&self.kafka, &self.topic, partition).await?,
        };
        let records = std::slice::from_ref(record);
        let offset =
            produce_over(&mut connection, self.kafka.config(), &self.topic, partition, records).await?;
        self.connections.insert(partition, connection);
        Ok(offset)
    }
}

/// Whether nothing was appended for certain. A leader that gives up waiting for its replicas, or stops leading meanwhile,
/// answers with an error although it has the record, so only codes that are given before the append count.
fn is_refusal(error: &WireError) -> bool {
    use ResponseError as Code;
    match error {
        WireError::Unencodable { .. } | WireError::Connect { .. } | WireError::NoBroker { .. } => true,
        _ => error.kafka().is_some_and(|code| {
            matches!(
                code,
                Code::LeaderNotAvailable
                    | Code::UnknownTopicOrPartition
                    | Code::InvalidTopicException
                    | Code::TopicAuthorizationFailed
                    | Code::ClusterAuthorizationFailed
                    | Code::NotEnoughReplicas
                    | Code::MessageTooLarge
                    | Code::RecordListTooLarge
                    | Code::InvalidRecord
                    | Code::InvalidTimestamp
                    | Code::CorruptMessage
                    | Code::UnsupportedForMessageFormat
                    | Code::PolicyViolation
            )
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_after_the_append_is_no_refusal() {
        let answered = |error| WireError::Kafka { what: "the append".to_owned(), error };
        for (code, refused) in [
            (ResponseError::MessageTooLarge, true),
            (ResponseError::NotEnoughReplicas, true),
            (ResponseError::NotEnoughReplicasAfterAppend, false),
            (ResponseError::RequestTimedOut, false),
            (ResponseError::NotLeaderOrFollower, false),
            (ResponseError::UnknownServerError, false),
        ] {
            assert_eq!(is_refusal(&answered(code)), refused, "{code}");
        }
    }
}
