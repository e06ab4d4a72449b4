//! Whether we know which broker coordinates the group.

use std::time::Instant;

use crate::group::backoff::Backoff;

#[derive(Debug)]
pub(super) struct Link {
    state: State,
    backoff: Backoff,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Known,
    Seeking,
    Unknown { seek_at: Instant },
}

impl Link {
    pub(super) fn new(now: Instant) -> Self {
        Self { state: State::Unknown { seek_at: now }, backoff: Backoff::default() }
    }

    pub(super) fn is_known(&self) -> bool {
        self.state == State::Known
    }

    /// What we knew is no longer so. A search that is under way goes on.
    pub(super) fn lost(&mut self, now: Instant) {
        if self.is_known() {
            self.state = State::Unknown { seek_at: now };
        }
    }

    pub(super) fn found(&mut self) {
        self.state = State::Known;
        self.backoff.reset();
    }

    pub(super) fn not_found(&mut self, now: Instant) {
        self.state = State::Unknown { seek_at: now + self.backoff.wait() };
    }

    pub(super) fn seek_at(&self) -> Option<Instant> {
        match self.state {
            State::Unknown { seek_at } => Some(seek_at),
            State::Known | State::Seeking => None,
        }
    }

    /// Whether it is time to search. If so, the search has begun.
    pub(super) fn seek(&mut self, now: Instant) -> bool {
        let due = self.seek_at().is_some_and(|at| at <= now);
        if due {
            self.state = State::Seeking;
        }
        due
    }
}
