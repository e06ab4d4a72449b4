//! The ids of the requests that ended last, so that a reply after the end can be told from one to nothing.
//!
//! ```text
//!   push ─▶ the younger ones ──full──▶ the older ones ──the next time──▶ forgotten
//! ```
//! Nothing is removed one by one, and of each id only as much is kept as tells it from others, so that a request that ends
//! touches little that the processor's caches do not have. Both tables grow as requests end, to some 2.3 MiB together.

use std::hash::BuildHasher;
use std::mem;

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

use crate::id::CorrelationId;

/// How many ended requests a registry remembers at least, once so many have ended; twice as many at most.
pub const REMEMBERED: usize = 100_000;

#[derive(Debug)]
pub(super) struct Ended {
    /// How many ids make the younger ones the older ones.
    generation: usize,
    younger: HashTable<Ending>,
    older: HashTable<Ending>,
}

/// The 62 random bits that an id ends with, and in the lowest bit whether it was answered. Two of 200,000 ids share those bits
/// once in some hundred million times; one that somebody else made to look like ours may share them at will, and is counted
/// wrongly.
#[derive(Debug, Clone, Copy)]
struct Ending(u64);

impl Ended {
    /// Remembers the last `at_least` ids, one at least.
    pub(super) fn new(at_least: usize) -> Self {
        Self { generation: at_least.max(1), younger: HashTable::new(), older: HashTable::new() }
    }

    /// Remembers an id that is not in it.
    pub(super) fn push(&mut self, id: CorrelationId, answered: bool) {
        if self.younger.len() >= self.generation {
            mem::swap(&mut self.younger, &mut self.older);
            self.younger.clear();
        }
        let ending = Ending::new(id, answered);
        self.younger.insert_unique(ending.hash(), ending, |other| other.hash());
    }

    /// Whether the id, if it is remembered, was answered.
    pub(super) fn was_answered(&self, id: CorrelationId) -> Option<bool> {
        let sought = Ending::new(id, false);
        let find = |ids: &HashTable<Ending>| {
            ids.find(sought.hash(), |ending| ending.id() == sought.id()).map(|ending| ending.answered())
        };
        find(&self.younger).or_else(|| find(&self.older))
    }
}

impl Ending {
    fn new(id: CorrelationId, answered: bool) -> Self {
        Self(id.tail() << 2 | u64::from(answered))
    }

    fn id(self) -> u64 {
        self.0 & !1
    }

    fn answered(self) -> bool {
        self.0 & 1 != 0
    }

    fn hash(self) -> u64 {
        FxBuildHasher.hash_one(self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Tag;

    fn ids(count: usize) -> Vec<CorrelationId> {
        (0..count).map(|_| CorrelationId::random(Tag::from([1, 2, 3, 4]))).collect()
    }

    #[test]
    fn the_last_ones_are_remembered_with_how_they_ended() {
        let mut ended = Ended::new(3);
        let ids = ids(20);
        for (turn, &id) in ids.iter().enumerate() {
            assert_eq!(ended.was_answered(id), None);
            ended.push(id, turn % 2 == 0);
            for (other, &id) in ids[..=turn].iter().enumerate() {
                let is_remembered = other / 3 + 1 >= turn / 3;
                let expected = is_remembered.then_some(other % 2 == 0);
                assert_eq!(ended.was_answered(id), expected, "id {other} after turn {turn}");
            }
        }
    }

    #[test]
    fn memory_is_bounded_and_taken_only_as_needed() {
        let mut ended = Ended::new(1_000);
        assert_eq!((ended.younger.capacity(), ended.older.capacity()), (0, 0));
        for id in ids(10_000) {
            ended.push(id, true);
            assert!(ended.younger.len() <= 1_000 && ended.older.len() <= 1_000);
        }
        assert!(ended.younger.capacity() <= 2_048 && ended.older.capacity() <= 2_048);
        assert_eq!(size_of::<Ending>(), 8);
    }
}
