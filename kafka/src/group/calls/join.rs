//! JoinGroup: we are here, this is what we hold; who else is?

use std::{collections::BTreeSet, time::Duration};

use bytes::Bytes;
use kafka_protocol::{
    ResponseError,
    messages::{
        JoinGroupRequest, JoinGroupResponse, join_group_request::JoinGroupRequestProtocol,
        join_group_response::JoinGroupResponseMember,
    },
};

use super::{PROTOCOL_TYPE, group, millis, text};
use crate::{
    group::{
        GroupConfig,
        assign::Candidate,
        state::{Identity, JoinAnswer},
        subscription::Subscription,
    },
    wire::{Connection, WireError, accepted},
};

const NEWEST_VERSION: i16 = 9;
const FIRST_WITH_REASON: i16 = 8;

/// The coordinator answers when every member has joined or `rebalance_timeout` is over, so `limit` has to be longer.
pub(in crate::group) async fn join(
    connection: &mut Connection,
    config: &GroupConfig,
    member_id: &str,
    (owned, generation): (&BTreeSet<i32>, i32),
    reason: &str,
    limit: Duration,
) -> Result<JoinAnswer, WireError> {
    let version = connection.version::<JoinGroupRequest>(NEWEST_VERSION)?;
    let protocol = JoinGroupRequestProtocol::default()
        .with_name(text(config.assignor.protocol_name()))
        .with_metadata(Bytes::from(Subscription::encode(&config.topic, owned, generation)));
    let request = JoinGroupRequest::default()
        .with_group_id(group(&config.group_id))
        .with_session_timeout_ms(millis(config.session_timeout))
        .with_rebalance_timeout_ms(millis(config.rebalance_timeout))
        .with_member_id(text(member_id))
        .with_protocol_type(text(PROTOCOL_TYPE))
        .with_protocols(vec![protocol])
        .with_reason((version >= FIRST_WITH_REASON).then(|| text(reason)));
    let answer = connection.call(&request, version, limit).await?;
    let id_required = answer.error_code == ResponseError::MemberIdRequired.code();
    if id_required && !answer.member_id.is_empty() {
        return Ok(JoinAnswer::MemberId(answer.member_id.to_string()));
    }
    accepted(answer.error_code, || format!("joining group {}", config.group_id))?;
    Ok(read(answer, &config.topic))
}

fn read(answer: JoinGroupResponse, topic: &str) -> JoinAnswer {
    let leads = answer.leader == answer.member_id && !answer.skip_assignment;
    let by = Identity { member_id: answer.member_id.to_string(), generation: answer.generation_id };
    let candidates = answer.members.into_iter().filter_map(|member| candidate(member, topic));
    JoinAnswer::Complete { by, lead: leads.then(|| candidates.collect()) }
}

/// Whoever says something we cannot read, or does not want our topic, gets none of it.
fn candidate(member: JoinGroupResponseMember, topic: &str) -> Option<Candidate> {
    let id = member.member_id.to_string();
    match Subscription::decode(topic, &member.metadata) {
        Ok(wants) if wants.subscribed => {
            Some(Candidate { id, owned: wants.owned, generation: wants.generation })
        }
        Ok(_) => {
            tracing::warn!(member_id = id, topic, "a member of the group does not subscribe to its topic");
            None
        }
        Err(error) => {
            tracing::warn!(member_id = id, %error, "cannot read the subscription of a member of the group");
            None
        }
    }
}
