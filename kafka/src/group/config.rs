//! What a member is told when it joins, and the times it lives by.

use std::time::Duration;

use crate::PastEnds;

/// Which group to join, for which topic, and how patient to be.
#[derive(Clone, Debug)]
pub struct GroupConfig {
    /// Name of the group, `group.id` in Kafka's words.
    pub group_id: String,
    /// The one topic whose partitions the group shares.
    pub topic: String,
    /// How the partitions are shared. The same in every member of a group.
    pub assignor: Assignor,
    /// The coordinator forgets a member that is silent for this long, and the member gives up its partitions after
    /// the same time without an answer. Default 6 s, the least that Kafka allows.
    pub session_timeout: Duration,
    /// Time between two heartbeats. At most a third of the session. Default 1 s.
    pub heartbeat_interval: Duration,
    /// How long the coordinator waits in a rebalance for members to join again. Must exceed `revoke_timeout` by two
    /// seconds (its last commits may take one more, and the way to the coordinator takes time too), or a member that
    /// drains is thrown out of the group. Default 6 s.
    pub rebalance_timeout: Duration,
    /// How long the owner of a member may take to drain partitions it has to give up. Default 3 s.
    pub revoke_timeout: Duration,
    /// Time between two commits of the positions handed to [`Commits`](super::Commits). Default 500 ms.
    pub commit_interval: Duration,
    /// Time between two looks at how many partitions the topic has. Default 5 s.
    pub partition_poll_interval: Duration,
    /// What this process has seen of the logs' ends. A member that leads tells the others of it, who may have started later,
    /// and adds to it what it is told. Default none: neither is done.
    pub past_ends: Option<PastEnds>,
}

impl GroupConfig {
    /// Membership of `group_id` on `topic` with the default times.
    pub fn new(group_id: impl Into<String>, topic: impl Into<String>, assignor: Assignor) -> Self {
        Self {
            group_id: group_id.into(),
            topic: topic.into(),
            assignor,
            session_timeout: Duration::from_secs(6),
            heartbeat_interval: Duration::from_secs(1),
            rebalance_timeout: Duration::from_secs(6),
            revoke_timeout: Duration::from_secs(3),
            commit_interval: Duration::from_millis(500),
            partition_poll_interval: Duration::from_secs(5),
            past_ends: None,
        }
    }
}

/// How partitions are shared among the members of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assignor {
    /// Contiguous ranges in the order of the member ids. Every rebalance may move any partition, and a moved one
    /// changes hands at once: for those who lose nothing when two members read the same partition for a moment.
    Range,
    /// Balanced, and a rebalance takes from a member only what it must give; a partition that moves reaches its new
    /// owner only after the old one has drained and released it.
    CooperativeSticky,
}

impl Assignor {
    /// The name that goes over the wire; Kafka's own clients call theirs the same.
    pub fn protocol_name(self) -> &'static str {
        match self {
            Self::Range => "range",
            Self::CooperativeSticky => "cooperative-sticky",
        }
    }
}
