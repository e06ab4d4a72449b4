//! What a writer has done so far.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// A writer's counters at one moment, since its start unless said otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriterStats {
    /// Records acknowledged.
    pub records: u64,
    /// Produce calls acknowledged.
    pub batches: u64,
    /// Acknowledged batches of 1, 2, up to 4, up to 8 … up to 1,024 records.
    pub batch_sizes: [u64; SIZES],
    /// How long the acknowledged calls took, together.
    pub produce_time: Duration,
    /// Produce calls that failed or had no answer in time, retries included.
    pub failures: u64,
    /// Records refused for good, too large ones included.
    pub refused: u64,
    /// Records dropped because their owner no longer wanted them sent.
    pub unwanted: u64,
    /// Records that wait for a lane, now.
    pub queued: usize,
    /// Their size in bytes, at most, now.
    pub queued_bytes: usize,
    /// Lanes, now.
    pub lanes: usize,
    /// Lanes whose connection works, now.
    pub connected_lanes: usize,
}

const SIZES: usize = 11;

/// The counting side of [`WriterStats`].
#[derive(Debug, Default)]
pub(super) struct Counters {
    records: AtomicU64,
    batches: AtomicU64,
    batch_sizes: [AtomicU64; SIZES],
    produce_micros: AtomicU64,
    failures: AtomicU64,
    refused: AtomicU64,
    unwanted: AtomicU64,
}

impl Counters {
    pub(super) fn delivered(&self, records: usize, took: Duration) {
        self.records.fetch_add(as_u64(records), Relaxed);
        self.batches.fetch_add(1, Relaxed);
        self.batch_sizes[size_class(records)].fetch_add(1, Relaxed);
        self.produce_micros.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Relaxed);
    }

    pub(super) fn failed(&self) {
        self.failures.fetch_add(1, Relaxed);
    }

    pub(super) fn refused(&self, records: usize) {
        self.refused.fetch_add(as_u64(records), Relaxed);
    }

    pub(super) fn unwanted(&self, records: usize) {
        self.unwanted.fetch_add(as_u64(records), Relaxed);
    }

    /// With everything that is counted elsewhere left at zero.
    pub(super) fn snapshot(&self) -> WriterStats {
        WriterStats {
            records: self.records.load(Relaxed),
            batches: self.batches.load(Relaxed),
            batch_sizes: self.batch_sizes.each_ref().map(|count| count.load(Relaxed)),
            produce_time: Duration::from_micros(self.produce_micros.load(Relaxed)),
            failures: self.failures.load(Relaxed),
            refused: self.refused.load(Relaxed),
            unwanted: self.unwanted.load(Relaxed),
            ..WriterStats::default()
        }
    }
}

fn as_u64(count: usize) -> u64 {
    u64::try_from(count).expect("no batch is that large")
}

/// 0 for one record, 1 for two, 2 for up to four, and so on.
fn size_class(records: usize) -> usize {
    let class = records.max(1).next_power_of_two().trailing_zeros();
    usize::try_from(class).map_or(SIZES - 1, |class| class.min(SIZES - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_classes_end_at_powers_of_two() {
        let classes = [1, 2, 3, 4, 5, 512, 513, 1000, 9999].map(size_class);
        assert_eq!(classes, [0, 1, 2, 2, 3, 9, 10, 10, 10]);
    }
}
