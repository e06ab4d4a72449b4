//! Several members and a coordinator on a clock of numbers: messages take time or are lost, members come, die and are
//! cut off, the coordinator restarts, the topic grows. A partition never has two owners, and when the faults end the
//! group comes to rest with everything shared out.

use proptest::prelude::*;

use super::{
    coordinator::{Asker, Coordinator, Request},
    *,
};

/// A join or sync that takes longer is given up.
const JOIN_LIMIT: Duration = Duration::from_secs(11);

#[derive(Clone, Debug)]
enum Fault {
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

#[derive(Clone, Debug)]
enum Happening {
    Arrive(Asker, Request),
    Answer(Asker, Input),
    Wake(usize),
    CoordinatorWake,
    Drain(usize, u64),
    Strike(Fault),
}

struct Client {
    machine: Membership,
    alive: bool,
    cut_until: Instant,
    /// Numbers of the calls that are under way; answers to others are not heard.
    join_call: u64,
    beat_call: u64,
    /// What its owner works on.
    works_on: BTreeSet<i32>,
}

struct World {
    assignor: Assignor,
    now: Instant,
    queue: BTreeMap<(Instant, u64), Happening>,
    order: u64,
    clients: Vec<Client>,
    coordinator: Coordinator,
    coordinator_wakes: Option<Instant>,
    partitions: i32,
    /// Delays, in milliseconds, taken in turn.
    delays: Vec<u64>,
    /// From then on nothing is lost any more.
    calm_from: Instant,
}

type Checked = Result<(), TestCaseError>;

impl World {
    fn new(assignor: Assignor, delays: Vec<u64>) -> Self {
        let now = Instant::now();
        Self {
            assignor,
            now,
            queue: BTreeMap::new(),
            order: 0,
            clients: Vec::new(),
            coordinator: Coordinator::default(),
            coordinator_wakes: None,
            partitions: 3,
            delays,
            calm_from: now,
        }
    }

    fn later(&mut self, wait: Duration, happening: Happening) {
        self.order += 1;
        self.queue.insert((self.now + wait, self.order), happening);
    }

    fn delay(&mut self) -> Duration {
        let count = u64::try_from(self.delays.len()).unwrap();
        Duration::from_millis(self.delays[usize::try_from(self.order % count).unwrap()])
    }

    fn spawn(&mut self) {
        let machine = Membership::new(rules(self.assignor), self.now);
        let (alive, works_on) = (true, BTreeSet::new());
        let client = Client { machine, alive, cut_until: self.now, join_call: 0, beat_call: 0, works_on };
        self.clients.push(client);
        let (client, partitions) = (self.clients.len() - 1, self.partitions);
        self.give(client, Input::Tick);
        self.give(client, Input::Partitions(partitions));
    }

    fn living(&self) -> Vec<usize> {
        (0..self.clients.len()).filter(|client| self.clients[*client].alive).collect()
    }

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

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Arrive(asker, request) => {
                let answers = self.coordinator.ask(asker, request, self.now);
                self.answer(answers);
            }
            Happening::CoordinatorWake => {}
            Happening::Answer(asker, input) => {
                let client = &self.clients[asker.client];
                if asker.call == client.join_call || asker.call == client.beat_call {
                    self.give(asker.client, input);
                }
            }
            Happening::Wake(client) => self.give(client, Input::Tick),
            Happening::Drain(client, revocation) => {
                self.give(client, Input::Drained(revocation));
                self.give(client, Input::Flushed);
            }
            Happening::Strike(fault) => self.strike(fault),
        }
    }

    fn strike(&mut self, fault: Fault) {
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

    fn answer(&mut self, answers: Vec<(Asker, Input)>) {
        for (asker, input) in answers {
            if self.now >= self.clients[asker.client].cut_until {
                let delay = self.delay();
                self.later(delay, Happening::Answer(asker, input));
            } else {
                self.lose(asker, &input);
            }
        }
    }

    /// The client finds out later that its call came to nothing.
    fn lose(&mut self, asker: Asker, instead_of: &Input) {
        let broken = match instead_of {
            Input::Beat { by, sent, .. } => {
                Input::Beat { by: by.clone(), sent: *sent, answer: Err(Verdict::Elsewhere) }
            }
            Input::Synced { sent, .. } => Input::Synced { sent: *sent, answer: Err(Verdict::Elsewhere) },
            _ => Input::Joined(Err(Verdict::Elsewhere)),
        };
        let wait = self.delay() * 10;
        self.later(wait, Happening::Answer(asker, broken));
    }

    fn ask(&mut self, asker: Asker, request: Request) {
        if self.now >= self.clients[asker.client].cut_until {
            let delay = self.delay();
            return self.later(delay, Happening::Arrive(asker, request));
        }
        let broken = match request {
            Request::Beat { by, sent } => Input::Beat { by, sent, answer: Err(Verdict::Elsewhere) },
            Request::Join { .. } => Input::Joined(Err(Verdict::Elsewhere)),
            Request::Sync { .. } => Input::Synced { sent: self.now, answer: Err(Verdict::Elsewhere) },
        };
        self.lose(asker, &broken);
    }

    fn give(&mut self, client: usize, input: Input) {
        if !self.clients[client].alive {
            return;
        }
        let now = self.now;
        let actions = self.clients[client].machine.handle(input, now);
        for action in actions {
            self.perform(client, action);
        }
        if let Some(at) = self.clients[client].machine.wake_at() {
            self.later(at.saturating_duration_since(now), Happening::Wake(client));
        }
    }

    fn perform(&mut self, client: usize, action: Action) {
        let now = self.now;
        self.order += 1;
        let call = self.order;
        let asker = Asker { client, call };
        match action {
            Action::FindCoordinator if now >= self.clients[client].cut_until => {
                self.give(client, Input::Coordinator(Ok(())));
            }
            Action::FindCoordinator => self.give(client, Input::Coordinator(Err(Verdict::Elsewhere))),
            Action::AbandonJoin => self.clients[client].join_call = 0,
            Action::Join { member_id, owned, generation, .. } => {
                self.clients[client].join_call = call;
                self.later(JOIN_LIMIT, Happening::Answer(asker, Input::Joined(Err(Verdict::Elsewhere))));
                self.ask(asker, Request::Join { member_id, owned, generation });
            }
            Action::Sync { by, shares } => {
                self.clients[client].join_call = call;
                let late = Input::Synced { sent: now, answer: Err(Verdict::Elsewhere) };
                self.later(JOIN_LIMIT, Happening::Answer(asker, late));
                self.ask(asker, Request::Sync { by, shares });
            }
            Action::Beat(by) => {
                self.clients[client].beat_call = call;
                self.ask(asker, Request::Beat { by, sent: now });
            }
            Action::FetchOffsets(partitions) => {
                let committed = partitions.into_iter().map(|p| (p, None)).collect();
                self.give(client, Input::Offsets(Ok(committed)));
            }
            Action::Announce(new) => {
                self.clients[client].works_on.extend(new.into_iter().map(|a| a.partition));
            }
            Action::Revoke { revocation, partitions } => {
                if self.assignor == Assignor::Range {
                    self.clients[client].works_on.retain(|p| !partitions.contains(p));
                }
                let wait = self.delay() * 20;
                self.later(wait, Happening::Drain(client, revocation));
            }
            Action::Release(partitions) | Action::Lose(partitions) => {
                self.clients[client].works_on.retain(|p| !partitions.contains(p));
                self.coordinator.thrown_out.remove(&client);
            }
            Action::Flush | Action::CountPartitions(_) => {}
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
