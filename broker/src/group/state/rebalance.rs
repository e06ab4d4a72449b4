//! From one generation to the next: what begins a rebalance, whom it waits for, what ends it.

use std::time::Instant;

use bytes::Bytes;
use kafka_protocol::ResponseError;

use super::{Answer, Answers, Group, Phase, Ticket};
use crate::group::member::{JoinRefused, Member};

impl Group {
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

    pub(super) fn remove(&mut self, now: Instant, id: &str, answers: &mut Answers) {
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
    pub(super) fn prepare(&mut self, now: Instant, answers: &mut Answers) {
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
    pub(super) fn try_complete(&mut self, now: Instant, answers: &mut Answers) {
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
}
