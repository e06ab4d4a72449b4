//! What was tailed.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use parking_lot::Mutex;

use crate::checker::{self, Seen, Topic};
use crate::soak::clock::Clock;

/// A partition of one incarnation of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Log {
    pub(super) topic: Topic,
    pub(super) incarnation: u32,
    pub(super) partition: i32,
}

/// All records, and how far each partition has been read.
pub(super) struct Kept {
    clock: Clock,
    records: Mutex<Vec<Seen>>,
    positions: Mutex<BTreeMap<Log, i64>>,
    complaints: Mutex<Vec<String>>,
}

impl Kept {
    pub(super) fn new(clock: Clock) -> Self {
        let (records, positions, complaints) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { clock, records, positions, complaints }
    }

    pub(super) fn now(&self) -> Duration {
        self.clock.now()
    }

    /// A log is tailed from its first record on; whether it was not before.
    pub(super) fn begin(&self, log: Log) -> bool {
        let mut positions = self.positions.lock();
        let is_new = !positions.contains_key(&log);
        positions.entry(log).or_insert(0);
        is_new
    }

    pub(super) fn keep(&self, log: Log, records: impl Iterator<Item = Seen>, next_offset: i64) {
        self.records.lock().extend(records);
        self.positions.lock().insert(log, next_offset);
    }

    /// The next offset of a log that is tailed.
    pub(super) fn position(&self, log: Log) -> Option<i64> {
        self.positions.lock().get(&log).copied()
    }

    pub(super) fn complain(&self, complaint: String) {
        self.complaints.lock().push(complaint);
    }

    pub(super) fn complaints(&self) -> Vec<String> {
        self.complaints.lock().clone()
    }

    pub(super) fn records(&self) -> Vec<Seen> {
        std::mem::take(&mut self.records.lock())
    }

    pub(super) fn logs(&self) -> Vec<checker::Log> {
        let positions = self.positions.lock();
        let log = |(log, end): (&Log, &i64)| {
            let Log { topic, incarnation, partition } = *log;
            checker::Log { topic, incarnation, partition, begin: 0, end: *end }
        };
        positions.iter().map(log).collect()
    }
}

impl fmt::Display for Log {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topic, incarnation, partition } = self;
        write!(formatter, "partition {partition} of {topic:?}, after {incarnation} deletions")
    }
}
