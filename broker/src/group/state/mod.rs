//! One group: who is in it, which generation it is in, and who is to be answered when that changes.
//!
//! Every event is a method that takes the time and adds to the [`Answers`] it brings about. Each ticket that was
//! taken is answered once, unless it is abandoned first.

mod join;
mod rebalance;
mod restart;
mod sync;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use kafka_protocol::ResponseError;

use super::member::{JoinRefused, Joined, Member, Synced};

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

    /// Why `id` has no say in `generation`, if it has none.
    fn refusal(&self, id: &str, generation: i32) -> Option<ResponseError> {
        if !self.members.contains_key(id) {
            return Some(ResponseError::UnknownMemberId);
        }
        (generation != self.generation).then_some(ResponseError::IllegalGeneration)
    }
}

#[cfg(test)]
mod tests;
