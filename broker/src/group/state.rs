//! One group: who is in it, which generation it is in, and who is to be answered when that changes.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use bytes::Bytes;
use kafka_protocol::ResponseError;

use super::member::{Join, JoinRefused, Joined, Member, Sync, Synced};

/// Members of one group.
const MAX_MEMBERS: usize = 1_000;

/// The number of a request that waits for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Ticket(pub(crate) u64);

/// An answer for a waiting request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Join(Ticket, Result<Joined, JoinRefused>),
    Sync(Ticket, Result<Synced, ResponseError>),
}

/// The answers one event brings about.
pub(crate) type Answers = Vec<Answer>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Empty,
    /// Members are to join again. Not complete before `not_before`, and without those who are missing at `deadline`.
    Preparing {
        not_before: Instant,
        deadline: Instant,
        was_empty: bool,
    },
    /// The generation is there, its leader's assignment is awaited, until `deadline`.
    Completing {
        deadline: Instant,
    },
    Stable,
}

/// A group of the classic protocol.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    phase: Phase,
    generation: i32,
    protocol_type: String,
    protocol: String,
    leader: String,
    members: BTreeMap<String, Member>,
    /// Ids that were given out and have not joined yet, with the time they lapse. A rebalance waits for them.
    pending: BTreeMap<String, Instant>,
    initial_delay: Duration,
    /// The group as of its last complete rebalance: what a restarted coordinator knows.
    complete: Option<Box<Group>>,
}

impl Group {
    /// An empty group whose first rebalance waits `initial_delay` for more members.
    pub(crate) fn new(initial_delay: Duration) -> Self {
        Self {
            phase: Phase::Empty,
            generation: 0,
            protocol_type: String::new(),
            protocol: String::new(),
            leader: String::new(),
            members: BTreeMap::new(),
            pending: BTreeMap::new(),
            initial_delay,
            complete: None,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty() && self.pending.is_empty()
    }

    /// The state's name as Kafka's tools print it.
    pub(crate) fn state_name(&self) -> &'static str {
        match self.phase {
            Phase::Empty => "Empty",
            Phase::Preparing { .. } => "PreparingRebalance",
            Phase::Completing { .. } => "CompletingRebalance",
            Phase::Stable => "Stable",
        }
    }

    pub(crate) fn protocol_type(&self) -> &str {
        &self.protocol_type
    }

    pub(crate) fn protocol(&self) -> &str {
        &self.protocol
    }

    pub(crate) fn members(&self) -> &BTreeMap<String, Member> {
        &self.members
    }

    /// A member wants in, or in again. `fresh_id` is the id it gets if it has none.
    pub(crate) fn join(
        &mut self,
        now: Instant,
        join: &Join,
        fresh_id: impl FnOnce() -> String,
        ticket: Ticket,
        answers: &mut Answers,
    ) {
        match self.admit(now, join, fresh_id) {
            Err(refused) => answers.push(Answer::Join(ticket, Err(refused))),
            Ok(member_id) if self.may_stay(&member_id, join) => {
                if let Some(member) = self.members.get_mut(&member_id) {
                    member.heard(now);
                }
                answers.push(Answer::Join(ticket, Ok(self.joined(&member_id))));
            }
            Ok(member_id) => self.wait_for_generation(now, member_id, join, ticket, answers),
        }
    }

    /// Whether the member may join at all, and under which id.
    fn admit(
        &mut self,
        now: Instant,
        join: &Join,
        fresh_id: impl FnOnce() -> String,
    ) -> Result<String, JoinRefused> {
        let refuse = |error| JoinRefused { error, member_id: join.member_id.clone() };
        if !self.can_speak_with(join) {
            return Err(refuse(ResponseError::InconsistentGroupProtocol));
        }
        if !join.member_id.is_empty() {
            let known = self.members.contains_key(&join.member_id);
            let was_pending = self.pending.remove(&join.member_id).is_some();
            return match known || was_pending {
                true => Ok(join.member_id.clone()),
                false => Err(refuse(ResponseError::UnknownMemberId)),
            };
        }
        if self.members.len() + self.pending.len() >= MAX_MEMBERS {
            return Err(refuse(ResponseError::GroupMaxSizeReached));
        }
        let member_id = fresh_id();
        if join.must_know_id {
            self.pending.insert(member_id.clone(), now + join.session_timeout);
            return Err(JoinRefused { error: ResponseError::MemberIdRequired, member_id });
        }
        Ok(member_id)
    }

