//! How a membership stands, for readiness, metrics and logs.

/// A view of a membership at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Where the member is on its way into the group.
    pub state: State,
    /// Generation of the group as this member knows it; none before its first rebalance.
    pub generation: Option<i32>,
    /// What the coordinator calls this member; none before it does.
    pub member_id: Option<String>,
    /// Partitions that are ours, those that are being drained included. Ordered.
    pub assigned: Vec<i32>,
    /// Whether the last exchange with the coordinator went well.
    pub coordinator_reachable: bool,
}

/// Where a member is on its way into the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The group's coordinator is being looked for.
    SeekingCoordinator,
    /// Waiting to join, or for the other members to join.
    Joining,
    /// Waiting for the leader to share out the partitions.
    Syncing,
    /// A member like the others.
    Stable,
    /// A member that is giving up partitions.
    Releasing,
    /// The membership has ended.
    Ended,
}
