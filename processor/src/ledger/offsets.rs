//! Which offsets of one partition are finished, and up to where it may be committed. Pure.
//!
//! ```text
//!   offset     40   41   42   43   44   45
//!              ✓    ✓    ·    ✓    ·          ✓ finished   · taken, not finished
//!                        ▲                ▲
//!                 committable          taken up to
//! ```
//! Records finish in any order, but Kafka knows one committed position: so it may only move to the first offset
//! that is taken and not finished, never past it. Offsets may have gaps (compaction, transaction markers).

use std::collections::VecDeque;
use std::time::Instant;

use super::debts::{AwaitedReply, Debt, Debts};

/// The offsets taken from one partition in one stretch of reading.
#[derive(Debug)]
pub(crate) struct OffsetTracker {
    /// From the first unfinished offset on, by rising offset.
    slots: VecDeque<Slot>,
    /// Everything below has been taken, or does not exist.
    taken_up_to: i64,
    in_flight: usize,
    in_flight_bytes: usize,
    dead_letters: usize,
}

#[derive(Debug)]
struct Slot {
    offset: i64,
    bytes: usize,
    debts: Debts,
}

impl OffsetTracker {
    /// Starts with nothing in flight and everything below `position` done.
    pub(super) fn starting_at(position: i64) -> Self {
        Self {
            slots: VecDeque::new(),
            taken_up_to: position,
            in_flight: 0,
            in_flight_bytes: 0,
            dead_letters: 0,
        }
    }

    /// Takes the record at `offset`, which is above all taken before, and is finished when its debts are settled.
    pub(super) fn take(&mut self, offset: i64, bytes: usize, debts: Debts) {
        debug_assert!(offset >= self.taken_up_to, "records come by rising offset");
        self.dead_letters += usize::from(debts.dead_letter);
        self.slots.push_back(Slot { offset, bytes, debts });
        self.taken_up_to = offset + 1;
        self.in_flight += 1;
        self.in_flight_bytes += bytes;
    }

    /// An unfinished record owes something else from now on.
    pub(super) fn replace(&mut self, offset: i64, debts: Debts) {
        let Some(slot) = self.unfinished(offset) else { return };
        let before = std::mem::replace(&mut slot.debts, debts);
        self.dead_letters += usize::from(debts.dead_letter);
        self.dead_letters -= usize::from(before.dead_letter);
    }

    /// One debt of `offset` is settled; with the last one it is finished. Settling what is not owed changes nothing.
    pub(super) fn settle(&mut self, offset: i64, debt: Debt) {
        let Some(slot) = self.unfinished(offset) else { return };
        let was_dead_letter = slot.debts.dead_letter;
        slot.debts.settle(debt);
        let (debts, bytes) = (slot.debts, slot.bytes);
        self.dead_letters -= usize::from(was_dead_letter && !debts.dead_letter);
        if debts.are_settled() {
            self.finished(bytes);
        }
    }

    /// Whether a reply is still to be written for `offset`.
    pub(super) fn owes_reply(&mut self, offset: i64) -> bool {
        self.unfinished(offset).is_some_and(|slot| slot.debts.reply.is_some())
    }

    /// Lets go of replies that nobody waits for any more and that were waited for at the last call already. Gives what
    /// is known of each.
    pub(super) fn expire_replies(&mut self, now: Instant) -> Vec<AwaitedReply> {
        let mut expired = Vec::new();
        for at in 0..self.slots.len() {
            let Some(slot) = self.slots.get_mut(at) else { break };
            let Some(reply) = &mut slot.debts.reply else { continue };
            if reply.is_overdue(now) {
                expired.push((slot.offset, *reply));
            }
        }
        for (offset, _) in &expired {
            self.settle(*offset, Debt::Reply);
        }
        expired.into_iter().map(|(_, reply)| reply).collect()
    }

    /// Nothing is left to take below `position`, whatever offsets do not exist there.
    pub(super) fn skip_to(&mut self, position: i64) {
        self.taken_up_to = self.taken_up_to.max(position);
    }

    /// The position to commit: everything below it is finished. Never falls.
    pub(super) fn committable(&self) -> i64 {
        self.slots.front().map_or(self.taken_up_to, |slot| slot.offset)
    }

    /// Records kept in mind: those in flight, and those finished behind the first of them.
    pub(super) fn uncommitted(&self) -> usize {
        self.slots.len()
    }

    /// Records taken and not finished.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Their size, as told when they were taken.
    pub(super) fn in_flight_bytes(&self) -> usize {
        self.in_flight_bytes
    }

    /// Those of them that owe a dead letter.
    pub(super) fn dead_letters(&self) -> usize {
        self.dead_letters
    }

    fn finished(&mut self, bytes: usize) {
        self.in_flight -= 1;
        self.in_flight_bytes -= bytes;
        while self.slots.front().is_some_and(|slot| slot.debts.are_settled()) {
            self.slots.pop_front();
        }
    }

    fn unfinished(&mut self, offset: i64) -> Option<&mut Slot> {
        let at = self.slots.binary_search_by_key(&offset, |slot| slot.offset).ok()?;
        self.slots.get_mut(at).filter(|slot| !slot.debts.are_settled())
    }
}

#[cfg(test)]
mod tests;
