//! How a reader fares, for those who do not own it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::metrics::Reads;

/// A view of a reader that outlives it and is cheap to clone.
#[derive(Clone, Debug)]
pub struct ReaderStatus {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    fetches: AtomicU64,
    records: AtomicU64,
    bytes: AtomicU64,
    failures: AtomicU64,
    position: AtomicI64,
    high_watermark: AtomicI64,
    down_since: Mutex<Option<Instant>>,
    /// What all readers of the topic have read.
    reads: Arc<Reads>,
}

/// A reader's counters at one moment, since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReaderStats {
    /// Answers to fetches, empty ones included.
    pub fetches: u64,
    /// Records handed over, unreadable ones included.
    pub records: u64,
    /// Their keys, values and headers.
    pub bytes: u64,
    /// Fetches and attempts to connect that failed.
    pub failures: u64,
    /// The offset that is read next.
    pub position: i64,
    /// Offset behind the last record that every in-sync replica has, as last heard; 0 before that.
    pub high_watermark: i64,
    /// Records between the position and the high watermark.
    pub lag: u64,
}

impl ReaderStatus {
    pub(super) fn new(position: i64, reads: Arc<Reads>) -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            shared: Arc::new(Shared {
                fetches: zero(),
                records: zero(),
                bytes: zero(),
                failures: zero(),
                position: AtomicI64::new(position),
                high_watermark: AtomicI64::new(0),
                down_since: Mutex::new(None),
                reads,
            }),
        }
    }

    /// For how long the partition has not been readable, if it is not: from the start of the first call that failed.
    pub fn down_for(&self) -> Option<Duration> {
        self.shared.down_since.lock().map(|since| since.elapsed())
    }

    /// The counters at this moment.
    pub fn stats(&self) -> ReaderStats {
        let shared = &*self.shared;
        let (position, high_watermark) = (shared.position.load(Relaxed), shared.high_watermark.load(Relaxed));
        ReaderStats {
            fetches: shared.fetches.load(Relaxed),
            records: shared.records.load(Relaxed),
            bytes: shared.bytes.load(Relaxed),
            failures: shared.failures.load(Relaxed),
            position,
            high_watermark,
            lag: u64::try_from(high_watermark - position).unwrap_or(0),
        }
    }

    pub(super) fn answered(&self, records: usize, bytes: usize, high_watermark: i64) {
        let shared = &*self.shared;
        let as_u64 = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        shared.fetches.fetch_add(1, Relaxed);
        shared.records.fetch_add(as_u64(records), Relaxed);
        shared.reads.got(records);
        shared.bytes.fetch_add(as_u64(bytes), Relaxed);
        shared.high_watermark.store(high_watermark, Relaxed);
    }

    pub(super) fn moved_to(&self, position: i64) {
        self.shared.position.store(position, Relaxed);
    }

    /// It could be read.
    pub(super) fn up(&self) {
        *self.shared.down_since.lock() = None;
    }

    /// It could not, by an attempt that began at `since`.
    pub(super) fn down(&self, since: Instant) {
        self.shared.failures.fetch_add(1, Relaxed);
        self.shared.down_since.lock().get_or_insert(since);
    }
}
