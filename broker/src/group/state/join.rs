//! Joining: who may, and what the group makes of it.

use std::time::Instant;

use kafka_protocol::ResponseError;

use super::{Answer, Answers, Group, Phase, Ticket};
use crate::group::member::{Join, JoinRefused, Joined, Member};

/// Members of one group.
const MAX_MEMBERS: usize = 1_000;

impl Group {
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

    pub(super) fn joined(&self, member_id: &str) -> Joined {
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
}
