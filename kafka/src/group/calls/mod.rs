//! The requests of the classic group protocol, one call each. What they answer is translated into the words of the
//! state machine; error codes become [`WireError::Kafka`](crate::wire::WireError::Kafka).

mod commit;
mod join;
mod sync;

use std::time::Duration;

pub(super) use commit::{Refusals, commit};
pub(super) use join::join;
use kafka_protocol::{
    messages::{
        GroupId, HeartbeatRequest, LeaveGroupRequest, TopicName, leave_group_request::MemberIdentity,
    },
    protocol::StrBytes,
};
pub(super) use sync::sync;

use super::state::Identity;
use crate::wire::{Connection, WireError, accepted};

/// What the coordinator knows all consumer groups by.
const PROTOCOL_TYPE: &str = "consumer";

pub(super) async fn heartbeat(
    connection: &mut Connection,
    group_id: &str,
    by: &Identity,
    limit: Duration,
) -> Result<(), WireError> {
    const NEWEST_VERSION: i16 = 4;
    let version = connection.version::<HeartbeatRequest>(NEWEST_VERSION)?;
    let request = HeartbeatRequest::default()
        .with_group_id(group(group_id))
        .with_generation_id(by.generation)
        .with_member_id(text(&by.member_id));
    let answer = connection.call(&request, version, limit).await?;
    accepted(answer.error_code, || format!("a heartbeat in group {group_id}"))
}

/// Says goodbye, so that the group shares out our partitions at once.
pub(super) async fn leave(
    connection: &mut Connection,
    group_id: &str,
    member_id: &str,
    limit: Duration,
) -> Result<(), WireError> {
    const NEWEST_VERSION: i16 = 5;
    const FIRST_WITH_MEMBERS: i16 = 3;
    const FIRST_WITH_REASON: i16 = 5;
    let version = connection.version::<LeaveGroupRequest>(NEWEST_VERSION)?;
    let request = LeaveGroupRequest::default().with_group_id(group(group_id));
    let request = if version >= FIRST_WITH_MEMBERS {
        let reason = (version >= FIRST_WITH_REASON).then(|| text("the member is shutting down"));
        let member = MemberIdentity::default().with_member_id(text(member_id)).with_reason(reason);
        request.with_members(vec![member])
    } else {
        request.with_member_id(text(member_id))
    };
    let answer = connection.call(&request, version, limit).await?;
    let of_member = answer.members.first().map_or(0, |member| member.error_code);
    let code = if answer.error_code == 0 { of_member } else { answer.error_code };
    accepted(code, || format!("leaving group {group_id}"))
}

pub(super) fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

pub(super) fn group(group_id: &str) -> GroupId {
    GroupId(text(group_id))
}

pub(super) fn topic_name(topic: &str) -> TopicName {
    TopicName(text(topic))
}

/// A duration as the protocol writes it; what does not fit is as long as can be.
fn millis(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)
}
