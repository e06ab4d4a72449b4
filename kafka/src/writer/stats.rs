//! What a writer has done so far.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A writer's counters at one moment, since its start unless said otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriterStats {
    /// Records acknowledged.
    pub records: u64,
    /// Produce calls acknowledged.
    pub batches: u64,
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

/// The counting side of [`WriterStats`].
#[derive(Debug, Default)]
pub(super) struct Counters {
    records: AtomicU64,
    batches: AtomicU64,
    failures: AtomicU64,
    refused: AtomicU64,
    unwanted: AtomicU64,
}

impl Counters {
    pub(super) fn delivered(&self, records: usize) {
        self.records.fetch_add(as_u64(records), Relaxed);
        self.batches.fetch_add(1, Relaxed);
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
