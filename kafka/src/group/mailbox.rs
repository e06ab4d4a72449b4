//! Events on their way to the owner of a member, who may be slow or absent.
//!
//! The membership must go on whatever its owner does, so nothing ever waits for room here, and yet the mailbox cannot
//! grow: what has not been taken yet is merged with what comes. A partition that came and went unseen leaves no
//! trace; one that is revoked and then lost is only lost; of two counts of partitions the newer one stands. At most
//! one entry a partition is left on either side:
//!
//! ```text
//!   ended:   Lost, Revoke   (partitions whose Assigned was taken)   delivered first
//!   begun:   Assigned                                               delivered next
//!   count:   PartitionsChanged                                      delivered last
//! ```
//!
//! Ends before beginnings is the right order: a partition can stand on both sides only if it ended and began anew.

use std::collections::{BTreeMap, BTreeSet};

use super::event::{Assigned, Event, RevokeDone};

#[derive(Debug, Default)]
pub(super) struct Mailbox {
    lost: BTreeSet<i32>,
    revoked: BTreeSet<i32>,
    /// Of the newest revocation: the ones before it have run out of time.
    done: Option<RevokeDone>,
    assigned: BTreeMap<i32, Option<i64>>,
    count: Option<i32>,
    closed: bool,
}

impl Mailbox {
    pub(super) fn assign(&mut self, partitions: impl IntoIterator<Item = Assigned>) {
        self.assigned.extend(partitions.into_iter().map(|a| (a.partition, a.committed)));
    }

    /// If the owner has seen none of `partitions`, `done` is finished at once.
    pub(super) fn revoke(&mut self, partitions: impl IntoIterator<Item = i32>, done: RevokeDone) {
        let seen: Vec<_> = partitions.into_iter().filter(|p| self.assigned.remove(p).is_none()).collect();
        if !seen.is_empty() {
            self.revoked.extend(seen);
            self.done = Some(done);
        }
    }

    pub(super) fn lose(&mut self, partitions: impl IntoIterator<Item = i32>) {
        for partition in partitions {
            if self.assigned.remove(&partition).is_none() {
                self.revoked.remove(&partition);
                self.lost.insert(partition);
            }
        }
        if self.revoked.is_empty() {
            self.done = None;
        }
    }

    pub(super) fn count(&mut self, partitions: i32) {
        self.count = Some(partitions);
    }

    /// No more will come; what is there can still be taken.
    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    pub(super) fn take(&mut self) -> Option<Event> {
        if !self.lost.is_empty() {
            let partitions = std::mem::take(&mut self.lost).into_iter().collect();
            return Some(Event::Lost { partitions });
        }
        if let Some(done) = self.done.take() {
            let partitions = std::mem::take(&mut self.revoked).into_iter().collect();
            return Some(Event::Revoke { partitions, done });
        }
        if !self.assigned.is_empty() {
            let assigned = std::mem::take(&mut self.assigned).into_iter();
            let assigned = assigned.map(|(partition, committed)| Assigned { partition, committed });
            return Some(Event::Assigned(assigned.collect()));
        }
        self.count.take().map(Event::PartitionsChanged)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::group::event::Finished;

    fn assigned(partition: i32) -> Assigned {
        Assigned { partition, committed: None }
    }

    #[test]
    fn a_partition_that_came_and_went_unseen_leaves_no_trace() {
        let (mut mailbox, finished) = (Mailbox::default(), Arc::new(Finished::default()));
        mailbox.assign([assigned(1)]);
        mailbox.revoke([1], RevokeDone::new(7, finished.clone()));
        assert!(mailbox.take().is_none());
        assert_eq!(finished.newest(), 7);
    }

    #[test]
    fn what_is_revoked_and_then_lost_is_only_lost() {
        let (mut mailbox, finished) = (Mailbox::default(), Arc::new(Finished::default()));
        mailbox.revoke([1, 2], RevokeDone::new(1, finished.clone()));
        mailbox.lose([1]);
        assert!(matches!(mailbox.take(), Some(Event::Lost { partitions }) if partitions == [1]));
        assert_eq!(finished.newest(), 0, "2 is still to be drained");
        assert!(matches!(mailbox.take(), Some(Event::Revoke { partitions, .. }) if partitions == [2]));
        assert_eq!(finished.newest(), 1);
    }

    #[test]
    fn an_end_is_told_before_the_new_beginning() {
        let mut mailbox = Mailbox::default();
        mailbox.lose([3]);
        mailbox.assign([assigned(3)]);
        assert!(matches!(mailbox.take(), Some(Event::Lost { partitions }) if partitions == [3]));
        assert!(matches!(mailbox.take(), Some(Event::Assigned(new)) if new == [assigned(3)]));
        assert!(mailbox.take().is_none());
    }

    proptest! {
        /// Whatever happens and whenever the owner looks, what it was told adds up to what is the case, and each
        /// step makes sense to it: nothing begins twice, nothing ends that it did not hold.
        #[test]
        fn what_the_owner_is_told_adds_up(steps in prop::collection::vec((0..4u8, 0..4i32), 0..60)) {
            let (mut mailbox, finished) = (Mailbox::default(), Arc::new(Finished::default()));
            let (mut owned, mut told) = (BTreeSet::new(), BTreeSet::new());
            let mut hear = |mailbox: &mut Mailbox| -> Result<bool, TestCaseError> {
                let Some(event) = mailbox.take() else { return Ok(false) };
                match event {
                    Event::Assigned(new) => for a in new { prop_assert!(told.insert(a.partition)) },
                    Event::Revoke { partitions, .. } | Event::Lost { partitions } => {
                        prop_assert!(!partitions.is_empty());
                        for p in partitions { prop_assert!(told.remove(&p)) }
                    }
                    Event::PartitionsChanged(_) => prop_assert!(false, "never sent"),
                }
                Ok(true)
            };
            for (revocation, (step, partition)) in steps.into_iter().enumerate() {
                match step {
                    0 => if owned.insert(partition) { mailbox.assign([assigned(partition)]) },
                    1 => if owned.remove(&partition) {
                        mailbox.revoke([partition], RevokeDone::new(revocation as u64, finished.clone()));
                    },
                    2 => if owned.remove(&partition) { mailbox.lose([partition]) },
                    _ => { hear(&mut mailbox)?; }
                }
            }
            while hear(&mut mailbox)? {}
            prop_assert_eq!(owned, told);
        }
    }
}