    /// Whether there is an assignment protocol that the member and everybody else know.
    fn can_speak_with(&self, join: &Join) -> bool {
        if join.protocol_type.is_empty() || join.protocols.is_empty() {
            return false;
        }
        let others: Vec<_> = self.members.iter().filter(|(id, _)| **id != join.member_id).collect();
        if others.is_empty() {
            return true;
        }
        self.protocol_type == join.protocol_type
            && join.protocols.iter().any(|wanted| others.iter().all(|(_, other)| other.knows(&wanted.name)))
    }

    /// Whether a join changes nothing: a member that repeats itself, because it missed the answer, is told again.
    fn may_stay(&self, member_id: &str, join: &Join) -> bool {
        let Some(member) = self.members.get(member_id) else { return false };
        let same = member.protocols == join.protocols;
        match self.phase {
            Phase::Completing { .. } => same,
            // The leader's join is how it asks for a new assignment.
            Phase::Stable => same && self.leader != member_id,
            Phase::Empty | Phase::Preparing { .. } => false,
        }
    }

    fn wait_for_generation(
        &mut self,
        now: Instant,
        member_id: String,
        join: &Join,
        ticket: Ticket,
        answers: &mut Answers,
    ) {
        self.protocol_type.clone_from(&join.protocol_type);
        let is_new = !self.members.contains_key(&member_id);
        let member = self.members.entry(member_id.clone()).or_insert_with(|| Member::new(join, now));
        member.update(join, now);
        if let Some(earlier) = member.joining.replace(ticket) {
            // The same member on another connection: the first one waits in vain.
            let refused = JoinRefused { error: ResponseError::RebalanceInProgress, member_id };
            answers.push(Answer::Join(earlier, Err(refused)));
        }
        self.prepare(now, answers);
        if let Phase::Preparing { not_before, deadline, was_empty: true } = &mut self.phase
            && is_new
        {
            // More may come: the first rebalance waits for them as long as it may.
            *not_before = (now + self.initial_delay).min(*deadline).max(*not_before);
        }
        self.try_complete(now, answers);
    }

    /// A member wants its assignment, or brings everybody's.
    pub(crate) fn sync(&mut self, now: Instant, sync: Sync, ticket: Ticket, answers: &mut Answers) {
        let refused = self.refusal(&sync.member_id, sync.generation).or_else(|| self.contradicts(&sync));
        let refused = refused.or(match self.phase {
            Phase::Empty => Some(ResponseError::UnknownMemberId),
            Phase::Preparing { .. } => Some(ResponseError::RebalanceInProgress),
            Phase::Completing { .. } | Phase::Stable => None,
        });
        let Some(member) = self.members.get_mut(&sync.member_id) else {
            answers.push(Answer::Sync(ticket, Err(refused.unwrap_or(ResponseError::UnknownMemberId))));
            return;
        };
        if let Some(error) = refused {
            answers.push(Answer::Sync(ticket, Err(error)));
            return;
        }
        member.heard(now);
        if self.phase == Phase::Stable {
            let assignment = member.assignment.clone();
            answers.push(Answer::Sync(ticket, Ok(self.synced(assignment))));
            return;
        }
        if let Some(earlier) = member.syncing.replace(ticket) {
            answers.push(Answer::Sync(earlier, Err(ResponseError::RebalanceInProgress)));
        }
        if sync.member_id == self.leader {
            self.assign(now, sync.assignments, answers);
        }
    }

    fn contradicts(&self, sync: &Sync) -> Option<ResponseError> {
        let other_type = sync.protocol_type.as_ref().is_some_and(|stated| *stated != self.protocol_type);
        let other = sync.protocol.as_ref().is_some_and(|stated| *stated != self.protocol);
        (other_type || other).then_some(ResponseError::InconsistentGroupProtocol)
    }

    /// The leader has spoken: everybody who waits is told, and whoever comes later will be.
    fn assign(&mut self, now: Instant, assignments: Vec<(String, Bytes)>, answers: &mut Answers) {
        for member in self.members.values_mut() {
            member.assignment = Bytes::new();
        }
        for (id, assignment) in assignments {
            if let Some(member) = self.members.get_mut(&id) {
                member.assignment = assignment;
            }
        }
        self.phase = Phase::Stable;
        let (protocol_type, protocol) = (self.protocol_type.clone(), self.protocol.clone());
        for member in self.members.values_mut() {
            if let Some(ticket) = member.syncing.take() {
                member.heard(now);
                let synced = Synced {
                    protocol_type: protocol_type.clone(),
                    protocol: protocol.clone(),
                    assignment: member.assignment.clone(),
                };
                answers.push(Answer::Sync(ticket, Ok(synced)));
            }
        }
        self.remember();
    }

