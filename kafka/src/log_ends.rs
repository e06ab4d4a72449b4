//! Where partitions begin and end, asked over connections of our own: for those who do not read them.

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
/// Asks for its beginning there.
const EARLIEST: i64 = -2;
/// Stands for no offset.
const NONE: i64 = -1;

/// A point of a partition's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogPoint {
    /// The oldest record that is still kept.
    Earliest,
    /// Behind the newest record.
    Latest,
    /// The first record with this timestamp or a later one, in milliseconds since 1970.
    Since(u64),
}

impl LogPoint {
    fn on_the_wire(self) -> i64 {
        match self {
            Self::Earliest => EARLIEST,
            Self::Latest => LATEST,
            Self::Since(epoch_ms) => i64::try_from(epoch_ms).unwrap_or(i64::MAX),
        }
    }
}

/// The offset that the next record of each of `partitions` will get, in rising order of partition.
///
/// # Errors
/// If one of them cannot be asked; each network call is bounded by the configured timeout.
pub async fn log_ends(kafka: &Kafka, topic: &str, partitions: &[i32]) -> Result<Vec<(i32, i64)>, WireError> {
    let found = log_offsets(kafka, topic, partitions, LogPoint::Latest).await?;
    Ok(found.into_iter().map(|(partition, end)| (partition, end.unwrap_or(NONE))).collect())
}

/// The offset of `point` in each of `partitions`, in rising order of partition; none where no record is of that time or
/// later.
///
/// # Errors
/// If one of them cannot be asked; each network call is bounded by the configured timeout.
pub async fn log_offsets(
    kafka: &Kafka,
    topic: &str,
    partitions: &[i32],
    point: LogPoint,
) -> Result<Vec<(i32, Option<i64>)>, WireError> {
    let config = kafka.config();
    let (_, view) = kafka.look_up(topic).await?;
    let mut by_leader: BTreeMap<String, Vec<i32>> = BTreeMap::new();
    for partition in partitions {
        let leader = view.leader(topic, *partition);
        let leader = leader.map_err(|error| wire::no_leader(topic, *partition, error))?;
        by_leader.entry(leader.address()).or_default().push(*partition);
    }
    let mut offsets = Vec::with_capacity(partitions.len());
    for (address, partitions) in by_leader {
        let mut leader = Connection::open(&address, config).await?;
        offsets.extend(ask(&mut leader, kafka, topic, &partitions, point).await?);
    }
    offsets.sort_unstable();
    Ok(offsets)
}

async fn ask(
    leader: &mut Connection,
    kafka: &Kafka,
    topic: &str,
    partitions: &[i32],
    point: LogPoint,
) -> Result<Vec<(i32, Option<i64>)>, WireError> {
    let point_of = |partition: &i32| {
        ListOffsetsPartition::default().with_partition_index(*partition).with_timestamp(point.on_the_wire())
    };
    let wanted = ListOffsetsTopic::default()
        .with_name(TopicName(StrBytes::from_string(topic.to_owned())))
        .with_partitions(partitions.iter().map(point_of).collect());
    let request = ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(vec![wanted]);
    let version = leader.version_within::<ListOffsetsRequest>(OLDEST_VERSION..=NEWEST_VERSION)?;
    let answer = leader.call(&request, version, kafka.config().timeout).await?;
    let mut offsets = Vec::new();
    for found in answer.topics.into_iter().flat_map(|topic| topic.partitions) {
        accepted(found.error_code, || format!("an offset of {topic}/{}", found.partition_index))?;
        offsets.push((found.partition_index, Some(found.offset).filter(|offset| *offset != NONE)));
    }
    Ok(offsets)
}
