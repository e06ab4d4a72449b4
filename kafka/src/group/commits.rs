//! The positions that a group is to remember.

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;

use super::{positions::Commit, shared::Shared};

/// Takes the newest position of each partition of a [`Member`](super::Member) and sees to it that the group gets it.
/// Cheap to clone, never blocks.
///
/// Positions are sent every [`commit_interval`](super::GroupConfig::commit_interval), all that changed in one
/// request. Only the owner of a partition commits for it: from [`Event::Assigned`](super::Event::Assigned) until it
/// is lost or its revocation is done. A commit that meets a rebalance is sent again after it, if the partition is
/// still ours then.
#[derive(Clone, Debug)]
pub struct Commits {
    shared: Arc<Shared>,
}

/// Positions that the group does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unflushed {
    /// The time was up. They are still sent if they can be.
    #[error("positions of partitions {partitions:?} were not committed in time")]
    Late {
        /// Whose positions those are. Ordered.
        partitions: Vec<i32>,
    },
    /// The partitions were given up or lost before. Whoever owns them now does their records again.
    #[error("partitions {partitions:?} were given up before their positions were committed")]
    GivenUp {
        /// Which those are. Ordered.
        partitions: Vec<i32>,
    },
}

impl Commits {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Everything of `partition` before `next_offset` is finished. The furthest position wins, in whichever order
    /// they come. Whether it was taken: not if the partition is not ours.
    pub fn commit(&self, partition: i32, next_offset: i64) -> bool {
        self.shared.positions.lock().advance(partition, next_offset)
    }

    /// Like [`Self::commit`], but backwards too: for a log that no longer reaches as far as what was finished, because
    /// the topic was made anew or truncated.
    pub fn rewind(&self, partition: i32, next_offset: i64) -> bool {
        self.shared.positions.lock().rewind(partition, next_offset)
    }

    /// The position that the group has of a partition of ours: as of the assignment, then as of the last commit.
    pub fn committed(&self, partition: i32) -> Option<i64> {
        self.shared.positions.lock().committed(partition)
    }

    /// Returns when the group has all that was handed over before the call, at the latest after `limit`.
    pub async fn flush(&self, limit: Duration) -> Result<(), Unflushed> {
        let mut commits = self.shared.commits.subscribe();
        let waiting = self.shared.positions.lock().dirty();
        if waiting.is_empty() {
            return Ok(());
        }
        self.shared.orders.flush();
        let all_answered = async {
            while self.unanswered(&waiting).next().is_some() {
                if commits.changed().await.is_err() {
                    break;
                }
            }
        };
        // What is late shows below.
        let _ = timeout(limit, all_answered).await;
        let partitions: Vec<_> = self.unanswered(&waiting).collect();
        if !partitions.is_empty() {
            return Err(Unflushed::Late { partitions });
        }
        let given_up: Vec<_> = self.given_up(&waiting).collect();
        if given_up.is_empty() { Ok(()) } else { Err(Unflushed::GivenUp { partitions: given_up }) }
    }

    fn unanswered(&self, waiting: &[Commit]) -> impl Iterator<Item = i32> {
        waiting
            .iter()
            .filter(|c| self.shared.positions.lock().is_waiting(**c) == Some(true))
            .map(|c| c.partition)
    }

    fn given_up(&self, waiting: &[Commit]) -> impl Iterator<Item = i32> {
        waiting.iter().filter(|c| self.shared.positions.lock().is_waiting(**c).is_none()).map(|c| c.partition)
    }
}