    /// A member says that it lives; the error tells it what it missed.
    pub(crate) fn heartbeat(&mut self, now: Instant, id: &str, generation: i32) -> Result<(), ResponseError> {
        self.refusal(id, generation).map_or(Ok(()), Err)?;
        if let Some(member) = self.members.get_mut(id) {
            member.heard(now);
        }
        match self.phase {
            Phase::Preparing { .. } => Err(ResponseError::RebalanceInProgress),
            Phase::Empty | Phase::Completing { .. } | Phase::Stable => Ok(()),
        }
    }

    /// Whether this member may commit now. A negative generation without an id is a consumer outside the protocol,
    /// which may commit as long as the group has no members.
    pub(crate) fn check_commit(
        &mut self,
        now: Instant,
        id: &str,
        generation: i32,
    ) -> Result<(), ResponseError> {
        if generation < 0 && self.phase == Phase::Empty {
            return Ok(());
        }
        self.refusal(id, generation).map_or(Ok(()), Err)?;
        if let Some(member) = self.members.get_mut(id) {
            member.heard(now);
        }
        match self.phase {
            Phase::Completing { .. } => Err(ResponseError::RebalanceInProgress),
            Phase::Empty | Phase::Preparing { .. } | Phase::Stable => Ok(()),
        }
    }

    /// A member says goodbye.
    pub(crate) fn leave(
        &mut self,
        now: Instant,
        id: &str,
        answers: &mut Answers,
    ) -> Result<(), ResponseError> {
        if self.pending.remove(id).is_some() {
            self.try_complete(now, answers);
            return Ok(());
        }
        if !self.members.contains_key(id) {
            return Err(ResponseError::UnknownMemberId);
        }
        self.remove(now, id, answers);
        Ok(())
    }

    /// Nobody waits for this ticket any more: the connection it came on is gone. A member that has never been in a
    /// generation goes with it; another may come again within its session.
    pub(crate) fn abandon(&mut self, now: Instant, ticket: Ticket, answers: &mut Answers) {
        let waits = |(_, member): &(&String, &mut Member)| {
            member.joining == Some(ticket) || member.syncing == Some(ticket)
        };
        let Some((id, member)) = self.members.iter_mut().find(waits) else { return };
        let gave_up_joining = member.joining.take_if(|waiting| *waiting == ticket).is_some();
        member.syncing.take_if(|waiting| *waiting == ticket);
        member.heard(now);
        if gave_up_joining && member.is_new {
            let id = id.clone();
            self.remove(now, &id, answers);
        }
    }

    /// Time passes: who is overdue is out.
    pub(crate) fn tick(&mut self, now: Instant, answers: &mut Answers) {
        self.pending.retain(|_, lapses| now < *lapses);
        let overdue = |(id, member): (&String, &Member)| member.is_expired(now).then(|| id.clone());
        let mut gone: Vec<_> = self.members.iter().filter_map(overdue).collect();
        if let Phase::Completing { deadline } = self.phase
            && now >= deadline
        {
            // Without the leader's assignment the rest waits in vain.
            gone.extend(
                self.members.iter().filter(|(_, member)| member.syncing.is_none()).map(|(id, _)| id.clone()),
            );
        }
        for id in gone {
            self.remove(now, &id, answers);
        }
        self.try_complete(now, answers);
    }

    /// The group as a coordinator finds it that was restarted at `now`: as of its last complete rebalance, its
    /// members with a whole session before them.
    pub(crate) fn restarted(self, now: Instant) -> Self {
        let fresh = Self { generation: self.generation, ..Self::new(self.initial_delay) };
        let mut group = self.complete.map_or(fresh, |complete| *complete);
        for member in group.members.values_mut() {
            member.heard(now);
        }
        group.remember();
        group
    }

    /// Why `id` has no say in `generation`, if it has none.
    fn refusal(&self, id: &str, generation: i32) -> Option<ResponseError> {
        if !self.members.contains_key(id) {
            return Some(ResponseError::UnknownMemberId);
        }
        (generation != self.generation).then_some(ResponseError::IllegalGeneration)
    }

