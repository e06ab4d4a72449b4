//! OffsetCommit: this far we are through.

use std::{collections::BTreeMap, time::Duration};

use kafka_protocol::{
    ResponseError,
    messages::{
        OffsetCommitRequest,
        offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
    },
};

use super::{group, text, topic_name};
use crate::{
    group::{GroupConfig, positions::Commit, state::Identity},
    wire::{Connection, WireError},
};

/// Later versions name topics by id.
const NEWEST_VERSION: i16 = 9;

/// Partitions whose position was not accepted, and why.
pub(in crate::group) type Refusals = BTreeMap<i32, ResponseError>;

/// The coordinator fences with `by`: it refuses whoever is not, or no longer, a member of this generation.
pub(in crate::group) async fn commit(
    connection: &mut Connection,
    config: &GroupConfig,
    by: &Identity,
    commits: &[Commit],
    limit: Duration,
) -> Result<Refusals, WireError> {
    let version = connection.version::<OffsetCommitRequest>(NEWEST_VERSION)?;
    let partition = |commit: &Commit| {
        OffsetCommitRequestPartition::default()
            .with_partition_index(commit.partition)
            .with_committed_offset(commit.next_offset)
    };
    let topic = OffsetCommitRequestTopic::default()
        .with_name(topic_name(&config.topic))
        .with_partitions(commits.iter().map(partition).collect());
    let request = OffsetCommitRequest::default()
        .with_group_id(group(&config.group_id))
        .with_generation_id_or_member_epoch(by.generation)
        .with_member_id(text(&by.member_id))
        .with_topics(vec![topic]);
    let answer = connection.call(&request, version, limit).await?;
    let ours = answer.topics.iter().filter(|told| told.name.as_str() == config.topic);
    let answers = ours.flat_map(|topic| &topic.partitions);
    let codes: BTreeMap<i32, i16> = answers.map(|p| (p.partition_index, p.error_code)).collect();
    let refused = commits.iter().filter_map(|commit| {
        // A partition that the answer passes over was not accepted.
        let code = codes.get(&commit.partition).copied();
        let error = code.map_or(Some(ResponseError::UnknownServerError), ResponseError::try_from_code);
        Some((commit.partition, error?))
    });
    Ok(refused.collect())
}
