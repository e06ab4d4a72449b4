//! Who is in a group, asked from outside.
//!
//! Two protocols exist side by side, and a group of the one looks dead or unknown to a question in the other. So both
//! are asked wherever the broker has both, and only what both deny does not exist.

use std::time::Duration;

use kafka_protocol::{
    ResponseError,
    messages::{ConsumerGroupDescribeRequest, DescribeGroupsRequest},
};

use super::calls;
use crate::wire::{Connection, WireError, accepted};

/// A group as its coordinator sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupView {
    /// Members by both protocols. 0 for a group that is empty, dead, or was never there.
    pub members: usize,
}

/// Counts the members of `group`. `connection` leads to its coordinator; each of the two questions has to be answered
/// within `limit`. An error means that nothing is known, never that nobody is there.
pub async fn members(
    connection: &mut Connection,
    group: &str,
    limit: Duration,
) -> Result<GroupView, WireError> {
    let classic = classic_members(connection, group, limit).await?;
    let modern = modern_members(connection, group, limit).await?;
    Ok(GroupView { members: classic + modern })
}

async fn classic_members(
    connection: &mut Connection,
    group: &str,
    limit: Duration,
) -> Result<usize, WireError> {
    const NEWEST_VERSION: i16 = 6;
    let version = connection.version::<DescribeGroupsRequest>(NEWEST_VERSION)?;
    let request = DescribeGroupsRequest::default().with_groups(vec![calls::group(group)]);
    let answer = connection.call(&request, version, limit).await?;
    let described = answer.groups.into_iter().find(|described| described.group_id.as_str() == group);
    let described = described.ok_or_else(|| passed_over(connection, group))?;
    // Up to version 5 a missing group is one in state Dead, without an error.
    if described.error_code == ResponseError::GroupIdNotFound.code() {
        return Ok(0);
    }
    accepted(described.error_code, || format!("the description of group {group}"))?;
    Ok(described.members.len())
}

/// The protocol of KIP-848. A broker that lacks it, or has it switched off, has no such groups.
async fn modern_members(
    connection: &mut Connection,
    group: &str,
    limit: Duration,
) -> Result<usize, WireError> {
    const NEWEST_VERSION: i16 = 1;
    let Ok(version) = connection.version::<ConsumerGroupDescribeRequest>(NEWEST_VERSION) else {
        return Ok(0);
    };
    let request = ConsumerGroupDescribeRequest::default().with_group_ids(vec![calls::group(group)]);
    let answer = connection.call(&request, version, limit).await?;
    let described = answer.groups.into_iter().find(|described| described.group_id.as_str() == group);
    let described = described.ok_or_else(|| passed_over(connection, group))?;
    let absent = [ResponseError::GroupIdNotFound, ResponseError::UnsupportedVersion];
    if absent.iter().any(|absent| described.error_code == absent.code()) {
        return Ok(0);
    }
    accepted(described.error_code, || format!("the description of consumer group {group}"))?;
    Ok(described.members.len())
}

fn passed_over(connection: &Connection, group: &str) -> WireError {
    WireError::Broken {
        address: connection.address().to_owned(),
        reason: format!("group {group} is missing in the description"),
    }
}