    fn remove(&mut self, now: Instant, id: &str, answers: &mut Answers) {
        let Some(member) = self.members.remove(id) else { return };
        let error = ResponseError::UnknownMemberId;
        if let Some(ticket) = member.joining {
            let refused = JoinRefused { error, member_id: id.to_owned() };
            answers.push(Answer::Join(ticket, Err(refused)));
        }
        if let Some(ticket) = member.syncing {
            answers.push(Answer::Sync(ticket, Err(error)));
        }
        self.prepare(now, answers);
        self.try_complete(now, answers);
    }

    /// Members are to join again; those who wait for an assignment of the old generation are told.
    fn prepare(&mut self, now: Instant, answers: &mut Answers) {
        if matches!(self.phase, Phase::Preparing { .. }) {
            return;
        }
        for member in self.members.values_mut() {
            member.assignment = Bytes::new();
            if let Some(ticket) = member.syncing.take() {
                member.heard(now);
                answers.push(Answer::Sync(ticket, Err(ResponseError::RebalanceInProgress)));
            }
        }
        let patience = self.members.values().map(|member| member.rebalance_timeout).max().unwrap_or_default();
        let was_empty = self.phase == Phase::Empty;
        self.phase = Phase::Preparing { not_before: now, deadline: now + patience, was_empty };
    }

    /// Begins the next generation if everybody is there, or nobody is waited for any longer.
    fn try_complete(&mut self, now: Instant, answers: &mut Answers) {
        let Phase::Preparing { not_before, deadline, .. } = self.phase else { return };
        if now < not_before {
            return;
        }
        let all_here =
            self.pending.is_empty() && self.members.values().all(|member| member.joining.is_some());
        if !all_here && now < deadline {
            return;
        }
        self.members.retain(|_, member| member.joining.is_some());
        self.generation += 1;
        if self.members.is_empty() {
            self.phase = Phase::Empty;
            self.leader.clear();
            self.protocol.clear();
            self.remember();
            return;
        }
        self.begin_generation(now, answers);
    }

    fn begin_generation(&mut self, now: Instant, answers: &mut Answers) {
        if !self.members.contains_key(&self.leader) {
            self.leader = self.members.keys().next().cloned().unwrap_or_default();
        }
        self.protocol = self.chosen_protocol();
        let patience = self.members.values().map(|member| member.rebalance_timeout).max().unwrap_or_default();
        self.phase = Phase::Completing { deadline: now + patience };
        let mut told = Vec::with_capacity(self.members.len());
        for (id, member) in &mut self.members {
            member.is_new = false;
            member.heard(now);
            if let Some(ticket) = member.joining.take() {
                told.push((ticket, id.clone()));
            }
        }
        answers.extend(told.into_iter().map(|(ticket, id)| Answer::Join(ticket, Ok(self.joined(&id)))));
    }

    /// The first of the leader's protocols that everybody knows. Joins keep one there to be found.
    fn chosen_protocol(&self) -> String {
        let wishes =
            self.members.get(&self.leader).map(|leader| leader.protocols.as_slice()).unwrap_or_default();
        let known_by_all = |name: &str| self.members.values().all(|member| member.knows(name));
        wishes.iter().map(|wish| wish.name.clone()).find(|name| known_by_all(name)).unwrap_or_default()
    }

    fn joined(&self, member_id: &str) -> Joined {
        let members = if member_id == self.leader {
            self.members.iter().map(|(id, member)| (id.clone(), member.metadata(&self.protocol))).collect()
        } else {
            Vec::new()
        };
        Joined {
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            leader: self.leader.clone(),
            member_id: member_id.to_owned(),
            members,
        }
    }

    fn synced(&self, assignment: Bytes) -> Synced {
        Synced { protocol_type: self.protocol_type.clone(), protocol: self.protocol.clone(), assignment }
    }

    /// Keeps the group as it is now for a restart. The tickets are not part of it: nobody waits across one.
    fn remember(&mut self) {
        self.complete = None;
        let mut complete = self.clone();
        complete.pending.clear();
        for member in complete.members.values_mut() {
            member.joining = None;
            member.syncing = None;
        }
        self.complete = Some(Box::new(complete));
    }
}

#[cfg(test)]
mod tests;
