//! Groups as they are shown to those who only look.

use bytes::Bytes;

use super::state::Group;

/// A group as DescribeGroups shows it.
pub(crate) struct Description {
    pub(crate) state: &'static str,
    pub(crate) protocol_type: String,
    pub(crate) protocol: String,
    pub(crate) members: Vec<DescribedMember>,
}

/// A member as DescribeGroups shows it.
pub(crate) struct DescribedMember {
    pub(crate) id: String,
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    pub(crate) metadata: Bytes,
    pub(crate) assignment: Bytes,
}

/// A group as ListGroups shows it.
pub(crate) struct Listed {
    pub(crate) id: String,
    pub(crate) protocol_type: String,
    pub(crate) state: &'static str,
}

impl Description {
    pub(crate) fn of(group: &Group) -> Self {
        let members = group.members().iter().map(|(id, member)| DescribedMember {
            id: id.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            metadata: member.metadata(group.protocol()),
            assignment: member.assignment.clone(),
        });
        Self {
            state: group.state_name(),
            protocol_type: group.protocol_type().to_owned(),
            protocol: group.protocol().to_owned(),
            members: members.collect(),
        }
    }
}

impl Listed {
    pub(crate) fn of(id: &str, group: &Group) -> Self {
        Self { id: id.to_owned(), protocol_type: group.protocol_type().to_owned(), state: group.state_name() }
    }
}
