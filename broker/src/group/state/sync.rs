//! Handing out the leader's assignment.

use std::time::Instant;

use bytes::Bytes;
use kafka_protocol::ResponseError;

use super::{Answer, Answers, Group, Phase, Ticket};
use crate::group::member::{Sync, Synced};

impl Group {
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
    pub(super) fn assign(&mut self, now: Instant, assignments: Vec<(String, Bytes)>, answers: &mut Answers) {
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

    pub(super) fn synced(&self, assignment: Bytes) -> Synced {
        Synced { protocol_type: self.protocol_type.clone(), protocol: self.protocol.clone(), assignment }
    }
}
