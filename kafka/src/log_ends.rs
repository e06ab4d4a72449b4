//! Where partitions end, asked over connections of our own: for those who do not read them.

use std::collections::BTreeMap;

use kafka_protocol::{
    messages::{
        BrokerId, ListOffsetsRequest, TopicName,
        list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic},
    },
    protocol::StrBytes,
};

use crate::{
    Kafka,
    wire::{self, Connection, WireError, accepted},
};

/// From version 1 a partition has one offset, not a list.
const OLDEST_VERSION: i16 = 1;
const NEWEST_VERSION: i16 = 7;

/// Asks for the end of the log, in the field where a time could stand.
const LATEST: i64 = -1;

/// The offset that the next record of each of `partitions` will get, in rising order of partition.
///
/// # Errors
/// If one of them cannot be asked; each network call is bounded by the configured timeout.
pub async fn log_ends(kafka: &Kafka, topic: &str, partitions: &[i32]) -> Result<Vec<(i32, i64)>, WireError> {
    let config = kafka.config();
    let mut connection = wire::bootstrap(config).await?;
    let view = wire::metadata(&mut connection, Some(&[topic]), config).await?;
    drop(connection);
    let mut by_leader: BTreeMap<String, Vec<i32>> = BTreeMap::new();
    for partition in partitions {
        let leader = view.leader(topic, *partition).map_err(|error| {
            let what = format!("the look-up of the leader of {topic}/{partition}");
            WireError::Kafka { what, error }
        })?;
        by_leader.entry(leader.address()).or_default().push(*partition);
    }
    let mut ends = Vec::with_capacity(partitions.len());
    for (address, partitions) in by_leader {
        let mut leader = Connection::open(&address, config).await?;
        ends.extend(ask(&mut leader, kafka, topic, &partitions).await?);
    }
    ends.sort_unstable();
    Ok(ends)
}

async fn ask(
    leader: &mut Connection,
    kafka: &Kafka,
    topic: &str,
    partitions: &[i32],
) -> Result<Vec<(i32, i64)>, WireError> {
    let end_of = |partition: &i32| {
        ListOffsetsPartition::default().with_partition_index(*partition).with_timestamp(LATEST)
    };
    let wanted = ListOffsetsTopic::default()
        .with_name(TopicName(StrBytes::from_string(topic.to_owned())))
        .with_partitions(partitions.iter().map(end_of).collect());
    let request = ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(vec![wanted]);
    let version = leader.version_within::<ListOffsetsRequest>(OLDEST_VERSION..=NEWEST_VERSION)?;
    let answer = leader.call(&request, version, kafka.config().timeout).await?;
    let mut ends = Vec::new();
    for found in answer.topics.into_iter().flat_map(|topic| topic.partitions) {
        accepted(found.error_code, || format!("the end of {topic}/{}", found.partition_index))?;
        ends.push((found.partition_index, found.offset));
    }
    Ok(ends)
}
