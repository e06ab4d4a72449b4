//! What of a group outlives a restart.
//!
//! Kafka writes a group to its log whenever a rebalance is complete, and reads that when it starts. So does this.

use std::time::Instant;

use super::Group;

impl Group {
    /// The group as a coordinator finds it that was restarted at `now`: as of its last complete rebalance, its
    /// members with a whole session before them.
    pub(crate) fn restarted(self, now: Instant) -> Self {
        let fresh = Self { generation: self.generation, ..Self::new(self.initial_delay) };
        let mut group = self.complete.map_or(fresh, |complete| *complete);
        for member in group.members.values_mut() {
            member.heard(now);
        }
        group.remember();
        group
    }

    /// Keeps the group as it is now for a restart. The tickets are not part of it: nobody waits across one.
    pub(super) fn remember(&mut self) {
        self.complete = None;
        let mut complete = self.clone();
        complete.pending.clear();
        for member in complete.members.values_mut() {
            member.joining = None;
            member.syncing = None;
        }
        self.complete = Some(Box::new(complete));
    }
}
