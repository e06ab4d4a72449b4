//! Where a group without members is to go on.

use std::collections::BTreeMap;

use kafka_protocol::messages::{
    OffsetCommitRequest,
    offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
};

use super::{at_coordinator::at_coordinator, calls};
use crate::{
    Kafka,
    wire::{WireError, accepted},
};

/// Later versions name topics by id.
const NEWEST_VERSION: i16 = 9;
/// What a commit says that comes from no member.
const NO_GENERATION: i32 = -1;

/// Sets the offsets that `group` goes on at, by partition of `topic`. All or none, as far as the broker can: it checks
/// the group once and each partition by itself.
///
/// # Errors
/// [`WireError::Kafka`] with `UnknownMemberId` or `RebalanceInProgress` while the group has members, which own their
/// offsets. After any other error some may be set. Each network call is bounded by the configured timeout.
pub async fn set_offsets(
    kafka: &Kafka,
    group: &str,
    topic: &str,
    offsets: &BTreeMap<i32, i64>,
) -> Result<(), WireError> {
    let partition = |(partition, offset): (&i32, &i64)| {
        OffsetCommitRequestPartition::default()
            .with_partition_index(*partition)
            .with_committed_offset(*offset)
    };
    let wanted = OffsetCommitRequestTopic::default()
        .with_name(calls::topic_name(topic))
        .with_partitions(offsets.iter().map(partition).collect());
    let request = OffsetCommitRequest::default()
        .with_group_id(calls::group(group))
        .with_generation_id_or_member_epoch(NO_GENERATION)
        .with_topics(vec![wanted]);
    at_coordinator(kafka, group, async |coordinator| {
        let version = coordinator.version::<OffsetCommitRequest>(NEWEST_VERSION)?;
        let answer = coordinator.call(&request, version, kafka.config().timeout).await?;
        for set in answer.topics.into_iter().flat_map(|topic| topic.partitions) {
            accepted(set.error_code, || format!("the new offset of {topic}/{}", set.partition_index))?;
        }
        Ok(())
    })
    .await
}
