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

/// The offsets taken from one partition in one stretch of reading.
#[derive(Debug)]
pub(crate) struct OffsetTracker {
    /// From the first unfinished offset on, by rising offset.
    slots: VecDeque<Slot>,
    /// Everything below has been taken, or does not exist.
    taken_up_to: i64,
    in_flight: usize,
    in_flight_bytes: usize,
}

#[derive(Debug)]
struct Slot {
    offset: i64,
    /// What is still to be written for it; finished at 0.
    owed: u32,
    bytes: usize,
}

impl OffsetTracker {
    /// Starts with nothing in flight and everything below `position` done.
    pub(crate) fn starting_at(position: i64) -> Self {
        Self { slots: VecDeque::new(), taken_up_to: position, in_flight: 0, in_flight_bytes: 0 }
    }

    /// Takes the record at `offset`, which is above all taken before. It owes one thing.
    pub(crate) fn take(&mut self, offset: i64, bytes: usize) {
        debug_assert!(offset >= self.taken_up_to, "records come by rising offset");
        self.slots.push_back(Slot { offset, owed: 1, bytes });
        self.taken_up_to = offset + 1;
        self.in_flight += 1;
        self.in_flight_bytes += bytes;
    }

    /// One thing more must be written before `offset` is finished.
    pub(crate) fn owe_one_more(&mut self, offset: i64) {
        if let Some(slot) = self.unfinished(offset) {
            slot.owed += 1;
        }
    }

    /// One thing owed for `offset` is done; with the last one it is finished.
    pub(crate) fn settle(&mut self, offset: i64) {
        let Some(slot) = self.unfinished(offset) else { return };
        slot.owed -= 1;
        if slot.owed > 0 {
            return;
        }
        let bytes = slot.bytes;
        self.in_flight -= 1;
        self.in_flight_bytes -= bytes;
        while self.slots.front().is_some_and(|slot| slot.owed == 0) {
            self.slots.pop_front();
        }
    }

    /// Nothing is left to take below `position`, whatever offsets do not exist there.
    pub(crate) fn skip_to(&mut self, position: i64) {
        self.taken_up_to = self.taken_up_to.max(position);
    }

    /// The position to commit: everything below it is finished. Never falls.
    pub(crate) fn committable(&self) -> i64 {
        self.slots.front().map_or(self.taken_up_to, |slot| slot.offset)
    }

    /// Records taken and not finished.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Their size, as told when they were taken.
    pub(crate) fn in_flight_bytes(&self) -> usize {
        self.in_flight_bytes
    }

    fn unfinished(&mut self, offset: i64) -> Option<&mut Slot> {
        let at = self.slots.binary_search_by_key(&offset, |slot| slot.offset).ok()?;
        self.slots.get_mut(at).filter(|slot| slot.owed > 0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_the_contiguous_finished_prefix_is_committable() {
        let mut tracker = OffsetTracker::starting_at(40);
        for offset in 40..45 {
            tracker.take(offset, 10);
        }
        assert_eq!(tracker.committable(), 40);
        for offset in [41, 43] {
            tracker.settle(offset);
        }
        assert_eq!((tracker.committable(), tracker.in_flight(), tracker.in_flight_bytes()), (40, 3, 30));
        tracker.settle(40);
        assert_eq!(tracker.committable(), 42);
        tracker.settle(44);
        tracker.settle(42);
        assert_eq!((tracker.committable(), tracker.in_flight(), tracker.in_flight_bytes()), (45, 0, 0));
    }

    #[test]
    fn an_offset_that_owes_two_things_waits_for_both() {
        let mut tracker = OffsetTracker::starting_at(0);
        tracker.take(0, 1);
        tracker.owe_one_more(0);
        tracker.settle(0);
        assert_eq!((tracker.committable(), tracker.in_flight()), (0, 1));
        tracker.settle(0);
        assert_eq!((tracker.committable(), tracker.in_flight()), (1, 0));
    }

    #[test]
    fn gaps_are_passed_once_all_before_them_is_finished() {
        let mut tracker = OffsetTracker::starting_at(0);
        tracker.take(5, 1);
        tracker.skip_to(9);
        assert_eq!((tracker.committable(), tracker.taken_up_to), (5, 9));
        tracker.settle(5);
        assert_eq!(tracker.committable(), 9);
    }

    #[test]
    fn settling_what_is_not_in_flight_changes_nothing() {
        let mut tracker = OffsetTracker::starting_at(0);
        tracker.take(0, 1);
        tracker.take(1, 1);
        tracker.settle(1);
        tracker.settle(1);
        tracker.settle(7);
        assert_eq!((tracker.committable(), tracker.in_flight()), (0, 1));
    }

    #[derive(Debug, Clone)]
    enum Step {
        Take { gap: i64 },
        OweOneMore { which: usize },
        Settle { which: usize },
        Skip { gap: i64 },
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0..3_i64).prop_map(|gap| Step::Take { gap }),
            1 => any::<usize>().prop_map(|which| Step::OweOneMore { which }),
            5 => any::<usize>().prop_map(|which| Step::Settle { which }),
            1 => (0..5_i64).prop_map(|gap| Step::Skip { gap }),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        /// Against a model that keeps every offset and what it owes.
        #[test]
        fn commits_all_that_is_finished_and_nothing_else(steps in prop::collection::vec(step(), 1..120)) {
            let mut tracker = OffsetTracker::starting_at(100);
            let mut owed = BTreeMap::<i64, u32>::new();
            let mut committed = 100;
            for step in steps {
                let nth = |which: usize| owed.keys().copied().nth(which % owed.len().max(1));
                match step {
                    Step::Take { gap } => {
                        let offset = tracker.taken_up_to + gap;
                        tracker.take(offset, 3);
                        owed.insert(offset, 1);
                    }
                    Step::OweOneMore { which } => if let Some(offset) = nth(which) {
                        tracker.owe_one_more(offset);
                        *owed.get_mut(&offset).unwrap() += 1;
                    },
                    Step::Settle { which } => if let Some(offset) = nth(which) {
                        tracker.settle(offset);
                        let left = owed.get_mut(&offset).unwrap();
                        *left -= 1;
                        if *left == 0 {
                            owed.remove(&offset);
                        }
                    },
                    Step::Skip { gap } => tracker.skip_to(tracker.taken_up_to + gap),
                }
                let first_unfinished = owed.keys().next().copied();
                prop_assert_eq!(tracker.committable(), first_unfinished.unwrap_or(tracker.taken_up_to));
                prop_assert!(tracker.committable() >= committed, "a commit never goes back");
                committed = tracker.committable();
                prop_assert_eq!(tracker.in_flight(), owed.len());
                prop_assert_eq!(tracker.in_flight_bytes(), 3 * owed.len());
            }
        }
    }
}
