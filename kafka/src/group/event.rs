//! What a member tells its owner.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::Notify;

/// A change in what this member may and must work on.
#[derive(Debug)]
pub enum Event {
    /// These partitions are ours from now on. Only newly added ones are named; the others stay as they are.
    Assigned(Vec<Assigned>),
    /// These partitions go to somebody else: stop reading, finish what is under way, hand the last positions to
    /// [`Commits`](super::Commits), then finish (or drop) `done`. Whoever takes longer than
    /// [`revoke_timeout`](super::GroupConfig::revoke_timeout) loses them all the same, and commits for them are then
    /// discarded. With [`Assignor::Range`](super::Assignor::Range) they are gone already and nobody awaits `done`.
    Revoke {
        /// Ordered, never empty.
        partitions: Vec<i32>,
        /// Says that they are drained.
        done: RevokeDone,
    },
    /// These partitions are lost: the group has thrown us out, or may have. Somebody else may own them by now. Stop
    /// at once; commits for them are discarded.
    Lost {
        /// Ordered, never empty.
        partitions: Vec<i32>,
    },
    /// The topic has this many partitions. Told when the number is first known and at each change of it.
    PartitionsChanged(i32),
}

/// A partition that has become ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assigned {
    /// Its number in the topic, from 0.
    pub partition: i32,
    /// Offset of the first record that the group has not finished; none if it never committed one.
    pub committed: Option<i64>,
}

/// Says that revoked partitions are drained, at the latest when it is dropped.
pub struct RevokeDone {
    revocation: u64,
    finished: Arc<Finished>,
}

impl RevokeDone {
    /// The partitions are drained and their last positions handed over.
    pub fn finish(self) {
        drop(self);
    }

    pub(super) fn new(revocation: u64, finished: Arc<Finished>) -> Self {
        Self { revocation, finished }
    }
}

impl fmt::Debug for RevokeDone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevokeDone").field("revocation", &self.revocation).finish_non_exhaustive()
    }
}

impl Drop for RevokeDone {
    fn drop(&mut self) {
        self.finished.newest.fetch_max(self.revocation, Ordering::AcqRel);
        self.finished.changed.notify_one();
    }
}

/// The newest revocation that is finished. There is at most one outstanding, and they are numbered upwards, so one
/// number says it all.
#[derive(Debug, Default)]
pub(super) struct Finished {
    newest: AtomicU64,
    changed: Notify,
}

impl Finished {
    pub(super) fn newest(&self) -> u64 {
        self.newest.load(Ordering::Acquire)
    }

    /// Returns after a revocation was finished; at once if one was since the last call returned.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }
}
