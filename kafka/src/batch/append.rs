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

impl RawAppender {
    /// Connects when first asked.
    pub fn new(kafka: &Kafka, topic: &str) -> Self {
        Self { kafka: kafka.clone(), topic: topic.to_owned(), connections: HashMap::new() }
    }

    /// Appends one record and awaits the acknowledgement of every in-sync replica; gives its offset. A leader that has
    /// moved is followed for as long as one network call may take, which itself is bounded.
    ///
    /// # Errors
    /// After any but [`WireError::Kafka`] and [`WireError::Unencodable`] the record may or may not have been appended.
    pub async fn append(&mut self, partition: i32, record: &RawRecord) -> Result<i64, WireError> {
        let deadline = Instant::now() + self.kafka.config().timeout;
        let mut backoff = Backoff::new();
        loop {
            let error = match self.try_append(partition, record).await {
                Ok(offset) => return Ok(offset),
                Err(error) => error,
            };
            let pause = backoff.next_pause();
            let moved = [ResponseError::NotLeaderOrFollower, ResponseError::LeaderNotAvailable];
            if !error.kafka().is_some_and(|code| moved.contains(&code)) || Instant::now() + pause >= deadline
            {
                return Err(error);
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
