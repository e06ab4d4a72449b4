//! Where partitions begin and end, asked over connections of our own: for those who do not read them.

use std::collections::{BTreeMap, BTreeSet};

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
/// Asks for the newest record by its timestamp there.
const NEWEST: i64 = -3;
const FIRST_WITH_NEWEST: i16 = 7;
/// Stands for no offset, and for no timestamp.
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
    let found = find(kafka, topic, partitions, OLDEST_VERSION, point.on_the_wire()).await?;
    Ok(found.into_iter().map(|found| (found.partition, found.offset)).collect())
}

/// The same of partitions that the broker at the other end of `leader` leads, in any order.
///
/// # Errors
/// If it does not answer in time, or leads one of them not.
pub(crate) async fn ends_at(
    leader: &mut Connection,
    kafka: &Kafka,
    topic: &str,
    partitions: &[i32],
) -> Result<Vec<(i32, i64)>, WireError> {
    let version = leader.version_within::<ListOffsetsRequest>(OLDEST_VERSION..=NEWEST_VERSION)?;
    let found = ask(leader, version, kafka, topic, (partitions, LATEST)).await?;
    Ok(found.into_iter().filter_map(|found| Some((found.partition, found.offset?))).collect())
}

/// The newest timestamp in `partitions`, in milliseconds since 1970; none if they are empty.
///
/// # Errors
/// As [`log_offsets`]; also if the broker is too old to be asked.
pub(crate) async fn newest_timestamp(
    kafka: &Kafka,
    topic: &str,
    partitions: &[i32],
) -> Result<Option<i64>, WireError> {
    let found = find(kafka, topic, partitions, FIRST_WITH_NEWEST, NEWEST).await?;
    Ok(found.into_iter().filter_map(|found| found.timestamp_ms).max())
}

/// What a leader says of one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Found {
    partition: i32,
    offset: Option<i64>,
    timestamp_ms: Option<i64>,
}

/// Asks the leaders, in `oldest` version at least; the answers are in rising order of partition.
async fn find(
    kafka: &Kafka,
    topic: &str,
    partitions: &[i32],
    oldest: i16,
    point: i64,
) -> Result<Vec<Found>, WireError> {
    let config = kafka.config();
    let view = kafka.look_up(topic).await?;
    let mut by_leader: BTreeMap<String, Vec<i32>> = BTreeMap::new();
    for partition in partitions {
        let leader = view.leader(topic, *partition);
        let leader = leader.map_err(|error| wire::no_leader(topic, *partition, error))?;
        by_leader.entry(leader.address()).or_default().push(*partition);
    }
    let mut found = Vec::with_capacity(partitions.len());
    for (address, partitions) in by_leader {
        let mut leader = Connection::open(&address, config).await?;
        let version = leader.version_within::<ListOffsetsRequest>(oldest..=NEWEST_VERSION)?;
        found.extend(ask(&mut leader, version, kafka, topic, (&partitions, point)).await?);
    }
    found.sort_unstable();
    Ok(found)
}

async fn ask(
    leader: &mut Connection,
    version: i16,
    kafka: &Kafka,
    topic: &str,
    (partitions, point): (&[i32], i64),
) -> Result<Vec<Found>, WireError> {
    let point_of = |partition: &i32| {
        ListOffsetsPartition::default().with_partition_index(*partition).with_timestamp(point)
    };
    let wanted = ListOffsetsTopic::default()
        .with_name(TopicName(StrBytes::from_string(topic.to_owned())))
        .with_partitions(partitions.iter().map(point_of).collect());
    let request = ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(vec![wanted]);
    let answer = leader.call(&request, version, kafka.config().timeout).await?;
    let some = |number: i64| Some(number).filter(|number| *number != NONE);
    let mut found = Vec::new();
    // What nobody asked for would be kept in mind.
    let mut missing: BTreeSet<i32> = partitions.iter().copied().collect();
    let ours = answer.topics.into_iter().filter(|told| told.name.as_str() == topic);
    for told in ours.flat_map(|topic| topic.partitions) {
        if !missing.remove(&told.partition_index) {
            continue;
        }
        accepted(told.error_code, || format!("an offset of {topic}/{}", told.partition_index))?;
        found.push(Found {
            partition: told.partition_index,
            offset: some(told.offset),
            timestamp_ms: some(told.timestamp),
        });
    }
    match missing.first() {
        None => Ok(found),
        Some(partition) => Err(WireError::Broken {
            address: leader.address().to_owned(),
            reason: format!("{topic}/{partition} is missing among the offsets"),
        }),
    }
}
