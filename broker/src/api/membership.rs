//! Being a member of a group: JoinGroup, SyncGroup, Heartbeat, LeaveGroup.

use std::time::{Duration, Instant};

use kafka_protocol::{
    ResponseError,
    messages::{
        HeartbeatRequest, HeartbeatResponse, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest,
        LeaveGroupResponse, SyncGroupRequest, SyncGroupResponse,
        join_group_response::JoinGroupResponseMember, leave_group_response::MemberResponse,
    },
    protocol::StrBytes,
};

use super::code;
use crate::{
    dispatch::Call,
    group::{Join, JoinRefused, Protocol, Sync},
};

/// The first version whose members learn their id before they may join.
const MEMBER_ID_REQUIRED_SINCE: i16 = 4;

pub(crate) async fn join(call: &Call<'_>, request: JoinGroupRequest) -> JoinGroupResponse {
    let refused = if request.group_instance_id.is_some() {
        // What Kafka says as long as it cannot have static members.
        Some(ResponseError::UnsupportedVersion)
    } else {
        call.group_fault(&request.group_id)
    };
    let joined = match refused {
        Some(error) => Err(JoinRefused { error, member_id: request.member_id.to_string() }),
        None => call.node.state.groups.join(&request.group_id, join_of(call, &request)).await,
    };
    let response = JoinGroupResponse::default();
    let joined = match joined {
        Ok(joined) => joined,
        Err(refused) => {
            let nothing = StrBytes::default();
            return response
                .with_error_code(refused.error.code())
                .with_generation_id(-1)
                // Null is legal only from version 7 on.
                .with_protocol_name(Some(nothing))
                .with_member_id(refused.member_id.into());
        }
    };
    let members = joined.members.into_iter().map(|(id, metadata)| {
        JoinGroupResponseMember::default().with_member_id(id.into()).with_metadata(metadata)
    });
    response
        .with_generation_id(joined.generation)
        .with_protocol_type(Some(joined.protocol_type.into()))
        .with_protocol_name(Some(joined.protocol.into()))
        .with_leader(joined.leader.into())
        .with_member_id(joined.member_id.into())
        .with_members(members.collect())
}

fn join_of(call: &Call<'_>, request: &JoinGroupRequest) -> Join {
    let session_timeout = millis(request.session_timeout_ms);
    let protocol = |protocol: &kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol| {
        Protocol { name: protocol.name.to_string(), metadata: protocol.metadata.clone() }
    };
    Join {
        member_id: request.member_id.to_string(),
        client_id: call.client_id.to_string(),
        client_host: format!("/{}", call.peer),
        must_know_id: call.version >= MEMBER_ID_REQUIRED_SINCE,
        session_timeout,
        // Version 0 had no timeout for rebalances.
        rebalance_timeout: if call.version == 0 {
            session_timeout
        } else {
            millis(request.rebalance_timeout_ms)
        },
        protocol_type: request.protocol_type.to_string(),
        protocols: request.protocols.iter().map(protocol).collect(),
    }
}

fn millis(ms: i32) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

pub(crate) async fn sync(call: &Call<'_>, request: SyncGroupRequest) -> SyncGroupResponse {
    let synced = match call.group_fault(&request.group_id) {
        Some(error) => Err(error),
        None => {
            let assignments = request.assignments.into_iter();
            let sync = Sync {
                member_id: request.member_id.to_string(),
                generation: request.generation_id,
                protocol_type: request.protocol_type.map(|name| name.to_string()),
                protocol: request.protocol_name.map(|name| name.to_string()),
                assignments: assignments.map(|one| (one.member_id.to_string(), one.assignment)).collect(),
            };
            call.node.state.groups.sync(&request.group_id, sync).await
        }
    };
    match synced {
        Ok(synced) => SyncGroupResponse::default()
            .with_protocol_type(Some(synced.protocol_type.into()))
            .with_protocol_name(Some(synced.protocol.into()))
            .with_assignment(synced.assignment),
        Err(error) => SyncGroupResponse::default().with_error_code(error.code()),
    }
}

pub(crate) fn heartbeat(call: &Call<'_>, request: &HeartbeatRequest) -> HeartbeatResponse {
    let (group, member) = (&request.group_id, &request.member_id);
    let refused = call.group_fault(group).or_else(|| {
        call.node.state.groups.heartbeat(group, member, request.generation_id, Instant::now()).err()
    });
    HeartbeatResponse::default().with_error_code(code(refused))
}

pub(crate) fn leave(call: &Call<'_>, request: LeaveGroupRequest) -> LeaveGroupResponse {
    let response = LeaveGroupResponse::default();
    if let Some(error) = call.group_fault(&request.group_id) {
        return response.with_error_code(error.code());
    }
    let leave = |member: &str| {
        let left = call.node.state.groups.leave(&request.group_id, member, Instant::now());
        code(left.err())
    };
    if call.version < 3 {
        return response.with_error_code(leave(&request.member_id));
    }
    let members = request.members.iter().map(|member| {
        MemberResponse::default()
            .with_member_id(member.member_id.clone())
            .with_group_instance_id(member.group_instance_id.clone())
            .with_error_code(leave(&member.member_id))
    });
    response.with_members(members.collect())
}
