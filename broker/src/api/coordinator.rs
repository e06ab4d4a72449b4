//! Who coordinates a group (always this broker), and what groups look like from outside.

use kafka_protocol::{
    ResponseError,
    messages::{
        BrokerId, DescribeGroupsRequest, DescribeGroupsResponse, FindCoordinatorRequest,
        FindCoordinatorResponse, GroupId, ListGroupsRequest, ListGroupsResponse,
        describe_groups_response::{DescribedGroup, DescribedGroupMember},
        find_coordinator_response::Coordinator,
        list_groups_response::ListedGroup,
    },
    protocol::StrBytes,
};

use super::code;
use crate::{dispatch::Call, group::Description, node::NODE_ID};

/// The kind of key that names a group; transactional ids, the other kind, have no coordinator here.
const GROUP: i8 = 0;

pub(crate) fn find(call: &Call<'_>, request: FindCoordinatorRequest) -> FindCoordinatorResponse {
    let refused = (request.key_type != GROUP).then_some(ResponseError::InvalidRequest);
    let host: StrBytes = call.endpoint.host.clone().into();
    let port = i32::from(call.endpoint.port);
    if call.version < 4 {
        let response = FindCoordinatorResponse::default().with_error_code(code(refused));
        return match refused {
            Some(_) => response.with_node_id(BrokerId(-1)).with_port(-1),
            None => response.with_node_id(BrokerId(NODE_ID)).with_host(host).with_port(port),
        };
    }
    let coordinators = request.coordinator_keys.into_iter().map(|key| {
        let coordinator = Coordinator::default().with_key(key).with_error_code(code(refused));
        match refused {
            Some(_) => coordinator.with_node_id(BrokerId(-1)).with_port(-1),
            None => coordinator.with_node_id(BrokerId(NODE_ID)).with_host(host.clone()).with_port(port),
        }
    });
    FindCoordinatorResponse::default().with_coordinators(coordinators.collect())
}

pub(crate) fn describe(call: &Call<'_>, request: DescribeGroupsRequest) -> DescribeGroupsResponse {
    let groups = request.groups.into_iter().map(|id| {
        let description = call.node.state.groups.describe(&id);
        described(id, description)
    });
    DescribeGroupsResponse::default().with_groups(groups.collect())
}

fn described(id: GroupId, description: Option<Description>) -> DescribedGroup {
    let group = DescribedGroup::default().with_group_id(id);
    let Some(description) = description else {
        return group.with_group_state(StrBytes::from_static_str("Dead"));
    };
    let members = description.members.into_iter().map(|member| {
        DescribedGroupMember::default()
            .with_member_id(member.id.into())
            .with_client_id(member.client_id.into())
            .with_client_host(member.client_host.into())
            .with_member_metadata(member.metadata)
            .with_member_assignment(member.assignment)
    });
    group
        .with_group_state(StrBytes::from_static_str(description.state))
        .with_protocol_type(description.protocol_type.into())
        .with_protocol_data(description.protocol.into())
        .with_members(members.collect())
}

pub(crate) fn list(call: &Call<'_>, request: &ListGroupsRequest) -> ListGroupsResponse {
    let wanted = |state: &str| {
        let states = &request.states_filter;
        states.is_empty() || states.iter().any(|wanted| wanted.eq_ignore_ascii_case(state))
    };
    let groups = call.node.state.groups.list().into_iter().filter(|group| wanted(group.state)).map(|group| {
        ListedGroup::default()
            .with_group_id(GroupId(group.id.into()))
            .with_protocol_type(group.protocol_type.into())
            .with_group_state(StrBytes::from_static_str(group.state))
    });
    ListGroupsResponse::default().with_groups(groups.collect())
}
