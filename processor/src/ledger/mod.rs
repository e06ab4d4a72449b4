//! What is taken from a partition and not finished, shared by those who finish it: the writers of replies and dead
//! letters report here, the partition's task reads on and commits.

mod debts;
mod lease;
mod offsets;

use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use service::metrics::Gauge;
use tokio::sync::Notify;

pub(crate) use debts::{AwaitedReply, Debt, Debts};
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
}

/// A reply that Kafka refused for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    /// The request's offset.
    pub(crate) offset: i64,
    /// Whether a smaller reply could be written.
    pub(crate) too_large: bool,
    /// What Kafka said.
    pub(crate) message: String,
}

/// Records under way at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InFlight {
    pub(crate) records: usize,
    /// What they hold in memory, roughly.
    pub(crate) bytes: usize,
    /// Those that wait for their dead letter to be written.
    pub(crate) dead_letters: usize,
    /// With those that are finished and cannot be committed yet, because one before them is not.
    pub(crate) uncommitted: usize,
}

impl Ledger {
    /// Everything before `position` is finished.
    pub(crate) fn starting_at(position: i64, lease: Arc<Lease>, in_flight: Gauge) -> Self {
        let offsets = OffsetTracker::starting_at(position);
        let entries = Mutex::new(Entries { offsets, refused: Vec::new() });
        Self { lease, entries, changed: Notify::new(), in_flight }
    }

    /// Takes a record of so many bytes. Offsets come rising.
    pub(crate) fn take(&self, offset: i64, bytes: usize, debts: Debts) {
        self.entries.lock().offsets.take(offset, bytes, debts);
        self.in_flight.inc();
    }

    /// Work on the record came to this.
    pub(crate) fn conclude(&self, offset: i64, debts: Debts) {
        self.entries.lock().offsets.replace(offset, debts);
    }

    /// Something that the record owed is done. It may be told more than once.
    pub(crate) fn settle(&self, offset: i64, debt: Debt) {
        self.change(|entries| entries.offsets.settle(offset, debt));
    }

    /// Kafka refused the record's reply for good: what becomes of it is for the partition's task to decide.
    pub(crate) fn refuse(&self, refused: Refused) {
        let mut entries = self.entries.lock();
        if entries.offsets.owes_reply(refused.offset) {
            entries.offsets.replace(refused.offset, Debts::WORK);
            entries.refused.push(refused);
            drop(entries);
            self.changed.notify_one();
        }
    }

    /// The replies refused since the last call.
    pub(crate) fn take_refused(&self) -> Vec<Refused> {
        std::mem::take(&mut self.entries.lock().refused)
    }

    /// Whether the record's reply is still to be written, by us.
    pub(crate) fn wants_reply(&self, offset: i64) -> bool {
        !self.lease.is_over() && self.entries.lock().offsets.owes_reply(offset)
    }

    /// Lets go of replies that cannot be written and nobody waits for any more, so that a reply partition without a
    /// leader does not hold up the others for ever. To be called now and then; gives what it let go.
    pub(crate) fn expire_replies(&self, now: Instant) -> Vec<AwaitedReply> {
        let mut expired = Vec::new();
        self.change(|entries| expired = entries.offsets.expire_replies(now));
        expired
    }

    /// Nothing is left to take below `position`.
    pub(crate) fn skip_to(&self, position: i64) {
        self.entries.lock().offsets.skip_to(position);
    }

    /// Everything before it is finished.
    pub(crate) fn committable(&self) -> i64 {
        self.entries.lock().offsets.committable()
    }

    pub(crate) fn in_flight(&self) -> InFlight {
        let offsets = &self.entries.lock().offsets;
        let (records, bytes) = (offsets.in_flight(), offsets.in_flight_bytes());
        let (dead_letters, uncommitted) = (offsets.dead_letters(), offsets.uncommitted());
        InFlight { records, bytes, dead_letters, uncommitted }
    }

    /// Returns after a record was finished or a reply refused; at once if that was so since the last call returned.
    /// For the partition's task alone.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Makes a change that may finish records.
    fn change(&self, change: impl FnOnce(&mut Entries)) {
        let mut entries = self.entries.lock();
        let before = entries.offsets.in_flight();
        change(&mut entries);
        let finished = before - entries.offsets.in_flight();
        drop(entries);
        if finished > 0 {
            self.in_flight.dec_by(count(finished));
            self.changed.notify_one();
        }
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.in_flight.dec_by(count(self.entries.get_mut().offsets.in_flight()));
    }
}

fn count(records: usize) -> i64 {
    i64::try_from(records).unwrap_or(i64::MAX)
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
        ledger.take(10, 1, Debts::WORK);
        ledger.conclude(10, Debts::dead_letter(Some(AwaitedReply::notice(None))));
        ledger.settle(10, Debt::Reply);
        assert!(timeout(Duration::ZERO, ledger.changed()).await.is_err());
        assert_eq!(ledger.in_flight(), InFlight { records: 1, bytes: 1, dead_letters: 1, uncommitted: 1 });
        ledger.settle(10, Debt::DeadLetter);
        timeout(Duration::from_secs(1), ledger.changed()).await.expect("the record is finished");
        assert_eq!(ledger.committable(), 11);
    }

    #[test]
    fn a_refused_reply_is_told_once_and_finishes_nothing() {
        let ledger = ledger(&Gauge::default());
        ledger.take(10, 1, Debts::reply(AwaitedReply::answer("hash", None)));
        let refused = Refused { offset: 10, too_large: true, message: String::new() };
        ledger.refuse(refused.clone());
        ledger.refuse(refused.clone());
        assert_eq!(ledger.take_refused(), [refused]);
        assert_eq!((ledger.committable(), ledger.wants_reply(10)), (10, false));
    }

    #[test]
    fn no_reply_is_wanted_once_the_lease_is_over() {
        let ledger = ledger(&Gauge::default());
        ledger.take(10, 1, Debts::reply(AwaitedReply::answer("hash", None)));
        assert!(ledger.wants_reply(10));
        ledger.lease.close();
        assert!(!ledger.wants_reply(10));
    }

    #[test]
    fn the_gauge_forgets_what_was_in_flight_when_the_partition_goes() {
        let gauge = Gauge::default();
        let (one, other) = (ledger(&gauge), ledger(&gauge));
        for offset in 10..13 {
            one.take(offset, 1, Debts::WORK);
            other.take(offset, 1, Debts::WORK);
        }
        one.settle(11, Debt::Work);
        assert_eq!(gauge.get(), 5);
        drop(one);
        assert_eq!(gauge.get(), 3);
    }
}
