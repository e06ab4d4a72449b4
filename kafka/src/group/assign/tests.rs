use proptest::prelude::*;

use super::*;

fn candidate(id: &str, generation: i32, owned: impl IntoIterator<Item = i32>) -> Candidate {
    Candidate { id: id.to_owned(), owned: owned.into_iter().collect(), generation }
}

fn sticky(candidates: &[Candidate], partitions: i32) -> Shares {
    assign(Assignor::CooperativeSticky, candidates, partitions)
}

fn set<const N: usize>(partitions: [i32; N]) -> BTreeSet<i32> {
    BTreeSet::from(partitions)
}

#[test]
fn range_shares_as_kafka_does() {
    let members = [candidate("b", -1, []), candidate("c", -1, []), candidate("a", -1, [])];
    let shares = assign(Assignor::Range, &members, 7).of;
    assert_eq!(shares["a"], set([0, 1, 2]));
    assert_eq!(shares["b"], set([3, 4]));
    assert_eq!(shares["c"], set([5, 6]));
    assert_eq!(assign(Assignor::Range, &members, 2).of["c"], set([]));
}

#[test]
fn a_third_member_takes_one_partition_and_the_others_stay() {
    let members = [candidate("a", 1, [0, 1]), candidate("b", 1, [2]), candidate("c", -1, [])];
    let first = sticky(&members, 3);
    assert_eq!(first.of["a"], set([0]));
    assert_eq!(first.of["b"], set([2]));
    assert_eq!(first.of["c"], set([]), "1 still belongs to a");
    assert_eq!(first.withheld, set([1]));

    let members = [candidate("a", 2, [0]), candidate("b", 2, [2]), candidate("c", 2, [])];
    let second = sticky(&members, 3);
    assert_eq!(second.of["c"], set([1]));
    assert_eq!(second.withheld, set([]));
}

#[test]
fn what_is_free_goes_to_who_was_here_before_and_has_nothing() {
    let members = [candidate("a", -1, []), candidate("b", 3, [0]), candidate("c", 3, [])];
    let shares = sticky(&members, 2);
    assert_eq!(shares.of["c"], set([1]));
    assert_eq!((&shares.of["a"], &shares.of["b"]), (&set([]), &set([0])));
}

#[test]
fn the_newest_claim_counts() {
    let shares = sticky(&[candidate("a", 4, [0, 1]), candidate("b", 5, [1])], 2);
    assert_eq!(shares.of["a"], set([0]));
    assert_eq!(shares.of["b"], set([1]));
}

#[test]
fn of_two_equal_claims_neither_counts_and_both_must_let_go() {
    let claimed = [candidate("a", 4, [0, 1]), candidate("b", 4, [1])];
    let shares = sticky(&claimed, 2);
    assert!(shares.of.values().all(|owned| !owned.contains(&1)));
    assert_eq!(shares.withheld, set([1]));
    let shares = sticky(&[candidate("a", 5, [0]), candidate("b", 5, [])], 2);
    assert_eq!(shares.of["b"], set([1]));
}

#[test]
fn partitions_that_do_not_exist_are_given_to_nobody() {
    let shares = sticky(&[candidate("a", 1, [0, 7, -3])], 1);
    assert_eq!(shares.of["a"], set([0]));
    assert_eq!(sticky(&[candidate("a", 1, [0])], 0).of["a"], set([]));
    assert_eq!(sticky(&[], 3), Shares::default());
}

/// A group without a network: members come and go, and every generation is assigned, synced and released at once.
#[derive(Default)]
struct Group {
    members: Vec<Candidate>,
    generation: i32,
    next_id: usize,
}

impl Group {
    fn join(&mut self) {
        let id = format!("m{:03}", self.next_id * 7919 % 1000);
        self.next_id += 1;
        self.members.push(candidate(&id, -1, []));
    }

    /// One generation. Whether a member let go of something, so that another one must follow.
    fn rebalance(&mut self, partitions: i32) -> Result<bool, TestCaseError> {
        if self.members.is_empty() {
            return Ok(false);
        }
        let shares = sticky(&self.members, partitions);
        self.generation += 1;
        let mut released = false;
        let mut seen = BTreeSet::new();
        for member in &self.members {
            let others = self.members.iter().filter(|other| other.id != member.id);
            let held: BTreeSet<_> = others.flat_map(|other| other.owned.iter().copied()).collect();
            for partition in &shares.of[&member.id] {
                prop_assert!((0..partitions).contains(partition));
                prop_assert!(seen.insert(*partition), "two owners of {}", partition);
                prop_assert!(!held.contains(partition), "{} is still held by another", partition);
            }
        }
        prop_assert!(seen.is_disjoint(&shares.withheld));
        prop_assert_eq!(seen.len() + shares.withheld.len(), usize::try_from(partitions).unwrap());
        for member in &mut self.members {
            let assigned = shares.of[&member.id].clone();
            released |= !member.owned.is_subset(&assigned);
            (member.owned, member.generation) = (assigned, self.generation);
        }
        prop_assert!(released || shares.withheld.is_empty(), "withheld, but nobody will join again");
        Ok(released)
    }

