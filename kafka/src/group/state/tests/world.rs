//! Members, the messages between them and their coordinator, and a clock of numbers that moves from one happening to
//! the next.

use super::{
    coordinator::{Asker, Coordinator, Request},
    simulation::Fault,
    *,
};

/// A join or sync that takes longer is given up.
const JOIN_LIMIT: Duration = Duration::from_secs(11);

#[derive(Clone, Debug)]
pub(super) enum Happening {
    Arrive(Asker, Request),
    Answer(Asker, Input),
    Wake(usize),
    CoordinatorWake,
    Drain(usize, u64),
    Strike(Fault),
}

pub(super) struct Client {
    pub(super) machine: Membership,
    pub(super) alive: bool,
    pub(super) cut_until: Instant,
    /// Numbers of the calls that are under way; answers to others are not heard.
    pub(super) join_call: u64,
    pub(super) beat_call: u64,
    /// What its owner works on.
    pub(super) works_on: BTreeSet<i32>,
}

pub(super) struct World {
    pub(super) assignor: Assignor,
    pub(super) now: Instant,
    pub(super) queue: BTreeMap<(Instant, u64), Happening>,
    pub(super) order: u64,
    pub(super) clients: Vec<Client>,
    pub(super) coordinator: Coordinator,
    pub(super) coordinator_wakes: Option<Instant>,
    pub(super) partitions: i32,
    /// Delays, in milliseconds, taken in turn.
    pub(super) delays: Vec<u64>,
    /// From then on nothing is lost any more.
    pub(super) calm_from: Instant,
}

impl World {
    pub(super) fn new(assignor: Assignor, delays: Vec<u64>) -> Self {
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

    pub(super) fn later(&mut self, wait: Duration, happening: Happening) {
        self.order += 1;
        self.queue.insert((self.now + wait, self.order), happening);
    }

    pub(super) fn delay(&mut self) -> Duration {
        let count = u64::try_from(self.delays.len()).unwrap();
        Duration::from_millis(self.delays[usize::try_from(self.order % count).unwrap()])
    }

    pub(super) fn spawn(&mut self) {
        let machine = Membership::new(rules(self.assignor), self.now);
        let (alive, works_on) = (true, BTreeSet::new());
        let client = Client { machine, alive, cut_until: self.now, join_call: 0, beat_call: 0, works_on };
        self.clients.push(client);
        let (client, partitions) = (self.clients.len() - 1, self.partitions);
        self.give(client, Input::Tick);
        self.give(client, Input::Partitions(partitions));
    }

    pub(super) fn living(&self) -> Vec<usize> {
        (0..self.clients.len()).filter(|client| self.clients[*client].alive).collect()
    }

    pub(super) fn happen(&mut self, happening: Happening) {
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

    pub(super) fn answer(&mut self, answers: Vec<(Asker, Input)>) {
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
    pub(super) fn lose(&mut self, asker: Asker, instead_of: &Input) {
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

    pub(super) fn ask(&mut self, asker: Asker, request: Request) {
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

    pub(super) fn give(&mut self, client: usize, input: Input) {
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

    pub(super) fn perform(&mut self, client: usize, action: Action) {
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
}
