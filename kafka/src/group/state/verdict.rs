//! What a failed call means for the membership.

use kafka_protocol::ResponseError;

use crate::wire::WireError;

/// What to make of a failure. The coordinator's codes mean the same whatever was asked; what follows from them depends
/// on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::group) enum Verdict {
    /// The connection failed or this broker does not coordinate the group, at least not now: find out who does.
    Elsewhere,
    /// The group is sharing out its partitions anew (27).
    Rebalancing,
    /// The group has gone on to another generation, and still knows us (22).
    OldGeneration,
    /// The group does not know this member id (25): all it gave us is gone.
    UnknownMember,
    /// Likely to pass by itself.
    Passing,
    /// A person has to change something: an authorization, a setting, a foreign member in the group.
    Refused,
}

impl From<&WireError> for Verdict {
    fn from(error: &WireError) -> Self {
        match error.kafka() {
            Some(code) => Self::from(code),
            None => match error {
                WireError::NoCommonVersion { .. } | WireError::Unencodable { .. } => Self::Refused,
                _ => Self::Elsewhere,
            },
        }
    }
}

impl From<ResponseError> for Verdict {
    fn from(code: ResponseError) -> Self {
        use ResponseError as Code;
        match code {
            Code::NotCoordinator | Code::CoordinatorNotAvailable | Code::CoordinatorLoadInProgress => {
                Self::Elsewhere
            }
            Code::RebalanceInProgress => Self::Rebalancing,
            Code::IllegalGeneration => Self::OldGeneration,
            Code::UnknownMemberId => Self::UnknownMember,
            Code::InconsistentGroupProtocol
            | Code::InvalidGroupId
            | Code::InvalidSessionTimeout
            | Code::InvalidRequest
            | Code::UnsupportedVersion
            | Code::InvalidCommitOffsetSize
            | Code::OffsetMetadataTooLarge
            | Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::SaslAuthenticationFailed
            | Code::GroupMaxSizeReached
            | Code::FencedInstanceId
            | Code::FencedMemberEpoch
            | Code::UnreleasedInstanceId => Self::Refused,
            _ => Self::Passing,
        }
    }
}
