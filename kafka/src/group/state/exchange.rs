//! What goes into the membership and what comes out of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use super::Verdict;
use crate::group::{Assigned, Assignor, assign::Candidate};

/// The times and the assignor that the membership lives by. As in [`GroupConfig`](crate::group::GroupConfig).
#[derive(Clone, Debug)]
pub(in crate::group) struct Rules {
    pub(in crate::group) assignor: Assignor,
    pub(in crate::group) session_timeout: Duration,
    pub(in crate::group) heartbeat_interval: Duration,
    pub(in crate::group) rebalance_timeout: Duration,
    pub(in crate::group) revoke_timeout: Duration,
}

/// Who we are to the coordinator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::group) struct Identity {
    /// Empty before the coordinator has given us one.
    pub(in crate::group) member_id: String,
    /// -1 before the first rebalance.
    pub(in crate::group) generation: i32,
}

impl Identity {
    pub(super) fn none() -> Self {
        Self { member_id: String::new(), generation: -1 }
    }

    /// Whether the coordinator would know us by it.
    pub(super) fn is_known(&self) -> bool {
        self.generation >= 0 && !self.member_id.is_empty()
    }
}

/// Something happened.
#[derive(Clone, Debug)]
pub(in crate::group) enum Input {
    /// A look-up of the coordinator came to its end.
    Coordinator(Result<(), Verdict>),
    /// Another broker is said to be the coordinator by now.
    Replaced,
    /// The answer to [`Action::Join`].
    Joined(Result<JoinAnswer, Verdict>),
    /// The answer to [`Action::Sync`], which went out at `sent`: our partitions.
    Synced { sent: Instant, answer: Result<BTreeSet<i32>, Verdict> },
    /// The answer to [`Action::Beat`], which went out at `sent` in the name of `by`.
    Beat { by: Identity, sent: Instant, answer: Result<(), Verdict> },
    /// The answer to [`Action::FetchOffsets`].
    Offsets(Result<BTreeMap<i32, Option<i64>>, Verdict>),
    /// A commit in the name of `by` was not accepted.
    CommitRefused { by: Identity, verdict: Verdict },
    /// All revocations up to this one are drained.
    Drained(u64),
    /// No position of the partitions that are being revoked waits for its commit any more.
    Flushed,
    /// The topic has this many partitions; 0 if it is missing.
    Partitions(i32),
    /// Time has passed.
    Tick,
}

/// What the coordinator says to a member that wants to join.
#[derive(Clone, Debug)]
pub(in crate::group) enum JoinAnswer {
    /// Come again with this id.
    MemberId(String),
    /// The members are complete.
    Complete {
        by: Identity,
        /// All members, if we are to lead; only then is it our task to share out the partitions.
        lead: Option<Vec<Candidate>>,
    },
}

/// What is to be done. At most one join or sync, one heartbeat, one look-up of the coordinator and one fetch of
/// offsets is ever under way, and each ends in its input.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::group) enum Action {
    /// Look up the coordinator.
    FindCoordinator,
    /// Give up the join or sync that is under way: its answer no longer counts.
    AbandonJoin,
    /// Send JoinGroup. `owned` and `generation` are what we claim.
    Join { member_id: String, owned: BTreeSet<i32>, generation: i32, reason: &'static str },
    /// Send SyncGroup, with everybody's partitions if we lead.
    Sync { by: Identity, shares: BTreeMap<String, BTreeSet<i32>> },
    /// Send Heartbeat.
    Beat(Identity),
    /// Ask where the group left off.
    FetchOffsets(BTreeSet<i32>),
    /// Tell the owner: these are yours. From now on their positions may be committed.
    Announce(Vec<Assigned>),
    /// Tell the owner: drain these.
    Revoke { revocation: u64, partitions: BTreeSet<i32> },
    /// Commit the last positions now.
    Flush,
    /// These are no longer ours: forget their positions.
    Release(BTreeSet<i32>),
    /// Tell the owner: these are lost. Forget their positions.
    Lose(BTreeSet<i32>),
    /// Tell the owner how many partitions the topic has.
    CountPartitions(i32),
}
