//! What groups committed: OffsetCommit and OffsetFetch.

use std::time::Instant;

use kafka_protocol::{
    ResponseError,
    messages::{
        GroupId, OffsetCommitRequest, OffsetCommitResponse, OffsetFetchRequest, OffsetFetchResponse,
        TopicName,
        offset_commit_request::OffsetCommitRequestPartition,
        offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic},
        offset_fetch_response::{
            OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
            OffsetFetchResponseTopic, OffsetFetchResponseTopics,
        },
    },
};

use super::code;
use crate::{
    dispatch::Call,
    group::{Committed, CommittedByTopic},
};

/// The longest text a member may store beside an offset, in bytes; Kafka's default.
const MAX_METADATA: usize = 4_096;

pub(crate) fn commit(call: &Call<'_>, request: OffsetCommitRequest) -> OffsetCommitResponse {
    let groups = &call.node.state.groups;
    let (member, generation) = (&request.member_id, request.generation_id_or_member_epoch);
    let allowed = match call.group_fault(&request.group_id) {
        Some(error) => Err(error),
        None => groups.check_commit(&request.group_id, member, generation, Instant::now()),
    };
    let topics = request.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.into_iter().map(|partition| {
            let index = partition.partition_index;
            let stored = allowed.and_then(|()| store(call, &request.group_id, &topic.name, partition));
            OffsetCommitResponsePartition::default()
                .with_partition_index(index)
                .with_error_code(code(stored.err()))
        });
        let partitions = partitions.collect();
        OffsetCommitResponseTopic::default().with_name(topic.name).with_partitions(partitions)
    });
    OffsetCommitResponse::default().with_topics(topics.collect())
}

fn store(
    call: &Call<'_>,
    group: &str,
    topic: &str,
    partition: OffsetCommitRequestPartition,
) -> Result<(), ResponseError> {
    let metadata = partition.committed_metadata.unwrap_or_default();
    if metadata.len() > MAX_METADATA {
        return Err(ResponseError::OffsetMetadataTooLarge);
    }
    let log = call.node.state.topics.partition(topic, partition.partition_index);
    log.ok_or(ResponseError::UnknownTopicOrPartition)?;
    let committed = Committed { offset: partition.committed_offset, metadata: metadata.to_string() };
    call.node.state.groups.commit(group, topic, partition.partition_index, committed);
    Ok(())
}

/// What is asked of one group: the topics with their partitions, or everything.
type Wanted = Option<Vec<(TopicName, Vec<i32>)>>;

pub(crate) fn fetch(call: &Call<'_>, request: OffsetFetchRequest) -> OffsetFetchResponse {
    if call.version < 8 {
        let wanted: Wanted = request
            .topics
            .map(|topics| topics.into_iter().map(|topic| (topic.name, topic.partition_indexes)).collect());
        let (error, found) = look_up(call, &request.group_id, wanted);
        let topics = found.into_iter().map(|(name, partitions)| {
            let partitions = partitions.into_iter().map(|(index, committed)| {
                let (offset, metadata) = parts(committed);
                OffsetFetchResponsePartition::default()
                    .with_partition_index(index)
                    .with_committed_offset(offset)
                    .with_metadata(Some(metadata.into()))
                    .with_error_code(error)
            });
            let partitions = partitions.collect();
            OffsetFetchResponseTopic::default().with_name(name).with_partitions(partitions)
        });
        return OffsetFetchResponse::default().with_error_code(error).with_topics(topics.collect());
    }
    let groups = request.groups.into_iter().map(|group| {
        let wanted: Wanted = group
            .topics
            .map(|topics| topics.into_iter().map(|topic| (topic.name, topic.partition_indexes)).collect());
        fetch_group(call, group.group_id, wanted)
    });
    OffsetFetchResponse::default().with_groups(groups.collect())
}

fn fetch_group(call: &Call<'_>, group: GroupId, wanted: Wanted) -> OffsetFetchResponseGroup {
    let (error, found) = look_up(call, &group, wanted);
    let topics = found.into_iter().map(|(name, partitions)| {
        let partitions = partitions.into_iter().map(|(index, committed)| {
            let (offset, metadata) = parts(committed);
            OffsetFetchResponsePartitions::default()
                .with_partition_index(index)
                .with_committed_offset(offset)
                .with_metadata(Some(metadata.into()))
                .with_error_code(error)
        });
        let partitions = partitions.collect();
        OffsetFetchResponseTopics::default().with_name(name).with_partitions(partitions)
    });
    let topics = topics.collect();
    OffsetFetchResponseGroup::default().with_group_id(group).with_error_code(error).with_topics(topics)
}

/// The error to answer with, 0 for none, and what was committed.
fn look_up(call: &Call<'_>, group: &str, wanted: Wanted) -> (i16, CommittedByTopic) {
    let fault = call.group_fault(group);
    let groups = &call.node.state.groups;
    let found: CommittedByTopic = match wanted {
        None if fault.is_some() => Vec::new(),
        None => groups.all_committed(group),
        Some(topics) => topics
            .into_iter()
            .map(|(topic, indexes)| {
                // A fault hides what was committed.
                let look_up = |index| match fault {
                    None => groups.committed(group, &topic, index),
                    Some(_) => None,
                };
                let committed = indexes.into_iter().map(|index| (index, look_up(index))).collect();
                (topic, committed)
            })
            .collect(),
    };
    (code(fault), found)
}

fn parts(committed: Option<Committed>) -> (i64, String) {
    committed.map_or((-1, String::new()), |committed| (committed.offset, committed.metadata))
}
