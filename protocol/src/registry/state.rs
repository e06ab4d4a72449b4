//! What the registry's mutex guards. It wakes nobody and drops no waker and no outcome, whose destructors may come back
//! to the registry: callers do, after the lock.

use std::collections::hash_map::Entry as Slot;
use std::task::Waker;

use rustc_hash::FxHashMap;

use super::departed::Departed;
use super::ended::Ended;
use super::tally::Tally;
use super::{Completion, RegisterError};
use crate::id::CorrelationId;

/// How many replies came and what they were. All replies with our tag are in one of these.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Those that woke their waiter.
    pub answered: u64,
    /// Those to a request that had ended without one.
    pub late: u64,
    /// Those to a request that had one.
    pub duplicate: u64,
    /// Those to no request that is remembered.
    pub unknown: u64,
}

#[derive(Debug)]
pub(super) struct State<T> {
    /// A request for each guard whose outcome has not been taken.
    entries: FxHashMap<CorrelationId, Entry<T>>,
    /// How many of them still wait for their outcome.
    waiting: usize,
    /// Those of them that departed.
    departed: Departed,
    /// How many of those named a reply partition.
    naming: Tally,
    ended: Ended,
    counts: Counts,
    closed: bool,
}

/// A request from its registration until its guard takes the outcome or leaves.
#[derive(Debug)]
pub(super) struct Entry<T> {
    progress: Progress<T>,
    /// The request partition that its record was last handed over for.
    departed: Option<i32>,
    reply_partition: Option<i32>,
}

#[derive(Debug)]
enum Progress<T> {
    Waiting(Option<Waker>),
    Ended(T),
}

/// What a guard finds.
pub(super) enum Polled<T> {
    /// The request waits on; the waker that was there before, to be dropped after the lock.
    Waiting(#[expect(dead_code, reason = "only its drop matters")] Option<Waker>),
    /// It has ended, and its entry is gone.
    Ended(Entry<T>),
    /// There was no entry.
    Gone,
}

impl<T> State<T> {
    pub(super) fn new(remembered: usize) -> Self {
        Self {
            entries: FxHashMap::default(),
            waiting: 0,
            departed: Departed::default(),
            naming: Tally::default(),
            ended: Ended::new(remembered),
            counts: Counts::default(),
            closed: false,
        }
    }

    pub(super) fn insert(
        &mut self,
        id: CorrelationId,
        reply_partition: Option<i32>,
        max: usize,
    ) -> Result<(), RegisterError> {
        if self.closed {
            return Err(RegisterError::Closed);
        }
        if self.entries.len() >= max {
            return Err(RegisterError::Full);
        }
        let entry = Entry { progress: Progress::Waiting(None), departed: None, reply_partition };
        let before = self.entries.insert(id, entry);
        debug_assert!(before.is_none(), "90 random bits came twice");
        self.waiting += 1;
        self.naming.add(reply_partition);
        Ok(())
    }

    pub(super) fn depart(&mut self, id: CorrelationId, partition: i32) -> bool {
        let Some(entry) = self.entries.get_mut(&id).filter(|entry| entry.is_waiting()) else {
            return false;
        };
        if let Some(before) = entry.departed.replace(partition) {
            self.departed.remove(before, false);
        }
        self.departed.add(partition);
        true
    }

    pub(super) fn complete(
        &mut self,
        id: CorrelationId,
        make: impl FnOnce() -> T,
    ) -> (Completion, Option<Waker>) {
        if let Some(waker) = self.finish(id, true, make) {
            self.counts.answered += 1;
            return (Completion::Answered, waker);
        }
        let (completion, count) = match self.ended.was_answered(id) {
            Some(true) => (Completion::Duplicate, &mut self.counts.duplicate),
            Some(false) => (Completion::Late, &mut self.counts.late),
            None => (Completion::Unknown, &mut self.counts.unknown),
        };
        *count += 1;
        (completion, None)
    }

    /// Gives the outcome back if nobody waits for it.
    pub(super) fn end(&mut self, id: CorrelationId, outcome: T) -> Result<Option<Waker>, T> {
        let mut outcome = Some(outcome);
        let waker = self.finish(id, false, || outcome.take().expect("runs at most once"));
        outcome.map_or_else(|| Ok(waker.flatten()), Err)
    }

    /// Gives a waiting entry its outcome; `None` if there is no such entry.
    fn finish(
        &mut self,
        id: CorrelationId,
        answered: bool,
        make: impl FnOnce() -> T,
    ) -> Option<Option<Waker>> {
        let entry = self.entries.get_mut(&id)?;
        let Progress::Waiting(waker) = &mut entry.progress else { return None };
        let waker = waker.take();
        entry.progress = Progress::Ended(make());
        let (departed, reply_partition) = (entry.departed, entry.reply_partition);
        self.stop_waiting(id, departed, reply_partition, answered);
        Some(waker)
    }

    fn stop_waiting(&mut self, id: CorrelationId, departed: Option<i32>, named: Option<i32>, answered: bool) {
        self.waiting -= 1;
        if let Some(partition) = departed {
            self.departed.remove(partition, answered);
        }
        self.naming.remove(named);
        self.ended.push(id, answered);
    }

    /// Takes the entry if it has ended, else leaves a waker in it.
    pub(super) fn poll(&mut self, id: CorrelationId, waker: &Waker) -> Polled<T> {
        let Slot::Occupied(mut slot) = self.entries.entry(id) else { return Polled::Gone };
        match &mut slot.get_mut().progress {
            Progress::Waiting(Some(known)) if known.will_wake(waker) => Polled::Waiting(None),
            Progress::Waiting(known) => Polled::Waiting(known.replace(waker.clone())),
            Progress::Ended(_) => Polled::Ended(slot.remove()),
        }
    }

    /// Removes the entry, which ends the request if it waits.
    pub(super) fn leave(&mut self, id: CorrelationId) -> Option<Entry<T>> {
        let entry = self.entries.remove(&id)?;
        if entry.is_waiting() {
            self.stop_waiting(id, entry.departed, entry.reply_partition, false);
        }
        Some(entry)
    }

    pub(super) fn has_departed(&self, id: CorrelationId) -> bool {
        self.entries.get(&id).is_some_and(Entry::has_departed)
    }

    pub(super) fn waiting(&self) -> Vec<CorrelationId> {
        self.entries.iter().filter(|(_, entry)| entry.is_waiting()).map(|(&id, _)| id).collect()
    }

    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    pub(super) fn pending(&self) -> usize {
        self.waiting
    }

    pub(super) fn unanswered(&self, partition: i32) -> usize {
        self.departed.count(partition)
    }

    pub(super) fn load(&self, partition: i32) -> usize {
        self.departed.load(partition)
    }

    pub(super) fn pending_naming(&self, reply_partition: i32) -> usize {
        self.naming.count(reply_partition)
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }
}

impl<T> Entry<T> {
    /// Whether its record was handed to Kafka.
    pub(super) fn has_departed(&self) -> bool {
        self.departed.is_some()
    }

    pub(super) fn into_outcome(self) -> Option<T> {
        match self.progress {
            Progress::Ended(outcome) => Some(outcome),
            Progress::Waiting(_) => None,
        }
    }

    fn is_waiting(&self) -> bool {
        matches!(self.progress, Progress::Waiting(_))
    }
}
