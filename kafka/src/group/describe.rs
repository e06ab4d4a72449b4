//! Who is in a group, asked from outside.
//!
//! Two protocols exist side by side, and a group of the one looks dead or unknown to a question in the other. So both
//! are asked wherever the broker has both, and only what both deny does not exist.

use std::time::Duration;

use kafka_protocol::{
    ResponseError,
    messages::{
        ConsumerGroupDescribeRequest, DescribeGroupsRequest, consumer_group_describe_response,
        describe_groups_response,
    },
};

use super::{
    calls,
    subscription::{Subscription, decode_assignment},
};
use crate::wire::{Connection, WireError, accepted};

/// What the classic protocol calls groups whose members tell each other which topics they want.
const CONSUMERS: &str = "consumer";

/// A group as its coordinator sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupView {
    /// Members by both protocols that read a topic, or may do so for all that is known. 0 for a group that is empty,
    /// dead, or was never there.
    pub members: usize,
}

/// Counts the members of `group` but for those that are known to read other topics than `topic` alone. `connection`
/// leads to the group's coordinator; each of the two questions has to be answered within `limit`. An error means that
/// nothing is known, never that nobody is there.
pub async fn members(
    connection: &mut Connection,
    group: &str,
    topic: &str,
    limit: Duration,
) -> Result<GroupView, WireError> {
    let classic = classic(connection, group, limit, false).await?.map_or(0, |described| {
        let are_consumers = described.protocol_type.as_str() == CONSUMERS;
        described.members.iter().filter(|member| !are_consumers || may_read(member, topic)).count()
    });
    let modern = modern(connection, group, limit).await?.map_or(0, |described| {
        described.members.iter().filter(|member| modern_may_read(member, topic)).count()
    });
    Ok(GroupView { members: classic + modern })
}

/// False only of one that says what it wants, and neither wants nor has anything of `topic`. The coordinator does not
/// show what members want while it shares out anew, and what a client of another make wrote may be unreadable.
fn may_read(member: &describe_groups_response::DescribedGroupMember, topic: &str) -> bool {
    if member.member_metadata.is_empty() {
        return true;
    }
    let wants = Subscription::decode(topic, &member.member_metadata)
        .map_or(true, |wants| wants.subscribed || !wants.owned.is_empty());
    wants || decode_assignment(topic, &member.member_assignment).map_or(true, |has| !has.is_empty())
}

/// The same in the new protocol. What a pattern matches only the coordinator knows.
fn modern_may_read(member: &consumer_group_describe_response::Member, topic: &str) -> bool {
    let has = |assignment: &consumer_group_describe_response::Assignment| {
        assignment.topic_partitions.iter().any(|of| of.topic_name.as_str() == topic)
    };
    member.subscribed_topic_names.iter().any(|name| name.as_str() == topic)
        || member.subscribed_topic_regex.as_ref().is_some_and(|pattern| !pattern.is_empty())
        || has(&member.assignment)
        || has(&member.target_assignment)
}

/// The group as the classic protocol has it, on demand with what this client may do to it, where the broker tells. None
/// if it never was there; up to version 5 that is one in state Dead.
pub(super) async fn classic(
    connection: &mut Connection,
    group: &str,
    limit: Duration,
    with_operations: bool,
) -> Result<Option<describe_groups_response::DescribedGroup>, WireError> {
    const NEWEST_VERSION: i16 = 6;
    const FIRST_WITH_OPERATIONS: i16 = 3;
    /// Later versions say of a group that is not there only that.
    const LAST_WITH_OPERATIONS: i16 = 5;
    let newest = if with_operations { LAST_WITH_OPERATIONS } else { NEWEST_VERSION };
    let version = connection.version::<DescribeGroupsRequest>(newest)?;
    let request = DescribeGroupsRequest::default()
        .with_groups(vec![calls::group(group)])
        .with_include_authorized_operations(with_operations && version >= FIRST_WITH_OPERATIONS);
    let answer = connection.call(&request, version, limit).await?;
    let described = answer.groups.into_iter().find(|described| described.group_id.as_str() == group);
    let described = described.ok_or_else(|| passed_over(connection, group))?;
    if described.error_code == ResponseError::GroupIdNotFound.code() {
        return Ok(None);
    }
    accepted(described.error_code, || format!("the description of group {group}"))?;
    Ok(Some(described))
}

/// The group as the protocol of KIP-848 has it. A broker that lacks that, or has it switched off, has no such groups.
pub(super) async fn modern(
    connection: &mut Connection,
    group: &str,
    limit: Duration,
) -> Result<Option<consumer_group_describe_response::DescribedGroup>, WireError> {
    const NEWEST_VERSION: i16 = 1;
    let Ok(version) = connection.version::<ConsumerGroupDescribeRequest>(NEWEST_VERSION) else {
        return Ok(None);
    };
    let request = ConsumerGroupDescribeRequest::default().with_group_ids(vec![calls::group(group)]);
    let answer = connection.call(&request, version, limit).await?;
    let described = answer.groups.into_iter().find(|described| described.group_id.as_str() == group);
    let described = described.ok_or_else(|| passed_over(connection, group))?;
    let absent = [ResponseError::GroupIdNotFound, ResponseError::UnsupportedVersion];
    if absent.iter().any(|absent| described.error_code == absent.code()) {
        return Ok(None);
    }
    accepted(described.error_code, || format!("the description of consumer group {group}"))?;
    Ok(Some(described))
}

fn passed_over(connection: &Connection, group: &str) -> WireError {
    WireError::Broken {
        address: connection.address().to_owned(),
        reason: format!("group {group} is missing in the description"),
    }
}
