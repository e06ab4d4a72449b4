//! The ids of the requests that ended last, so that a reply after the end can be told from one to nothing.
//!
//! A ring holds the ids, and a table beside it only positions in the ring. Both grow as requests end, to some 3 MiB at
//! 100,000 ids.

use std::hash::BuildHasher;

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

use crate::id::CorrelationId;

/// How many ended requests a registry remembers.
pub const REMEMBERED: u32 = 100_000;

#[derive(Debug)]
pub(super) struct Ended {
    capacity: u32,
    ring: Vec<Ending>,
    /// The place in the ring that the next one takes.
    next: u32,
    places: HashTable<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Ending {
    id: CorrelationId,
    answered: bool,
}

impl Ended {
    /// Remembers the last `capacity` ids, at least one.
    pub(super) fn new(capacity: u32) -> Self {
        Self { capacity: capacity.max(1), ring: Vec::new(), next: 0, places: HashTable::new() }
    }

    /// Remembers an id that is not in it.
    pub(super) fn push(&mut self, id: CorrelationId, answered: bool) {
        let (place, ending) = (self.next, Ending { id, answered });
        self.next = (place + 1) % self.capacity;
        match self.ring.get_mut(place as usize) {
            Some(oldest) => {
                let oldest = std::mem::replace(oldest, ending);
                if let Ok(entry) = self.places.find_entry(hash(oldest.id), |&other| other == place) {
                    entry.remove();
                }
            }
            None => self.ring.push(ending),
        }
        let ring = &self.ring;
        self.places.insert_unique(hash(id), place, |&other| hash(ring[other as usize].id));
    }

    /// Whether it was answered; `None` if it is not remembered.
    pub(super) fn was_answered(&self, id: CorrelationId) -> Option<bool> {
        let place = self.places.find(hash(id), |&place| self.ring[place as usize].id == id)?;
        Some(self.ring[*place as usize].answered)
    }
}

fn hash(id: CorrelationId) -> u64 {
    FxBuildHasher.hash_one(id)
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
        let ids = ids(11);
        for (turn, &id) in ids.iter().enumerate() {
            assert_eq!(ended.was_answered(id), None);
            ended.push(id, turn % 2 == 0);
            for (other, &id) in ids[..=turn].iter().enumerate() {
                let expected = (other + 3 > turn).then_some(other % 2 == 0);
                assert_eq!(ended.was_answered(id), expected, "id {other} after turn {turn}");
            }
        }
    }

    #[test]
    fn memory_is_bounded_and_taken_only_as_needed() {
        let mut ended = Ended::new(1_000);
        assert_eq!((ended.ring.capacity(), ended.places.capacity()), (0, 0));
        for id in ids(10_000) {
            ended.push(id, true);
        }
        assert_eq!((ended.ring.len(), ended.places.len()), (1_000, 1_000));
        assert!(ended.ring.capacity() <= 2_048 && ended.places.capacity() <= 4_096);
        assert_eq!(size_of::<Ending>(), 17);
    }
}
