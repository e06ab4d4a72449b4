//! Bytes of records under way, shared between the partitions of one worker.
//!
//! Each partition may hold an equal share, whatever the others do: a partition whose replies are stuck takes nothing from
//! its neighbours, and nobody waits for anybody. A share moves as partitions come and go. One with nothing under way may
//! always take a record, however large, so no partition ever comes to a stop; that, and the record that fills a share, is
//! what the sum of all may exceed the budget by.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How much all partitions together may hold.
#[derive(Debug)]
pub(crate) struct Budget {
    bytes: usize,
    partitions: Arc<AtomicUsize>,
}

/// The share of one partition, until it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budget: usize,
    partitions: Arc<AtomicUsize>,
}

impl Budget {
    pub(crate) fn of_bytes(bytes: usize) -> Self {
        Self { bytes, partitions: Arc::default() }
    }

    /// One partition more.
    pub(crate) fn share(&self) -> Share {
        self.partitions.fetch_add(1, Ordering::Relaxed);
        Share { budget: self.bytes, partitions: Arc::clone(&self.partitions) }
    }
}

impl Share {
    /// Whether a partition with so many bytes under way may take a further record.
    pub(crate) fn has_room(&self, in_flight: usize) -> bool {
        let share = self.budget / self.partitions.load(Ordering::Relaxed).max(1);
        in_flight == 0 || in_flight < share
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.partitions.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn shares_are_equal_and_move_as_partitions_come_and_go() {
        let budget = Budget::of_bytes(90);
        let first = budget.share();
        assert!(first.has_room(89) && !first.has_room(90));
        let (second, third) = (budget.share(), budget.share());
        assert!(first.has_room(29) && !first.has_room(30));
        assert!(third.has_room(29) && !third.has_room(30));
        drop((second, third));
        assert!(first.has_room(89));
    }

    #[test]
    fn nobody_is_ever_left_without_any() {
        let budget = Budget::of_bytes(2);
        let shares: Vec<_> = (0..5).map(|_| budget.share()).collect();
        assert!(shares.iter().all(|share| share.has_room(0) && !share.has_room(1)));
    }

    proptest! {
        /// Whoever takes and finishes in whichever order: all together hold no more than the budget and one record each.
        #[test]
        fn the_sum_is_bounded(steps in prop::collection::vec((0..4_usize, 1..40_usize, any::<bool>()), 0..200)) {
            let budget = Budget::of_bytes(100);
            let shares: Vec<_> = (0..4).map(|_| budget.share()).collect();
            let mut held = vec![Vec::new(); 4];
            for (who, bytes, takes) in steps {
                let in_flight: usize = held[who].iter().sum();
                if takes && shares[who].has_room(in_flight) {
                    held[who].push(bytes);
                } else if !takes {
                    held[who].pop();
                }
                let all: usize = held.iter().flatten().sum();
                prop_assert!(all < 100 + 4 * 40, "{all}");
            }
        }
    }
}
