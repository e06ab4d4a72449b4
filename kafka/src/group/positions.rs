//! The newest position of every partition we own, and how far the group has it. Pure.

use std::collections::BTreeMap;

use super::Assigned;

/// Positions of the partitions that are ours. Those of others are neither taken nor kept.
#[derive(Debug, Default)]
pub(super) struct Positions {
    of: BTreeMap<i32, Position>,
    ownerships: u64,
}

#[derive(Debug)]
struct Position {
    /// Which ownership of the partition this is: an answer to a commit from an earlier one changes nothing.
    ownership: u64,
    wanted: Option<i64>,
    committed: Option<i64>,
}

/// A position on its way to the coordinator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Commit {
    pub(super) partition: i32,
    pub(super) next_offset: i64,
    ownership: u64,
}

impl Position {
    fn is_dirty(&self) -> bool {
        self.wanted.is_some() && self.wanted != self.committed
    }
}

impl Positions {
    pub(super) fn begin(&mut self, assigned: &[Assigned]) {
        for Assigned { partition, committed } in assigned {
            self.ownerships += 1;
            let position = Position { ownership: self.ownerships, wanted: None, committed: *committed };
            self.of.insert(*partition, position);
        }
    }

    pub(super) fn end<'a>(&mut self, partitions: impl IntoIterator<Item = &'a i32>) {
        for partition in partitions {
            self.of.remove(partition);
        }
    }

    /// Takes a position that is further on than the last one. Whether the partition is ours.
    pub(super) fn advance(&mut self, partition: i32, next_offset: i64) -> bool {
        let Some(position) = self.of.get_mut(&partition) else { return false };
        position.wanted = position.wanted.max(Some(next_offset));
        true
    }

    /// Takes any position. Whether the partition is ours.
    pub(super) fn rewind(&mut self, partition: i32, next_offset: i64) -> bool {
        let Some(position) = self.of.get_mut(&partition) else { return false };
        position.wanted = Some(next_offset);
        true
    }

    pub(super) fn committed(&self, partition: i32) -> Option<i64> {
        self.of.get(&partition)?.committed
    }

    /// What has to be committed.
    pub(super) fn dirty(&self) -> Vec<Commit> {
        let dirty = self.of.iter().filter(|(_, position)| position.is_dirty());
        let commit = |(partition, position): (&i32, &Position)| {
            let next_offset = position.wanted?;
            Some(Commit { partition: *partition, next_offset, ownership: position.ownership })
        };
        dirty.filter_map(commit).collect()
    }

    pub(super) fn is_dirty(&self, partition: i32) -> bool {
        self.of.get(&partition).is_some_and(Position::is_dirty)
    }

    /// The group has it.
    pub(super) fn accepted(&mut self, commit: Commit) {
        if let Some(position) = self.of.get_mut(&commit.partition)
            && position.ownership == commit.ownership
        {
            position.committed = Some(commit.next_offset);
        }
    }

    /// Whether a commit is still wanted and not yet accepted; none if its ownership has ended before.
    pub(super) fn is_waiting(&self, commit: Commit) -> Option<bool> {
        let position = self.of.get(&commit.partition)?;
        let same = position.ownership == commit.ownership;
        // What is committed may have been sent after this, and lie beyond it.
        let past = position.committed >= Some(commit.next_offset) && position.committed <= position.wanted;
        same.then(|| position.is_dirty() && !past)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owning(partition: i32, committed: Option<i64>) -> Positions {
        let mut positions = Positions::default();
        positions.begin(&[Assigned { partition, committed }]);
        positions
    }

    #[test]
    fn within_an_ownership_positions_only_go_forward() {
        let mut positions = owning(1, Some(5));
        assert!(positions.dirty().is_empty());
        assert!(positions.advance(1, 9));
        assert!(positions.advance(1, 7));
        assert_eq!(positions.dirty().iter().map(|c| c.next_offset).collect::<Vec<_>>(), [9]);
        positions.accepted(positions.dirty()[0]);
        assert_eq!(positions.committed(1), Some(9));
        assert!(!positions.is_dirty(1));
        assert!(positions.rewind(1, 2), "unless it is said in so many words");
        let back = positions.dirty()[0];
        assert_eq!(back.next_offset, 2);
        assert_eq!(positions.is_waiting(back), Some(true));
    }

    #[test]
    fn what_is_not_ours_is_not_taken() {
        let mut positions = owning(1, None);
        assert!(!positions.advance(2, 9));
        positions.advance(1, 3);
        positions.end(&[1]);
        assert!(positions.dirty().is_empty());
        assert!(!positions.advance(1, 4));
    }

    #[test]
    fn an_answer_from_an_earlier_ownership_changes_nothing() {
        let mut positions = owning(1, None);
        positions.advance(1, 3);
        let late = positions.dirty()[0];
        positions.end(&[1]);
        positions.begin(&[Assigned { partition: 1, committed: Some(40) }]);
        positions.accepted(late);
        assert_eq!(positions.committed(1), Some(40));
        assert_eq!(positions.is_waiting(late), None);
    }

    #[test]
    fn a_position_that_grows_under_its_commit_stays_dirty() {
        let mut positions = owning(1, None);
        positions.advance(1, 3);
        let sent = positions.dirty()[0];
        positions.advance(1, 8);
        assert_eq!(positions.is_waiting(sent), Some(true));
        positions.accepted(sent);
        assert_eq!(positions.is_waiting(sent), Some(false));
        assert!(positions.is_dirty(1));
    }
}
