//! Several members and a coordinator on a clock of numbers: messages take time or are lost, members come, die and are
//! cut off, the coordinator restarts, the topic grows. A partition never has two owners, and when the faults end the
//! group comes to rest with everything shared out.

use proptest::prelude::*;

use super::{
    coordinator::Asker,
    world::{Happening, World},
    *,
};

#[derive(Clone, Debug)]
pub(super) enum Fault {
    Spawn,
    Kill(prop::sample::Index),
    /// No message from or to this client arrives for so many milliseconds.
    Cut(prop::sample::Index, u64),
    RestartCoordinator,
    Grow,
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        3 => Just(Fault::Spawn),
        2 => any::<prop::sample::Index>().prop_map(Fault::Kill),
        3 => (any::<prop::sample::Index>(), 100..12_000u64).prop_map(|(who, millis)| Fault::Cut(who, millis)),
        1 => Just(Fault::RestartCoordinator),
        1 => Just(Fault::Grow),
    ]
}

type Checked = Result<(), TestCaseError>;

impl World {
    fn run_until(&mut self, end: Instant) -> Checked {
        while let Some(((at, _), _)) = self.queue.first_key_value()
            && *at <= end
        {
            let ((at, _), happening) = self.queue.pop_first().unwrap();
            self.now = at;
            self.happen(happening);
            let answers = self.coordinator.tick(self.now);
            self.answer(answers);
            if self.coordinator.wake_at() != self.coordinator_wakes {
                self.coordinator_wakes = self.coordinator.wake_at();
                let at = self.coordinator_wakes.unwrap_or(self.now);
                self.later(at.saturating_duration_since(self.now), Happening::CoordinatorWake);
            }
            self.check()?;
        }
        self.now = end;
        Ok(())
    }

    pub(super) fn strike(&mut self, fault: Fault) {
        let living = self.living();
        match fault {
            Fault::Spawn if living.len() < 5 => self.spawn(),
            Fault::Kill(who) if living.len() > 1 => self.clients[*who.get(&living)].alive = false,
            Fault::Cut(who, millis) => {
                let until = (self.now + Duration::from_millis(millis)).min(self.calm_from);
                self.clients[*who.get(&living)].cut_until = until;
            }
            Fault::RestartCoordinator => {
                self.coordinator.restart(self.now);
                for client in living {
                    if self.clients[client].join_call > 0 {
                        let call = self.clients[client].join_call;
                        let lost = self.failed(client);
                        self.later(Duration::from_millis(1), Happening::Answer(Asker { client, call }, lost));
                    }
                }
            }
            Fault::Grow if self.partitions < 6 => {
                self.partitions += 1;
                for client in living {
                    self.give(client, Input::Partitions(self.partitions));
                }
            }
            _ => {}
        }
    }

    /// How a client sees that the join or sync it had under way broke off.
    fn failed(&self, client: usize) -> Input {
        match self.clients[client].machine.phase {
            Phase::Syncing { .. } => Input::Synced { sent: self.now, answer: Err(Verdict::Elsewhere) },
            _ => Input::Joined(Err(Verdict::Elsewhere)),
        }
    }

    /// No partition has two owners. Left aside are members that were thrown out because they could not join again in
    /// time and have not heard of it yet: the protocol gives no way to know.
    fn check(&self) -> Checked {
        if self.assignor == Assignor::Range {
            return Ok(());
        }
        let mut owners = BTreeMap::new();
        for client in self.living() {
            if self.coordinator.thrown_out.contains(&client) {
                continue;
            }
            for partition in &self.clients[client].works_on {
                let other = owners.insert(*partition, client);
                prop_assert!(other.is_none(), "{} is owned by {:?} and {}", partition, other, client);
            }
        }
        Ok(())
    }

    fn at_rest(&self) -> Checked {
        let mut all = Vec::new();
        let mut sizes = Vec::new();
        for client in self.living() {
            let client = &self.clients[client];
            prop_assert_eq!(client.machine.state(), State::Stable);
            prop_assert_eq!(client.machine.owned(), &client.works_on);
            prop_assert_eq!(client.machine.identity().generation, self.coordinator.generation);
            sizes.push(client.works_on.len());
            all.extend(client.works_on.iter().copied());
        }
        all.sort_unstable();
        prop_assert_eq!(all, (0..self.partitions).collect::<Vec<_>>(), "every partition has one owner");
        let (most, least) = (sizes.iter().max().unwrap(), sizes.iter().min().unwrap());
        prop_assert!(most - least <= 1);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_group_under_faults_is_safe_and_comes_to_rest(
        cooperative in prop::bool::weighted(0.8),
        delays in prop::collection::vec(1..250u64, 7),
        faults in prop::collection::vec((fault(), 0..6000u64), 0..10),
    ) {
        let assignor = if cooperative { Assignor::CooperativeSticky } else { Assignor::Range };
        let mut world = World::new(assignor, delays);
        world.calm_from = world.now + Duration::from_millis(faults.iter().map(|(_, wait)| wait).sum::<u64>() + 500);
        world.spawn();
        world.spawn();
        let mut wait = Duration::from_millis(500);
        for (fault, millis) in faults {
            world.later(wait, Happening::Strike(fault));
            wait += Duration::from_millis(millis);
        }
        world.run_until(world.calm_from + Duration::from_secs(60))?;
        world.at_rest()?;
        let generation = world.coordinator.generation;
        world.run_until(world.now + Duration::from_secs(30))?;
        prop_assert_eq!(world.coordinator.generation, generation, "a group at rest stays at rest");
    }
}
