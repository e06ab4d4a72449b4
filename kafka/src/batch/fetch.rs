//! Fetches batches from a partition's leader: one, or what there is.

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::{
    messages::{
        FetchRequest, FetchResponse, TopicName,
        fetch_request::{FetchPartition, FetchTopic},
        fetch_response::PartitionData,
    },
    protocol::StrBytes,
};

use super::{
    BatchContents,
    decode::{decode, decode_several},
};
use crate::{
    Kafka,
    wire::{self, Connection, WireError, accepted},
};

/// A broker always gives at least one whole batch, so this asks for just that.
const ONE_BATCH: i32 = 1;

/// Asks for several, where there are any.
const SEVERAL_BATCHES: i32 = 1 << 20;

/// How long an answer over a connection that was kept may take before another one is made.
const KEPT_LIMIT: Duration = Duration::from_secs(2);

/// Reads batches of one partition over a connection of its own, which it keeps.
#[derive(Debug)]
pub struct BatchReader {
    kafka: Kafka,
    topic: String,
    partition: i32,
    connection: Option<Connection>,
}

/// The batch that holds `offset`, over a connection made for it alone; see [`BatchReader::read_at`].
pub async fn read_batch_at(
    kafka: &Kafka,
    topic: &str,
    partition: i32,
    offset: i64,
) -> Result<BatchContents, WireError> {
    BatchReader::new(kafka, topic, partition).read_at(offset).await
}

impl BatchReader {
    /// Connects when first asked.
    pub fn new(kafka: &Kafka, topic: &str, partition: i32) -> Self {
        Self { kafka: kafka.clone(), topic: topic.to_owned(), partition, connection: None }
    }

    /// The contents of the batch that holds `offset`, or of the first one behind it. Empty, with `next_offset` equal to
    /// `offset`, at the end of the log. Does not wait for records, nor try again; every network call is bounded by
    /// the configured timeout. [`WireError::Kafka`] with `OffsetOutOfRange` if the log does not reach there. May be
    /// dropped at any await.
    pub async fn read_at(&mut self, offset: i64) -> Result<BatchContents, WireError> {
        self.read(offset, ONE_BATCH).await
    }

    /// The same of that batch and those behind it, some megabytes at most. Ends behind the first one in which anything
    /// cannot be read.
    pub async fn read_from(&mut self, offset: i64) -> Result<BatchContents, WireError> {
        self.read(offset, SEVERAL_BATCHES).await
    }

    async fn read(&mut self, offset: i64, max_bytes: i32) -> Result<BatchContents, WireError> {
        let timeout = self.kafka.config().timeout;
        // One that was kept may be dead by now, or the leader another: no reason to fail, nor to wait for long.
        if let Some(kept) = self.connection.take()
            && let Ok(contents) = self.read_over(kept, offset, max_bytes, timeout.min(KEPT_LIMIT)).await
        {
            return Ok(contents);
        }
        let fresh = wire::open_leader(&self.kafka, &self.topic, self.partition).await?;
        self.read_over(fresh, offset, max_bytes, timeout).await
    }

    async fn read_over(
        &mut self,
        mut connection: Connection,
        offset: i64,
        max_bytes: i32,
        limit: Duration,
    ) -> Result<BatchContents, WireError> {
        let place = Place { topic: &self.topic, partition: self.partition, offset };
        let data = fetch(&mut connection, limit, &place, max_bytes).await?;
        let decode = if max_bytes == ONE_BATCH { decode } else { decode_several };
        let contents = contents(data, offset, decode).ok_or_else(|| place.broken(&connection))?;
        self.connection = Some(connection);
        Ok(contents)
    }
}

/// Where a fetch begins.
pub(super) struct Place<'a> {
    pub(super) topic: &'a str,
    pub(super) partition: i32,
    pub(super) offset: i64,
}

impl Place<'_> {
    fn what(&self) -> String {
        format!("the fetch of {}/{} at {}", self.topic, self.partition, self.offset)
    }

    /// The answer holds bytes but no whole batch.
    pub(super) fn broken(&self, connection: &Connection) -> WireError {
        let reason = format!("{}: it holds no whole batch", self.what());
        WireError::Broken { address: connection.address().to_owned(), reason }
    }
}

