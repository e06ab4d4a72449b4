//! Writes records that rskafka's `Record` cannot carry, dead letters above all.

use std::time::Instant;

use kafka_protocol::{
    messages::{
        ProduceRequest, TopicName,
        produce_request::{PartitionProduceData, TopicProduceData},
    },
    protocol::StrBytes,
};

use super::{RawRecord, encode};
use crate::{
    Config, Kafka,
    metrics::ErrorType,
    wire::{self, Connection, WireError, accepted},
};

/// The first version that takes our batch format.
const OLDEST_VERSION: i16 = 3;
/// From version 13 topics go by id.
const NEWEST_VERSION: i16 = 12;
const ALL_IN_SYNC_REPLICAS: i16 = -1;

/// Appends `records` as one batch and awaits the acknowledgement of every in-sync replica; gives the offset of the
/// first. Over a connection made for it; does not try again; every network call is bounded by the configured
/// timeout. After an error the records may or may not have been appended: even some of the broker's codes come after the
/// append.
pub async fn produce_raw(
    kafka: &Kafka,
    topic: &str,
    partition: i32,
    records: &[RawRecord],
) -> Result<i64, WireError> {
    let (sends, began) = (kafka.tallies().sends(topic), Instant::now());
    let answer = produce_connected(kafka, topic, partition, records).await;
    match &answer {
        Ok(_) => sends.acknowledged(records.len(), began.elapsed()),
        Err(error) => sends.failed(ErrorType::from(error), began.elapsed()),
    }
    answer
}

async fn produce_connected(
    kafka: &Kafka,
    topic: &str,
    partition: i32,
    records: &[RawRecord],
) -> Result<i64, WireError> {
    let mut connection = wire::open_leader(kafka, topic, partition).await?;
    produce_over(&mut connection, kafka.config(), topic, partition, records).await
}

/// The same over a connection to the partition's leader.
pub(super) async fn produce_over(
    connection: &mut Connection,
    config: &Config,
    topic: &str,
    partition: i32,
    records: &[RawRecord],
) -> Result<i64, WireError> {
    let what = || format!("the append to {topic}/{partition}");
    let batch = encode(records)
        .map_err(|error| WireError::Unencodable { call: what(), reason: error.to_string() })?;
    let partition_data = PartitionProduceData::default().with_index(partition).with_records(Some(batch));
    let topic_data = TopicProduceData::default()
        .with_name(TopicName(StrBytes::from_string(topic.to_owned())))
        .with_partition_data(vec![partition_data]);
    let request = ProduceRequest::default()
        .with_acks(ALL_IN_SYNC_REPLICAS)
        .with_timeout_ms(i32::try_from(config.timeout.as_millis()).unwrap_or(i32::MAX))
        .with_topic_data(vec![topic_data]);

    let version = connection.version_within::<ProduceRequest>(OLDEST_VERSION..=NEWEST_VERSION)?;
    let answer = connection.call(&request, version, config.timeout).await?;
    let written =
        answer.responses.into_iter().next().and_then(|topic| topic.partition_responses.into_iter().next());
    let written = written.ok_or_else(|| WireError::Broken {
        address: connection.address().to_owned(),
        reason: format!("{}: it names no partition", what()),
    })?;
    accepted(written.error_code, what)?;
    Ok(written.base_offset)
}
