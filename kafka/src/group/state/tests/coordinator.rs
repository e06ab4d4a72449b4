//! A group coordinator of the classic protocol, reduced to what members can tell.

use super::*;

/// What a member asks. `client` and `call` say where the answer goes.
#[derive(Clone, Debug)]
pub(super) enum Request {
    Join { member_id: String, owned: BTreeSet<i32>, generation: i32 },
    Sync { by: Identity, shares: BTreeMap<String, BTreeSet<i32>> },
    Beat { by: Identity, sent: Instant },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asker {
    pub(super) client: usize,
    pub(super) call: u64,
}

#[derive(Debug, Default)]
pub(super) struct Coordinator {
    pub(super) generation: i32,
    members: BTreeMap<String, Place>,
    phase: Stage,
    leader: String,
    ids: u32,
    /// Clients thrown out because they did not join again in time, which they learn only at their next heartbeat.
    pub(super) thrown_out: BTreeSet<usize>,
}

#[derive(Debug, Default, PartialEq)]
enum Stage {
    #[default]
    Stable,
    Preparing {
        until: Instant,
    },
    Completing,
}

#[derive(Debug)]
struct Place {
    client: usize,
    session_until: Instant,
    claims: (BTreeSet<i32>, i32),
    joining: Option<Asker>,
    syncing: Option<Asker>,
    share: BTreeSet<i32>,
}

const TIMEOUT: Duration = Duration::from_secs(6);

impl Coordinator {
    /// The answers that this brings about, to whomever.
    pub(super) fn ask(&mut self, asker: Asker, request: Request, now: Instant) -> Vec<(Asker, Input)> {
        match request {
            Request::Join { member_id, owned, generation } => {
                self.join(asker, member_id, (owned, generation), now)
            }
            Request::Sync { by, shares } => self.sync(asker, &by, shares, now),
            Request::Beat { by, sent } => {
                let answer = self.beat(&by, now);
                vec![(asker, Input::Beat { by, sent, answer })]
            }
        }
    }

    pub(super) fn wake_at(&self) -> Option<Instant> {
        let idle = self.members.values().filter(|m| m.joining.is_none() && m.syncing.is_none());
        let sessions = idle.map(|m| m.session_until).min();
        let rebalance = if let Stage::Preparing { until } = self.phase { Some(until) } else { None };
        sessions.into_iter().chain(rebalance).min()
    }

    pub(super) fn tick(&mut self, now: Instant) -> Vec<(Asker, Input)> {
        let gone = |m: &Place| m.joining.is_none() && m.syncing.is_none() && m.session_until <= now;
        let before = self.members.len();
        self.members.retain(|_, member| !gone(member));
        if self.members.len() < before && !matches!(self.phase, Stage::Preparing { .. }) {
            let mut answers = self.prepare(now);
            answers.extend(self.complete(now));
            return answers;
        }
        self.complete(now)
    }

    /// Everybody's connection breaks; the group is remembered.
    pub(super) fn restart(&mut self, now: Instant) {
        for member in self.members.values_mut() {
            member.session_until = now + TIMEOUT;
            (member.joining, member.syncing) = (None, None);
        }
    }

    fn join(
        &mut self,
        asker: Asker,
        member_id: String,
        claims: (BTreeSet<i32>, i32),
        now: Instant,
    ) -> Vec<(Asker, Input)> {
        if member_id.is_empty() {
            self.ids += 1;
            let id = format!("{:02}-{}", self.ids * 37 % 100, asker.client);
            let place = Place {
                client: asker.client,
                session_until: now + TIMEOUT,
                claims: (BTreeSet::new(), -2),
                joining: None,
                syncing: None,
                share: BTreeSet::new(),
            };
            self.members.insert(id.clone(), place);
            return vec![(asker, Input::Joined(Ok(JoinAnswer::MemberId(id))))];
        }
        let leads = self.leader == member_id;
        let Some(place) = self.members.get_mut(&member_id) else {
            return vec![(asker, Input::Joined(Err(Verdict::UnknownMember)))];
        };
        let changed = place.claims != claims || leads;
        place.claims = claims;
        if !changed && self.phase == Stage::Stable {
            let by = Identity { member_id, generation: self.generation };
            return vec![(asker, Input::Joined(Ok(JoinAnswer::Complete { by, lead: None })))];
        }
        place.joining = Some(asker);
        let mut answers = Vec::new();
        if !matches!(self.phase, Stage::Preparing { .. }) {
            answers = self.prepare(now);
        }
        answers.extend(self.complete(now));
        answers
    }

