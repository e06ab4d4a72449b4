//! Requests whose record departed and whose outcome is awaited, by request partition; and which partitions have come to
//! a halt.
//!
//! A partition that answers nothing may have few requests in it, because few were under way when its worker stopped. What
//! gives it away is how often it is overtaken: answers keep coming from elsewhere, more than all that was under way there. That
//! needs no clock, and takes a partition that is slow together with all others for what it is.

use std::collections::hash_map::Entry as Slot;

use rustc_hash::FxHashMap;

/// A partition is halted when it was overtaken by so many answers, and beyond that by so many times what is under way
/// elsewhere. Its own does not count: one that stands still would be the later found out the more it is given.
const OVERTAKEN: u64 = 64;
const OVERTAKEN_TIMES: u64 = 4;

/// What a halt counts for: more than a quiet partition's load, and less than that of partitions which have all they can
/// bear, so that a halted one is tried again before the others are swamped.
const HALTED_LOAD: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct Departed {
    /// Partitions without any are not kept.
    partitions: FxHashMap<i32, Unanswered>,
    /// All of theirs together.
    under_way: u64,
    /// Answers so far, from everywhere.
    answers: u64,
}

#[derive(Debug)]
struct Unanswered {
    count: usize,
    /// How many answers there were when its own last one came, or when it first had something to answer.
    heard_at: u64,
}

impl Departed {
    pub(super) fn add(&mut self, partition: i32) {
        let heard_at = self.answers;
        self.partitions.entry(partition).or_insert(Unanswered { count: 0, heard_at }).count += 1;
        self.under_way += 1;
    }

    /// One of them ended; `answered` if it was by an answer.
    pub(super) fn remove(&mut self, partition: i32, answered: bool) {
        self.answers += u64::from(answered);
        if let Slot::Occupied(mut slot) = self.partitions.entry(partition) {
            self.under_way -= 1;
            let unanswered = slot.get_mut();
            unanswered.count -= 1;
            if answered {
                unanswered.heard_at = self.answers;
            }
            if unanswered.count == 0 {
                slot.remove();
            }
        }
    }

    pub(super) fn count(&self, partition: i32) -> usize {
        self.partitions.get(&partition).map_or(0, |unanswered| unanswered.count)
    }

    /// How little a new request should be sent there, in requests.
    pub(super) fn load(&self, partition: i32) -> usize {
        let Some(unanswered) = self.partitions.get(&partition) else { return 0 };
        let overtaken = self.answers - unanswered.heard_at;
        let elsewhere = self.under_way.saturating_sub(unanswered.count as u64);
        let is_halted = overtaken > OVERTAKEN + OVERTAKEN_TIMES * elsewhere;
        unanswered.count + if is_halted { HALTED_LOAD } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Requests that go to `partition` and are answered, one after the other.
    fn answer(departed: &mut Departed, partition: i32, count: u64) {
        for _ in 0..count {
            departed.add(partition);
            departed.remove(partition, true);
        }
    }

    #[test]
    fn a_partition_that_answers_nothing_while_others_do_is_halted() {
        let mut departed = Departed::default();
        departed.add(0);
        answer(&mut departed, 1, OVERTAKEN);
        assert_eq!(departed.load(0), 1);
        answer(&mut departed, 1, 1);
        assert_eq!((departed.load(0), departed.load(1)), (1 + HALTED_LOAD, 0));
        departed.add(0);
        departed.remove(0, true);
        assert_eq!(departed.load(0), 1, "it has answered");
    }

    #[test]
    fn what_is_under_way_elsewhere_may_overtake_some_times() {
        let mut departed = Departed::default();
        departed.add(0);
        (0..999).for_each(|_| departed.add(1));
        for _ in 0..OVERTAKEN + 999 * OVERTAKEN_TIMES {
            departed.add(1);
            departed.remove(1, true);
        }
        assert_eq!(departed.load(0), 1);
        answer(&mut departed, 1, 1);
        assert_eq!(departed.load(0), 1 + HALTED_LOAD);
    }

    #[test]
    fn one_that_stands_still_is_found_out_however_much_it_is_given() {
        let mut departed = Departed::default();
        for _ in 0..OVERTAKEN {
            departed.add(0);
            answer(&mut departed, 1, 1);
        }
        assert_eq!(departed.load(0), 64);
        answer(&mut departed, 2, 1);
        assert_eq!(departed.load(0), 64 + HALTED_LOAD);
    }

    #[test]
    fn one_that_is_slow_with_all_others_is_not_halted() {
        let mut departed = Departed::default();
        for _ in 0..1_000 {
            (0..3).for_each(|partition| departed.add(partition));
            (0..3).for_each(|partition| departed.remove(partition, true));
            departed.add(0);
            assert_eq!(departed.load(0), 1);
            departed.remove(0, true);
        }
    }

    #[test]
    fn what_ends_without_an_answer_overtakes_nobody_and_ends_a_halt() {
        let mut departed = Departed::default();
        departed.add(0);
        for _ in 0..1_000 {
            departed.add(1);
            departed.remove(1, false);
        }
        assert_eq!(departed.load(0), 1);
        answer(&mut departed, 1, 1_000);
        assert_eq!(departed.load(0), 1 + HALTED_LOAD);
        departed.remove(0, false);
        assert_eq!((departed.load(0), departed.count(0)), (0, 0), "there is nothing it could answer");
        departed.add(0);
        assert_eq!(departed.load(0), 1, "and so it is tried again");
    }
}
