//! SyncGroup: the leader hands in everybody's partitions, everybody gets its own; and with them what the leader has seen of
//! their logs.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use bytes::Bytes;
use kafka_protocol::messages::{SyncGroupRequest, sync_group_request::SyncGroupRequestAssignment};

use super::{PROTOCOL_TYPE, group, text};
use crate::{
    group::{
        GroupConfig,
        state::Identity,
        subscription::{decode_share, encode_assignment},
    },
    wire::{Connection, WireError, accepted},
};

const NEWEST_VERSION: i16 = 5;
const FIRST_WITH_PROTOCOL: i16 = 5;

/// The coordinator answers when the leader has handed in its shares; it can do so only after we have sent our first join
/// since we last got a share, at `joined_at`.
pub(in crate::group) async fn sync(
    connection: &mut Connection,
    config: &GroupConfig,
    by: &Identity,
    shares: &BTreeMap<String, BTreeSet<i32>>,
    joined_at: Instant,
    limit: Duration,
) -> Result<BTreeSet<i32>, WireError> {
    let version = connection.version::<SyncGroupRequest>(NEWEST_VERSION)?;
    let with_protocol = version >= FIRST_WITH_PROTOCOL;
    let past_ends = config.past_ends.as_ref();
    let of_all = shares.values().map(BTreeSet::len).sum();
    let share = |(id, partitions): (&String, &BTreeSet<i32>)| {
        let told = past_ends.map(|ends| ends.tell(partitions, of_all, Instant::now())).unwrap_or_default();
        SyncGroupRequestAssignment::default()
            .with_member_id(text(id))
            .with_assignment(Bytes::from(encode_assignment(&config.topic, partitions, &told)))
    };
    let request = SyncGroupRequest::default()
        .with_group_id(group(&config.group_id))
        .with_generation_id(by.generation)
        .with_member_id(text(&by.member_id))
        .with_protocol_type(with_protocol.then(|| text(PROTOCOL_TYPE)))
        .with_protocol_name(with_protocol.then(|| text(config.assignor.protocol_name())))
        .with_assignments(shares.iter().map(share).collect());
    let answer = connection.call(&request, version, limit).await?;
    accepted(answer.error_code, || format!("the share in group {}", config.group_id))?;
    let share = decode_share(&config.topic, &answer.assignment);
    let (partitions, told) = share.map_err(|error| WireError::Broken {
        address: connection.address().to_owned(),
        reason: format!("cannot read the assignment: {error}"),
    })?;
    if let Some(past_ends) = past_ends {
        past_ends.hear(joined_at, &partitions, told);
    }
    Ok(partitions)
}
