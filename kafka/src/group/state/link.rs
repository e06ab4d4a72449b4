//! Whether we know which broker coordinates the group.

use std::time::{Duration, Instant};

use crate::Backoff;

/// The way to the coordinator. One that was found may prove to be wrong with its first answer, again and again: only an
/// answer of a coordinator that knows itself to be one makes the waits short again.
#[derive(Debug)]
pub(super) struct Link {
    state: State,
    /// The coordinator that was found last has answered as one.
    is_proven: bool,
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
        Self { state: State::Unknown { seek_at: now }, is_proven: false, backoff: Backoff::new() }
    }

    pub(super) fn is_known(&self) -> bool {
        self.state == State::Known
    }

    /// What we knew is no longer so. A search that is under way goes on.
    pub(super) fn lost(&mut self, now: Instant) {
        if self.is_known() {
            let wait = if self.is_proven { Duration::ZERO } else { self.backoff.next_pause() };
            self.state = State::Unknown { seek_at: now + wait };
        }
    }

    pub(super) fn found(&mut self) {
        self.state = State::Known;
        self.is_proven = false;
    }

    /// The coordinator has answered as one.
    pub(super) fn proves_right(&mut self) {
        if self.is_known() {
            self.is_proven = true;
            self.backoff.reset();
        }
    }

    pub(super) fn not_found(&mut self, now: Instant) {
        self.state = State::Unknown { seek_at: now + self.backoff.next_pause() };
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
