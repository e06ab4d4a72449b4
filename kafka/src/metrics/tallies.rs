//! The cells of one handle, by topic.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use parking_lot::Mutex;

use super::{ErrorType, Operations};

/// Batches of 1, 2, up to 4, up to 8 … records; the last holds all that are larger.
pub(crate) const BATCH_SIZES: usize = 11;

/// What is counted through one handle. There are as many entries as topics that its owner was configured for.
#[derive(Debug, Default)]
pub(crate) struct Tallies {
    sends: Mutex<ByTopic<Sends>>,
    reads: Mutex<ByTopic<Reads>>,
    commits: Mutex<BTreeMap<(String, String), Arc<Operations>>>,
}

/// By the topic's name.
pub(super) type ByTopic<T> = BTreeMap<String, Arc<T>>;

/// What was written to a topic.
#[derive(Debug, Default)]
pub(crate) struct Sends {
    pub(super) operations: Operations,
    pub(super) acknowledged: AtomicU64,
    pub(super) too_large: AtomicU64,
    pub(super) refused: AtomicU64,
    /// Acknowledged batches by their size.
    pub(super) batch_sizes: [AtomicU64; BATCH_SIZES],
}

/// What was read from a topic.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    pub(super) records: AtomicU64,
}

impl Tallies {
    pub(crate) fn sends(&self, topic: &str) -> Arc<Sends> {
        of_topic(&self.sends, topic)
    }

    pub(crate) fn reads(&self, topic: &str) -> Arc<Reads> {
        of_topic(&self.reads, topic)
    }

    pub(crate) fn commits(&self, topic: &str, group: &str) -> Arc<Operations> {
        let key = (topic.to_owned(), group.to_owned());
        Arc::clone(self.commits.lock().entry(key).or_default())
    }

    pub(super) fn each_sends(&self) -> ByTopic<Sends> {
        self.sends.lock().clone()
    }

    pub(super) fn each_reads(&self) -> ByTopic<Reads> {
        self.reads.lock().clone()
    }

    pub(super) fn each_commits(&self) -> BTreeMap<(String, String), Arc<Operations>> {
        self.commits.lock().clone()
    }
}

fn of_topic<T: Default>(known: &Mutex<ByTopic<T>>, topic: &str) -> Arc<T> {
    let mut known = known.lock();
    if let Some(found) = known.get(topic) {
        return Arc::clone(found);
    }
    Arc::clone(known.entry(topic.to_owned()).or_default())
}

impl Sends {
    /// A batch was acknowledged.
    pub(crate) fn acknowledged(&self, records: usize, took: Duration) {
        self.operations.ended(took, None);
        self.acknowledged.fetch_add(as_u64(records), Relaxed);
        self.batch_sizes[size_class(records)].fetch_add(1, Relaxed);
    }

    /// A call to append failed; what it carried may be sent again.
    pub(crate) fn failed(&self, error: ErrorType, took: Duration) {
        self.operations.ended(took, Some(error));
    }

    /// Records will never be accepted.
    pub(crate) fn refused(&self, records: usize, too_large: bool) {
        let counter = if too_large { &self.too_large } else { &self.refused };
        counter.fetch_add(as_u64(records), Relaxed);
    }
}

impl Reads {
    pub(crate) fn got(&self, records: usize) {
        self.records.fetch_add(as_u64(records), Relaxed);
    }
}

fn as_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// 0 for one record, 1 for two, 2 for up to four, and so on.
fn size_class(records: usize) -> usize {
    let class = records.max(1).next_power_of_two().trailing_zeros();
    usize::try_from(class).map_or(BATCH_SIZES - 1, |class| class.min(BATCH_SIZES - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_classes_end_at_powers_of_two() {
        let classes = [1, 2, 3, 4, 5, 512, 513, 1000, 9999].map(size_class);
        assert_eq!(classes, [0, 1, 2, 2, 3, 9, 10, 10, 10]);
    }

    #[test]
    fn all_that_write_to_a_topic_share_its_cells() {
        let tallies = Tallies::default();
        tallies.sends("a").acknowledged(3, Duration::ZERO);
        tallies.sends("a").acknowledged(4, Duration::ZERO);
        tallies.sends("b").refused(1, true);
        let sends = tallies.each_sends();
        assert_eq!(sends["a"].acknowledged.load(Relaxed), 7);
        assert_eq!(sends["a"].batch_sizes[2].load(Relaxed), 2);
        assert_eq!(sends["b"].too_large.load(Relaxed), 1);
    }
}
