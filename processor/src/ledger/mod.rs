//! What is taken from a partition and not finished, shared by those who finish it: the writers of replies and dead
//! letters report here, the partition's task reads on and commits.

mod lease;
mod offsets;

use std::sync::Arc;

use parking_lot::Mutex;
use service::metrics::Gauge;
use tokio::sync::Notify;

pub(crate) use lease::Lease;
use offsets::OffsetTracker;

/// The books of one stretch of reading one partition. A log that starts over gets a new one.
#[derive(Debug)]
pub(crate) struct Ledger {
    lease: Arc<Lease>,
    entries: Mutex<Entries>,
    changed: Notify,
    /// Of all partitions together.
    in_flight: Gauge,
}

#[derive(Debug)]
struct Entries {
    offsets: OffsetTracker,
    /// Replies that Kafka refused for good and nobody has looked at yet; at most one for each record in flight.
    refused: Vec<Refused>,
    /// Records on their way to the dead-letter topic.
    dead_letters: usize,
}

/// A reply that Kafka refused for good. Its record still owes one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    /// The request's offset.
    pub(crate) offset: i64,
    /// Whether a smaller reply could be written.
    pub(crate) too_large: bool,
    /// What Kafka said.
    pub(crate) message: String,
}

impl Ledger {
    /// Everything before `position` is finished.
    pub(crate) fn starting_at(position: i64, lease: Arc<Lease>, in_flight: Gauge) -> Self {
        let offsets = OffsetTracker::starting_at(position);
        let entries = Mutex::new(Entries { offsets, refused: Vec::new(), dead_letters: 0 });
        Self { lease, entries, changed: Notify::new(), in_flight }
    }

    /// Takes a record of so many bytes, which then owes one thing.
    pub(crate) fn take(&self, offset: i64, bytes: usize) {
        self.entries.lock().offsets.take(offset, bytes);
        self.in_flight.inc();
    }

    /// What the record owes is a dead letter; and a reply beside it, if so.
    pub(crate) fn dead_letter_begins(&self, offset: i64, beside_a_reply: bool) {
        let mut entries = self.entries.lock();
        entries.dead_letters += 1;
        if beside_a_reply {
            entries.offsets.owe_one_more(offset);
        }
    }

    /// A dead letter is written.
    pub(crate) fn dead_letter_kept(&self, offset: i64) {
        self.entries.lock().dead_letters -= 1;
        self.settle(offset);
    }

    /// One thing that the record owed is done.
    pub(crate) fn settle(&self, offset: i64) {
        let mut entries = self.entries.lock();
        let before = entries.offsets.in_flight();
        entries.offsets.settle(offset);
        let finished = before > entries.offsets.in_flight();
        drop(entries);
        if finished {
            self.in_flight.dec();
            self.changed.notify_one();
        }
    }

    /// A reply was refused for good; the partition's task decides what becomes of its record.
    pub(crate) fn refuse(&self, refused: Refused) {
        self.entries.lock().refused.push(refused);
        self.changed.notify_one();
    }

    /// The replies refused since the last call.
    pub(crate) fn take_refused(&self) -> Vec<Refused> {
        std::mem::take(&mut self.entries.lock().refused)
    }

    /// Nothing is left to take below `position`.
    pub(crate) fn skip_to(&self, position: i64) {
        self.entries.lock().offsets.skip_to(position);
    }

    pub(crate) fn committable(&self) -> i64 {
        self.entries.lock().offsets.committable()
    }

    /// Records taken and not finished, and their bytes.
    pub(crate) fn in_flight(&self) -> (usize, usize) {
        let entries = self.entries.lock();
        (entries.offsets.in_flight(), entries.offsets.in_flight_bytes())
    }

    pub(crate) fn awaits_dead_letters(&self) -> bool {
        self.entries.lock().dead_letters > 0
    }

    pub(crate) fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Returns after a record was finished or a reply refused; at once if that was so since the last call returned.
    /// For the partition's task alone.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        let left = self.entries.get_mut().offsets.in_flight();
        self.in_flight.dec_by(i64::try_from(left).unwrap_or(i64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Duration, timeout};

    use super::*;

    fn ledger(in_flight: &Gauge) -> Ledger {
        Ledger::starting_at(10, Arc::default(), in_flight.clone())
    }

    #[tokio::test]
    async fn the_task_is_woken_when_a_record_is_finished_and_not_before() {
        let ledger = ledger(&Gauge::default());
        ledger.take(10, 1);
        ledger.dead_letter_begins(10, true);
        ledger.settle(10);
        assert!(timeout(Duration::ZERO, ledger.changed()).await.is_err());
        assert!(ledger.awaits_dead_letters());
        ledger.dead_letter_kept(10);
        timeout(Duration::from_secs(1), ledger.changed()).await.expect("the record is finished");
        assert_eq!((ledger.committable(), ledger.awaits_dead_letters()), (11, false));
    }

    #[test]
    fn the_gauge_forgets_what_was_in_flight_when_the_partition_goes() {
        let gauge = Gauge::default();
        let (one, other) = (ledger(&gauge), ledger(&gauge));
        for offset in 10..13 {
            one.take(offset, 1);
            other.take(offset, 1);
        }
        one.settle(11);
        assert_eq!(gauge.get(), 5);
        drop(one);
        assert_eq!(gauge.get(), 3);
    }
}
