//! Which partitions a member owns, and which of them its owner has been told about.
//!
//! ```text
//!   sync ──▶ owned, unannounced ──offsets fetched──▶ owned, announced ──revoked──▶ still owned ──released──▶ gone
//!                     └───────────── revoked: gone, nobody needs to know              │
//!                     └───────────── lost: gone ──────────────────────────────────────┘
//! ```

use std::collections::{BTreeMap, BTreeSet};

use crate::group::Assigned;

/// No generation has given us anything.
const NO_GENERATION: i32 = -1;

#[derive(Debug)]
pub(super) struct Holdings {
    owned: BTreeSet<i32>,
    /// Owned, but not announced before it is known where the group left off.
    unannounced: BTreeSet<i32>,
    /// Those whose offsets are being asked for. A partition that is given up while the question is under way drops
    /// out, so that an answer from before another member worked on it is never taken for one from after.
    asking: Option<BTreeSet<i32>>,
    given_in: i32,
}

impl Default for Holdings {
    fn default() -> Self {
        let (owned, unannounced) = (BTreeSet::new(), BTreeSet::new());
        Self { owned, unannounced, asking: None, given_in: NO_GENERATION }
    }
}

impl Holdings {
    pub(super) fn owned(&self) -> &BTreeSet<i32> {
        &self.owned
    }

    /// The generation whose sync gave us what we own.
    pub(super) fn given_in(&self) -> i32 {
        self.given_in
    }

    /// Takes what the sync of `generation` gave. Gives back the announced partitions that are no longer ours; they
    /// stay owned until [`Self::release`].
    pub(super) fn take(&mut self, assigned: &BTreeSet<i32>, generation: i32) -> BTreeSet<i32> {
        let dropped: BTreeSet<i32> = self.owned.difference(assigned).copied().collect();
        let (unseen, revoked): (BTreeSet<i32>, _) =
            dropped.into_iter().partition(|p| self.unannounced.contains(p));
        self.release(&unseen);
        self.unannounced.extend(assigned.difference(&self.owned));
        self.owned.extend(assigned);
        self.given_in = generation;
        revoked
    }

    pub(super) fn release(&mut self, partitions: &BTreeSet<i32>) {
        let stays = |p: &i32| !partitions.contains(p);
        self.owned.retain(stays);
        self.unannounced.retain(stays);
        if let Some(asking) = &mut self.asking {
            asking.retain(stays);
        }
    }

    /// Gives up everything. Gives back what was announced.
    pub(super) fn lose(&mut self) -> BTreeSet<i32> {
        let announced = self.owned.difference(&self.unannounced).copied().collect();
        self.owned.clear();
        self.unannounced.clear();
        self.asking.iter_mut().for_each(BTreeSet::clear);
        self.given_in = NO_GENERATION;
        announced
    }

    /// Whether offsets have to be asked for and nobody is asking.
    pub(super) fn wants_offsets(&self) -> bool {
        self.asking.is_none() && !self.unannounced.is_empty()
    }

    pub(super) fn ask(&mut self) -> BTreeSet<i32> {
        self.asking = Some(self.unannounced.clone());
        self.unannounced.clone()
    }

    /// The offsets asked for, and with them the partitions to announce.
    pub(super) fn answered(&mut self, committed: &BTreeMap<i32, Option<i64>>) -> Vec<Assigned> {
        let asked = self.asking.take().unwrap_or_default();
        let mut announced = Vec::new();
        for partition in asked {
            if let Some(committed) = committed.get(&partition) {
                self.unannounced.remove(&partition);
                announced.push(Assigned { partition, committed: *committed });
            }
        }
        announced
    }

    pub(super) fn unanswered(&mut self) {
        self.asking = None;
    }
}
