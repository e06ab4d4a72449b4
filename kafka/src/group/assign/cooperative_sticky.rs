//! Balanced shares that move as little as can be, in steps that never give a partition two owners.
//!
//! ```text
//!   claims ──▶ owner of each partition      the newest claim; two equally new ones: nobody
//!          ──▶ quotas                       sizes differ by at most one; the larger ones go to who owns most, then to
//!                                           who is no newcomer
//!          ──▶ targets                      keep what fits the quota, fill up with what is free
//!          ──▶ shares                       a target somebody else still holds is withheld
//! ```
//!
//! A partition that moves takes two generations: in the first its owner sees that it is no longer among its
//! partitions, drains it and joins again; in the second, nobody holds it and its new owner gets it.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use super::{Candidate, Quota, Shares};

pub(super) fn assign(candidates: &[Candidate], partitions: i32) -> Shares {
    if candidates.is_empty() {
        return Shares::default();
    }
    let claims = Claims::read(candidates, partitions);
    let targets = targets(candidates, &claims, partitions);
    let mut shares = Shares::default();
    for (id, target) in targets {
        let (free, withheld) = target.into_iter().partition(|p| claims.allow(*p, &id));
        shares.of.insert(id, free);
        shares.withheld.extend::<BTreeSet<i32>>(withheld);
    }
    shares
}

/// Who holds which partition. Only claims of the newest generation that claims a partition count: an older one is of
/// a member that missed how it lost it.
struct Claims<'a> {
    holders: BTreeMap<i32, Vec<&'a str>>,
}

impl<'a> Claims<'a> {
    fn read(candidates: &'a [Candidate], partitions: i32) -> Self {
        let mut newest: BTreeMap<i32, (i32, Vec<&str>)> = BTreeMap::new();
        for candidate in candidates {
            for partition in candidate.owned.range(0..partitions.max(0)) {
                let (generation, holders) = newest.entry(*partition).or_insert((i32::MIN, Vec::new()));
                if candidate.generation > *generation {
                    (*generation, *holders) = (candidate.generation, Vec::new());
                }
                if candidate.generation == *generation {
                    holders.push(&candidate.id);
                }
            }
        }
        Self { holders: newest.into_iter().map(|(p, (_, holders))| (p, holders)).collect() }
    }

    /// The one member that holds `partition`.
    fn owner(&self, partition: i32) -> Option<&'a str> {
        match self.holders.get(&partition).map(Vec::as_slice) {
            Some([only]) => Some(only),
            _ => None,
        }
    }

    /// Whether nobody but `id` holds `partition`.
    fn allow(&self, partition: i32, id: &str) -> bool {
        self.holders.get(&partition).is_none_or(|holders| holders.iter().all(|holder| *holder == id))
    }
}

/// What each member is to have in the end.
fn targets(
    candidates: &[Candidate],
    claims: &Claims<'_>,
    partitions: i32,
) -> BTreeMap<String, BTreeSet<i32>> {
    let mut kept: BTreeMap<&str, BTreeSet<i32>> =
        candidates.iter().map(|c| (c.id.as_str(), BTreeSet::new())).collect();
    let mut free = BTreeSet::new();
    for partition in 0..partitions {
        match claims.owner(partition).and_then(|owner| kept.get_mut(owner)) {
            Some(owned) => drop(owned.insert(partition)),
            None => drop(free.insert(partition)),
        }
    }

    // Who owns most gets the larger quotas: every other choice would move more. Of those that own equally many, who has
    // been here before comes first: it has seen how what is free stood until now. The sort is stable and the map is
    // ordered, so the rest come in the order of their ids.
    let newcomers: BTreeSet<_> =
        candidates.iter().filter(|c| c.generation < 0).map(|c| c.id.as_str()).collect();
    let quota = Quota::of(partitions, kept.len());
    let mut ranked: Vec<_> = kept.into_iter().collect();
    ranked.sort_by_key(|(id, owned)| (Reverse(owned.len()), newcomers.contains(id)));
    for (rank, (_, owned)) in ranked.iter_mut().enumerate() {
        while owned.len() > quota.at(rank) {
            free.extend(owned.pop_last());
        }
    }
    for (rank, (_, owned)) in ranked.iter_mut().enumerate() {
        while owned.len() < quota.at(rank) {
            let Some(next) = free.pop_first() else { break };
            owned.insert(next);
        }
    }
    ranked.into_iter().map(|(id, owned)| (id.to_owned(), owned)).collect()
}
