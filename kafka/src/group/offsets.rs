//! Where a group left off.

use std::{collections::BTreeMap, time::Duration};

use kafka_protocol::messages::{
    OffsetFetchRequest,
    offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics},
};

use super::{at_coordinator::at_coordinator, calls};
use crate::{
    Kafka,
    wire::{Connection, WireError, accepted},
};

/// Later versions name topics by id.
const NEWEST_VERSION: i16 = 9;
const FIRST_WITH_GROUPS: i16 = 8;

/// For each of `partitions` of `topic` the offset that `group` goes on at; none where it never committed one. Needs no
/// membership. While the coordinator is moving or loading it is asked again, for as long as one network call may
/// take in all.
pub async fn fetch_committed(
    kafka: &Kafka,
    group: &str,
    topic: &str,
    partitions: &[i32],
) -> Result<BTreeMap<i32, Option<i64>>, WireError> {
    let limit = kafka.config().timeout;
    at_coordinator(kafka, group, async |coordinator| {
        fetch(coordinator, group, topic, partitions, limit).await
    })
    .await
}

/// As above, of the coordinator that `connection` leads to.
pub(super) async fn fetch(
    connection: &mut Connection,
    group: &str,
    topic: &str,
    partitions: &[i32],
    limit: Duration,
) -> Result<BTreeMap<i32, Option<i64>>, WireError> {
    let version = connection.version::<OffsetFetchRequest>(NEWEST_VERSION)?;
    let answer = connection.call(&request(version, group, topic, partitions), version, limit).await?;
    let what = || format!("the offsets of group {group}");
    accepted(answer.error_code, what)?;
    let mut committed = BTreeMap::new();
    // What is said of others is not about us, whatever offsets they go on at.
    for told in answer.groups.into_iter().filter(|told| told.group_id.as_str() == group) {
        accepted(told.error_code, what)?;
        let ours = told.topics.into_iter().filter(|told| told.name.as_str() == topic);
        for partition in ours.flat_map(|topic| topic.partitions) {
            accepted(partition.error_code, what)?;
            committed.insert(partition.partition_index, offset(partition.committed_offset));
        }
    }
    let ours = answer.topics.into_iter().filter(|told| told.name.as_str() == topic);
    for partition in ours.flat_map(|topic| topic.partitions) {
        accepted(partition.error_code, what)?;
        committed.insert(partition.partition_index, offset(partition.committed_offset));
    }
    // What the coordinator passes over it knows nothing of.
    Ok(partitions.iter().map(|p| (*p, committed.get(p).copied().flatten())).collect())
}

fn request(version: i16, group: &str, topic: &str, partitions: &[i32]) -> OffsetFetchRequest {
    if version >= FIRST_WITH_GROUPS {
        let topic = OffsetFetchRequestTopics::default()
            .with_name(calls::topic_name(topic))
            .with_partition_indexes(partitions.to_vec());
        let group = OffsetFetchRequestGroup::default()
            .with_group_id(calls::group(group))
            .with_topics(Some(vec![topic]));
        return OffsetFetchRequest::default().with_groups(vec![group]);
    }
    let topic = OffsetFetchRequestTopic::default()
        .with_name(calls::topic_name(topic))
        .with_partition_indexes(partitions.to_vec());
    OffsetFetchRequest::default().with_group_id(calls::group(group)).with_topics(Some(vec![topic]))
}

/// No offset goes over the wire as -1.
fn offset(committed: i64) -> Option<i64> {
    (committed >= 0).then_some(committed)
}