/// One fetch that does not wait for records: some `max_bytes` of them, and one whole batch at least if there is any.
pub(super) async fn fetch(
    connection: &mut Connection,
    limit: Duration,
    place: &Place<'_>,
    max_bytes: i32,
) -> Result<PartitionData, WireError> {
    let version = connection.version_within::<FetchRequest>(wire::FETCH_VERSIONS)?;
    let answer = connection.call(&request(place, max_bytes), version, limit).await?;
    accepted(answer.error_code, || place.what())?;
    let data = partition_data(answer).ok_or_else(|| WireError::Broken {
        address: connection.address().to_owned(),
        reason: format!("{}: it names no partition", place.what()),
    })?;
    accepted(data.error_code, || place.what())?;
    Ok(data)
}

fn request(place: &Place<'_>, max_bytes: i32) -> FetchRequest {
    let partition = FetchPartition::default()
        .with_partition(place.partition)
        .with_fetch_offset(place.offset)
        .with_partition_max_bytes(max_bytes);
    let topic = FetchTopic::default()
        .with_topic(TopicName(StrBytes::from_string(place.topic.to_owned())))
        .with_partitions(vec![partition]);
    FetchRequest::default()
        .with_max_wait_ms(0)
        .with_min_bytes(1)
        .with_max_bytes(max_bytes)
        .with_topics(vec![topic])
}

/// We asked for one partition only.
fn partition_data(answer: FetchResponse) -> Option<PartitionData> {
    answer.responses.into_iter().next()?.partitions.into_iter().next()
}

/// `None` if there are bytes but no whole batch in them.
fn contents(
    data: PartitionData,
    offset: i64,
    decode: fn(Bytes, i64) -> BatchContents,
) -> Option<BatchContents> {
    let records = data.records.unwrap_or_default();
    let is_end = records.is_empty();
    let mut contents = decode(records, offset);
    contents.high_watermark = Some(data.high_watermark);
    if contents.next_offset > offset {
        // A batch that fails its checksum may lie about its end, too. One that does not may reach beyond the high
        // watermark all the same: a leader that has just started knows less than it has told before.
        let read = contents.records.last().map_or(offset, |record| record.offset);
        let read = read.max(contents.unreadable.last().map_or(offset, |record| record.offset));
        let earliest = read.saturating_add(1);
        contents.next_offset = contents.next_offset.min(data.high_watermark).max(earliest);
        return Some(contents);
    }
    is_end.then_some(contents)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::{RawRecord, encode};

    fn offsets_and_next(high_watermark: i64, damage: bool) -> (Vec<i64>, Vec<i64>, i64) {
        let record = RawRecord { value: Some(Bytes::from_static(b"value")), ..RawRecord::default() };
        let mut batch = bytes::BytesMut::from(&encode(&vec![record; 4]).expect("it is small")[..]);
        if damage && let Some(last) = batch.last_mut() {
            *last ^= 1;
        }
        let data =
            PartitionData::default().with_high_watermark(high_watermark).with_records(Some(batch.freeze()));
        let contents = contents(data, 1, decode_several).expect("a whole batch");
        let read = contents.records.iter().map(|record| record.offset).collect();
        let lost = contents.unreadable.iter().map(|record| record.offset).collect();
        (read, lost, contents.next_offset)
    }

    #[test]
    fn what_was_read_is_not_read_again_whatever_the_high_watermark() {
        for high_watermark in [0, 2, 4, 9] {
            assert_eq!(
                offsets_and_next(high_watermark, false),
                (vec![1, 2, 3], vec![], 4),
                "{high_watermark}"
            );
        }
    }

    #[test]
    fn a_damaged_batch_is_believed_up_to_the_high_watermark() {
        for (high_watermark, next) in [(0, 2), (3, 3), (9, 4)] {
            assert_eq!(offsets_and_next(high_watermark, true), (vec![], vec![1], next), "{high_watermark}");
        }
    }
}
