//! A group in full: its state, its members and what each of them has.

use std::collections::BTreeSet;

use kafka_protocol::messages::{
    consumer_group_describe_response::Member, describe_groups_response::DescribedGroupMember,
};

use super::{at_coordinator::at_coordinator, describe, subscription::decode_assignment};
use crate::{Kafka, permissions::Operations, wire::WireError};

/// What the classic protocol calls a group that is not there.
const DEAD: &str = "Dead";

/// A group as its coordinator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupDescription {
    /// The coordinator's own word, such as `Stable`, `PreparingRebalance`, `Empty` or, for a group that is not there,
    /// `Dead`.
    pub state: String,
    /// Members by both protocols.
    pub members: Vec<MemberDescription>,
    /// What this client may do to the group; none if the broker does not tell.
    pub operations: Option<Operations>,
}

/// A member of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberDescription {
    /// The id that the coordinator gave it.
    pub member_id: String,
    /// The name it goes by in the broker's logs.
    pub client_id: String,
    /// Where it connects from, as the coordinator writes it.
    pub host: String,
    /// Partitions of the topic asked for. Empty during a rebalance, and if its assignment cannot be read.
    pub partitions: BTreeSet<i32>,
}

/// Describes `group`, with its members' partitions of `topic`. Asks in both protocols, as [`describe`] does.
///
/// # Errors
/// If the coordinator cannot be asked; each network call is bounded by the configured timeout.
pub async fn describe_group(kafka: &Kafka, group: &str, topic: &str) -> Result<GroupDescription, WireError> {
    let limit = kafka.config().timeout;
    at_coordinator(kafka, group, async |coordinator| {
        let classic = describe::classic(coordinator, group, limit, true).await?;
        let modern = describe::modern(coordinator, group, limit).await?;
        let operations = classic.as_ref().and_then(|group| Operations::read(group.authorized_operations));
        let classic_state = classic.as_ref().map(|group| group.group_state.to_string());
        let modern_state = modern.as_ref().map(|group| group.group_state.to_string());
        let classic_members = classic.into_iter().flat_map(|group| group.members);
        let mut members: Vec<_> =
            classic_members.map(|member| MemberDescription::of_classic(member, topic)).collect();
        let modern_members = modern.into_iter().flat_map(|group| group.members);
        members.extend(modern_members.map(|member| MemberDescription::of_modern(&member, topic)));
        let state = classic_state.filter(|state| state != DEAD).or(modern_state);
        Ok(GroupDescription { state: state.unwrap_or_else(|| DEAD.to_owned()), members, operations })
    })
    .await
}

impl GroupDescription {
    /// The member that has `partition`.
    pub fn owner(&self, partition: i32) -> Option<&MemberDescription> {
        self.members.iter().find(|member| member.partitions.contains(&partition))
    }
}

impl MemberDescription {
    fn of_classic(member: DescribedGroupMember, topic: &str) -> Self {
        Self {
            partitions: decode_assignment(topic, &member.member_assignment).unwrap_or_default(),
            member_id: member.member_id.to_string(),
            client_id: member.client_id.to_string(),
            host: member.client_host.to_string(),
        }
    }

    fn of_modern(member: &Member, topic: &str) -> Self {
        let of_topic = member.assignment.topic_partitions.iter().filter(|of| of.topic_name.as_str() == topic);
        Self {
            partitions: of_topic.flat_map(|of| of.partitions.iter().copied()).collect(),
            member_id: member.member_id.to_string(),
            client_id: member.client_id.to_string(),
            host: member.client_host.to_string(),
        }
    }
}
