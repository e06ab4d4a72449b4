//! How many requests name each reply partition.

use std::collections::hash_map::Entry as Slot;

use rustc_hash::FxHashMap;

/// Counts by partition, of which none at zero is kept.
#[derive(Debug, Default)]
pub(super) struct Tally(FxHashMap<i32, usize>);

impl Tally {
    pub(super) fn add(&mut self, partition: Option<i32>) {
        if let Some(partition) = partition {
            *self.0.entry(partition).or_default() += 1;
        }
    }

    pub(super) fn remove(&mut self, partition: Option<i32>) {
        if let Some(Slot::Occupied(mut slot)) = partition.map(|partition| self.0.entry(partition)) {
            *slot.get_mut() -= 1;
            if *slot.get() == 0 {
                slot.remove();
            }
        }
    }

    pub(super) fn count(&self, partition: i32) -> usize {
        self.0.get(&partition).copied().unwrap_or_default()
    }
}
