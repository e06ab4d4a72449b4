//! Reads a range of a partition from end to end, whatever its records are like: for tools that look at a topic.

use std::{collections::VecDeque, ops::Range};

use bytes::Bytes;
use kafka_protocol::ResponseError;
use tokio::time::Instant;

use super::{
    RawRecord,
    decode::decode_raw,
    fetch::{Place, fetch},
};
use crate::{
    Backoff, Kafka, LogPoint, log_offsets,
    wire::{self, Connection, WireError},
};

/// Bytes asked for at once.
const FETCH_BYTES: i32 = 1 << 20;

/// Gives the records of a range of offsets one by one, in order. Holds one fetch and one batch of it at a time.
#[derive(Debug)]
pub struct RangeReader {
    kafka: Kafka,
    topic: String,
    partition: i32,
    /// What is still to be read of the log.
    range: Range<i64>,
    connection: Option<Connection>,
    fetched: Bytes,
    batch: VecDeque<RawRecord>,
}

impl RangeReader {
    /// Connects when first asked.
    pub fn new(kafka: &Kafka, topic: &str, partition: i32, range: Range<i64>) -> Self {
        Self {
            kafka: kafka.clone(),
            topic: topic.to_owned(),
            partition,
            range,
            connection: None,
            fetched: Bytes::new(),
            batch: VecDeque::new(),
        }
    }

    /// The partition that is read.
    pub fn partition(&self) -> i32 {
        self.partition
    }

    /// The next record; none at the end of the range. What cannot be read is a record with its reason and nothing else.
    /// Records that the broker deletes meanwhile are passed over.
    ///
    /// # Errors
    /// If the leader cannot be asked. It is tried for as long as one network call may take, which itself is bounded.
    pub async fn next(&mut self) -> Result<Option<RawRecord>, WireError> {
        loop {
            if let Some(record) = self.batch.pop_front() {
                return Ok((record.offset < self.range.end).then_some(record));
            }
            if self.range.is_empty() {
                return Ok(None);
            }
            let next = match decode_raw(&mut self.fetched, self.range.start) {
                Some(next) => Some(next),
                None => self.fetch().await?,
            };
            match next {
                Some((records, next_offset)) => {
                    self.batch = records.into();
                    self.range.start = next_offset;
                }
                // A log that ends before the range does ends it.
                None => self.range.end = self.range.start,
            }
        }
    }

    /// Fetches what comes next: the records of its first batch, and where to read on. None at the end of the log.
    async fn fetch(&mut self) -> Result<Option<(Vec<RawRecord>, i64)>, WireError> {
        let deadline = Instant::now() + self.kafka.config().timeout;
        let mut backoff = Backoff::new();
        loop {
            let error = match self.try_fetch().await {
                Ok(found) => return Ok(found),
                Err(error) => error,
            };
            if error.kafka() == Some(ResponseError::OffsetOutOfRange) && self.skip_deleted().await? {
                continue;
            }
            let passing = error.kafka().is_none_or(|code| code.is_retriable());
            let pause = backoff.next_pause();
            if !passing || Instant::now() + pause >= deadline {
                return Err(error);
            }
            tokio::time::sleep(pause).await;
        }
    }

    async fn try_fetch(&mut self) -> Result<Option<(Vec<RawRecord>, i64)>, WireError> {
        let config = self.kafka.config();
        let mut connection = match self.connection.take() {
            Some(kept) => kept,
            None => wire::open_leader(&self.kafka, &self.topic, self.partition).await?,
        };
        let place = Place { topic: &self.topic, partition: self.partition, offset: self.range.start };
        let data = fetch(&mut connection, config.timeout, &place, FETCH_BYTES).await?;
        self.fetched = data.records.unwrap_or_default();
        let is_end = self.fetched.is_empty();
        let found = decode_raw(&mut self.fetched, self.range.start);
        if found.is_none() && !is_end {
            // The same question would bring the same bytes, over and over.
            self.fetched.clear();
            return Err(place.broken(&connection));
        }
        self.connection = Some(connection);
        Ok(found)
    }

    /// Goes on at the beginning of the log if it lies ahead; whether it did.
    async fn skip_deleted(&mut self) -> Result<bool, WireError> {
        let found = log_offsets(&self.kafka, &self.topic, &[self.partition], LogPoint::Earliest).await?;
        let start = found.first().and_then(|(_, start)| *start).unwrap_or(self.range.start);
        let is_ahead = start > self.range.start;
        self.range.start = self.range.start.max(start);
        Ok(is_ahead)
    }
}