    fn prepare(&mut self, now: Instant) -> Vec<(Asker, Input)> {
        self.phase = Stage::Preparing { until: now + TIMEOUT };
        let waiting = self.members.values_mut().filter_map(|m| m.syncing.take());
        waiting.map(|asker| (asker, Input::Synced { sent: now, answer: Err(Verdict::Rebalancing) })).collect()
    }

    /// Ends the rebalance if everybody has joined or the time is up.
    fn complete(&mut self, now: Instant) -> Vec<(Asker, Input)> {
        let Stage::Preparing { until } = self.phase else { return Vec::new() };
        if now >= until {
            let late = self.members.values().filter(|m| m.joining.is_none()).map(|m| m.client);
            self.thrown_out.extend(late);
            self.members.retain(|_, member| member.joining.is_some());
        }
        if self.members.values().any(|member| member.joining.is_none()) {
            return Vec::new();
        }
        self.phase = Stage::Completing;
        self.generation += 1;
        if !self.members.contains_key(&self.leader) {
            self.leader = self.members.keys().next().cloned().unwrap_or_default();
        }
        let candidate = |(id, member): (&String, &Place)| Candidate {
            id: id.clone(),
            owned: member.claims.0.clone(),
            generation: member.claims.1,
        };
        let candidates: Vec<_> = self.members.iter().map(candidate).collect();
        let mut answers = Vec::new();
        for (id, member) in &mut self.members {
            member.session_until = now + TIMEOUT;
            member.share.clear();
            let by = Identity { member_id: id.clone(), generation: self.generation };
            let lead = (*id == self.leader).then(|| candidates.clone());
            let asker = member.joining.take().expect("everybody has joined");
            answers.push((asker, Input::Joined(Ok(JoinAnswer::Complete { by, lead }))));
        }
        answers
    }

    fn check(&mut self, by: &Identity, now: Instant) -> Result<&mut Place, Verdict> {
        let generation = self.generation;
        let place = self.members.get_mut(&by.member_id).ok_or(Verdict::UnknownMember)?;
        if by.generation != generation {
            return Err(Verdict::OldGeneration);
        }
        place.session_until = now + TIMEOUT;
        Ok(place)
    }

    fn sync(
        &mut self,
        asker: Asker,
        by: &Identity,
        shares: BTreeMap<String, BTreeSet<i32>>,
        now: Instant,
    ) -> Vec<(Asker, Input)> {
        let refuse = |verdict| vec![(asker, Input::Synced { sent: now, answer: Err(verdict) })];
        let stable = self.phase == Stage::Stable;
        let preparing = matches!(self.phase, Stage::Preparing { .. });
        let leads = self.leader == by.member_id;
        match self.check(by, now) {
            Err(verdict) => return refuse(verdict),
            Ok(_) if preparing => return refuse(Verdict::Rebalancing),
            Ok(place) if stable => {
                return vec![(asker, Input::Synced { sent: now, answer: Ok(place.share.clone()) })];
            }
            Ok(place) => place.syncing = Some(asker),
        }
        if !leads {
            return Vec::new();
        }
        self.phase = Stage::Stable;
        let mut answers = Vec::new();
        for (id, member) in &mut self.members {
            member.share = shares.get(id).cloned().unwrap_or_default();
            if let Some(asker) = member.syncing.take() {
                member.session_until = now + TIMEOUT;
                answers.push((asker, Input::Synced { sent: now, answer: Ok(member.share.clone()) }));
            }
        }
        answers
    }

    fn beat(&mut self, by: &Identity, now: Instant) -> Result<(), Verdict> {
        let preparing = matches!(self.phase, Stage::Preparing { .. });
        self.check(by, now)?;
        if preparing { Err(Verdict::Rebalancing) } else { Ok(()) }
    }
}
