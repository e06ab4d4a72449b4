//! Contiguous ranges in the order of the member ids, as Kafka's RangeAssignor shares out a single topic.

use super::{Candidate, Quota, Shares};

pub(super) fn assign(candidates: &[Candidate], partitions: i32) -> Shares {
    let mut ids: Vec<_> = candidates.iter().map(|c| c.id.clone()).collect();
    ids.sort();
    ids.dedup();
    if ids.is_empty() {
        return Shares::default();
    }
    let quota = Quota::of(partitions, ids.len());
    let mut rest = 0..partitions;
    let range = |(rank, id)| (id, rest.by_ref().take(quota.at(rank)).collect());
    Shares { of: ids.into_iter().enumerate().map(range).collect(), ..Shares::default() }
}
