//! How the leader of a group shares out the partitions. Pure: members and a count go in, an assignment comes out, the
//! same for the same input whoever leads.

mod cooperative_sticky;
mod range;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use super::config::Assignor;

/// A member as the leader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    /// What the coordinator calls it.
    pub(super) id: String,
    /// What it says it owns.
    pub(super) owned: BTreeSet<i32>,
    /// The generation that gave it that; -1 if none. Of two that claim the same partition the newer one is right.
    pub(super) generation: i32,
}

/// Who works on what in the generation to come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shares {
    /// Every candidate is in here, with nothing if there is nothing for it.
    pub(super) of: BTreeMap<String, BTreeSet<i32>>,
    /// Partitions that nobody gets this time because another member has to let go of them first. Once it has, it
    /// joins again, and the next generation gives them out.
    pub(super) withheld: BTreeSet<i32>,
}

/// Shares partitions `0..partitions` among `candidates`.
pub(super) fn assign(assignor: Assignor, candidates: &[Candidate], partitions: i32) -> Shares {
    match assignor {
        Assignor::Range => range::assign(candidates, partitions),
        Assignor::CooperativeSticky => cooperative_sticky::assign(candidates, partitions),
    }
}

/// Numbers of partitions a member may have: `base` each, and one more for `larger` of them.
struct Quota {
    base: usize,
    larger: usize,
}

impl Quota {
    fn of(partitions: i32, candidates: usize) -> Self {
        let partitions = usize::try_from(partitions).unwrap_or(0);
        Self { base: partitions / candidates, larger: partitions % candidates }
    }

    fn at(&self, rank: usize) -> usize {
        self.base + usize::from(rank < self.larger)
    }
}
