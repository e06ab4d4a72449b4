//! Whether the coordinator still is one.
//!
//! One that is cut off from the other brokers, though not from us, goes on answering heartbeats while the group lives on
//! elsewhere; there a member that has not come within a session is thrown out. So the others are asked all the time who
//! the coordinator is.

use std::time::{Duration, Instant};

use super::Driver;
use crate::{
    group::state::{Input, Verdict},
    wire,
};

/// So many questions in the time of a session.
const ASK_PER_SESSION: u32 = 3;

impl Driver {
    /// When to ask next.
    pub(super) fn successor_at(&self) -> Option<Instant> {
        (self.membership.knows_coordinator() && self.successor.is_idle()).then_some(self.successor_at)
    }

    pub(super) fn begin_to_ask_for_a_successor(&mut self, now: Instant) {
        if self.successor_at().is_none_or(|due_at| now < due_at) {
            return;
        }
        let Some(address) = self.coordinator.clone() else { return };
        self.successor_at = now + self.ask_every();
        let (kafka, group_id) = (self.kafka.clone(), self.config.group_id.clone());
        self.successor.begin(async move { wire::has_successor(&kafka, &group_id, &address).await });
    }

    pub(super) fn asked_for_a_successor(&mut self, is_replaced: bool) {
        if is_replaced && self.membership.knows_coordinator() {
            tracing::debug!(former = self.coordinator, "another broker coordinates the group");
            self.feed(Input::Replaced);
        }
    }

    /// What is under way with the former coordinator, and was or will be done with the new one.
    pub(super) fn turn_away_from_former(&mut self, now: Instant) {
        self.successor.abandon();
        self.successor_at = now + self.ask_every();
        if !self.beat.is_idle() {
            self.beat.abandon();
            let by = self.membership.identity().clone();
            self.feed(Input::Beat { by, sent: now, answer: Err(Verdict::Passing) });
        }
        if !self.offsets.is_idle() {
            self.offsets.abandon();
            self.schedule.hurry();
            self.feed(Input::Offsets(Err(Verdict::Passing)));
        }
    }

    fn ask_every(&self) -> Duration {
        self.config.session_timeout / ASK_PER_SESSION
    }
}