    fn settle(&mut self, partitions: i32) -> Result<(), TestCaseError> {
        let before: BTreeMap<i32, String> = self.owners();
        for _ in 0..2 {
            if !self.rebalance(partitions)? {
                break;
            }
        }
        prop_assert!(!self.rebalance(partitions)?, "two generations are enough");
        let sizes = || self.members.iter().map(|m| m.owned.len());
        if let (Some(most), Some(least)) = (sizes().max(), sizes().min()) {
            prop_assert!(most - least <= 1, "unbalanced");
            prop_assert_eq!(sizes().sum::<usize>(), usize::try_from(partitions).unwrap());
        }
        self.moved_no_more_than_needed(&before, partitions)
    }

    fn owners(&self) -> BTreeMap<i32, String> {
        self.members.iter().flat_map(|m| m.owned.iter().map(|p| (*p, m.id.clone()))).collect()
    }

    /// What stayed is as much as any balanced assignment can leave in place.
    fn moved_no_more_than_needed(
        &self,
        before: &BTreeMap<i32, String>,
        partitions: i32,
    ) -> Result<(), TestCaseError> {
        let after = self.owners();
        let stayed = after.iter().filter(|(p, id)| before.get(p) == Some(id)).count();
        if self.members.is_empty() {
            return Ok(());
        }
        let mut held: Vec<usize> = (self.members.iter())
            .map(|m| before.iter().filter(|(p, id)| **p < partitions && **id == m.id).count())
            .collect();
        held.sort_unstable_by_key(|n| std::cmp::Reverse(*n));
        let quota = Quota::of(partitions, held.len());
        let best: usize = held.iter().enumerate().map(|(rank, n)| (*n).min(quota.at(rank))).sum();
        prop_assert_eq!(stayed, best);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn churn_converges_balanced_and_sticky(
        steps in prop::collection::vec((0..4u8, any::<prop::sample::Index>(), 1..12i32, any::<bool>()), 1..25),
    ) {
        let mut group = Group::default();
        let mut partitions = 3;
        group.join();
        for (step, which, count, settle) in steps {
            match step {
                0 | 1 => group.join(),
                2 if !group.members.is_empty() => drop(group.members.remove(which.index(group.members.len()))),
                3 => partitions = count,
                _ => {}
            }
            // Half of the changes hit a group that is still on its way.
            if settle { group.settle(partitions)? } else { group.rebalance(partitions)?; }
        }
    }

    #[test]
    fn any_claims_are_resolved_without_two_owners(
        claims in prop::collection::vec((-1..4i32, prop::collection::btree_set(-2..9i32, 0..6)), 1..6),
        partitions in 0..8i32,
    ) {
        let named = claims.into_iter().enumerate().map(|(n, (generation, owned))| candidate(&n.to_string(), generation, owned));
        let candidates: Vec<_> = named.collect();
        let shares = sticky(&candidates, partitions);
        prop_assert_eq!(shares.of.len(), candidates.len());
        let given: Vec<_> = shares.of.values().flatten().chain(&shares.withheld).copied().collect();
        let distinct: BTreeSet<_> = given.iter().copied().collect();
        prop_assert_eq!(given.len(), distinct.len());
        prop_assert_eq!(distinct, (0..partitions).collect::<BTreeSet<_>>());
        let target = |id: &str| shares.of[id].len();
        prop_assert!(candidates.iter().all(|c| target(&c.id) <= usize::try_from(partitions).unwrap().div_ceil(candidates.len())));
    }

    #[test]
    fn range_covers_everything_once(members in 1..9usize, partitions in 0..20i32) {
        let candidates: Vec<_> = (0..members).map(|n| candidate(&n.to_string(), -1, [])).collect();
        let shares = assign(Assignor::Range, &candidates, partitions);
        let given: Vec<_> = shares.of.values().flatten().copied().collect();
        prop_assert_eq!(given, (0..partitions).collect::<Vec<_>>());
        prop_assert!(shares.withheld.is_empty());
    }
}
