//! The machine without a network: its inputs are made up, its clock is a number.

mod coordinator;
mod properties;
mod scenarios;
mod shares;
mod simulation;
mod world;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use super::*;
use crate::group::{Assigned, assign::Candidate};

fn rules(assignor: Assignor) -> Rules {
    Rules {
        assignor,
        session_timeout: Duration::from_secs(6),
        heartbeat_interval: Duration::from_secs(1),
        rebalance_timeout: Duration::from_secs(6),
        revoke_timeout: Duration::from_secs(3),
    }
}

fn set<const N: usize>(partitions: [i32; N]) -> BTreeSet<i32> {
    BTreeSet::from(partitions)
}

fn identity(generation: i32) -> Identity {
    Identity { member_id: "me".to_owned(), generation }
}

/// A machine and its clock.
struct Bench {
    machine: Membership,
    now: Instant,
}

impl Bench {
    fn new(assignor: Assignor) -> Self {
        let now = Instant::now();
        Self { machine: Membership::new(rules(assignor), now), now }
    }

    fn give(&mut self, input: Input) -> Vec<Action> {
        self.machine.handle(input, self.now)
    }

    fn after(&mut self, wait: Duration) -> Vec<Action> {
        self.now += wait;
        self.give(Input::Tick)
    }

    fn complete(&mut self, generation: i32, lead: Option<Vec<Candidate>>) -> Vec<Action> {
        self.give(Input::Joined(Ok(JoinAnswer::Complete { by: identity(generation), lead })))
    }

    fn synced(&mut self, partitions: BTreeSet<i32>) -> Vec<Action> {
        self.give(Input::Synced { sent: self.now, answer: Ok(partitions) })
    }

    fn beat(&mut self, answer: Result<(), Verdict>) -> Vec<Action> {
        let by = self.machine.identity().clone();
        self.give(Input::Beat { by, sent: self.now, answer })
    }

    fn offsets(&mut self, partitions: &BTreeSet<i32>) -> Vec<Action> {
        let committed: BTreeMap<_, _> = partitions.iter().map(|p| (*p, Some(10))).collect();
        self.give(Input::Offsets(Ok(committed)))
    }

    /// On the first way into the group, up to the first join.
    fn found(assignor: Assignor, partitions: i32) -> Self {
        let mut bench = Self::new(assignor);
        assert_eq!(bench.give(Input::Tick), [Action::FindCoordinator]);
        bench.give(Input::Partitions(partitions));
        let actions = bench.give(Input::Coordinator(Ok(())));
        assert!(matches!(&actions[..], [Action::Join { member_id, .. }] if member_id.is_empty()));
        bench
    }

    /// A follower in generation 1 that works on `partitions`. Its first heartbeat is answered.
    fn stable(assignor: Assignor, partitions: BTreeSet<i32>) -> Self {
        let mut bench = Self::found(assignor, 3);
        bench.complete(1, None);
        bench.beat(Ok(()));
        bench.synced(partitions.clone());
        bench.offsets(&partitions);
        assert_eq!(bench.machine.state(), State::Stable);
        assert_eq!(bench.machine.owned(), &partitions);
        bench
    }
}

fn announced(partitions: &BTreeSet<i32>) -> Action {
    let assigned = partitions.iter().map(|p| Assigned { partition: *p, committed: Some(10) });
    Action::Announce(assigned.collect())
}

fn join_of(actions: &[Action]) -> Option<(&str, &BTreeSet<i32>, i32)> {
    actions.iter().find_map(|action| match action {
        Action::Join { member_id, owned, generation, .. } => Some((member_id.as_str(), owned, *generation)),
        _ => None,
    })
}
