//! Where logs ended at moments that are past.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

/// Looks that are kept for each partition: a minute of them. Older records may have any age.
const KEPT: usize = 60;

/// Where each partition of a topic ended, when a [`Lookout`](super::Lookout) last looked. Cheap to clone; all clones see the
/// same.
#[derive(Clone, Debug, Default)]
pub struct PastEnds {
    of: Arc<Mutex<HashMap<i32, VecDeque<Seen>>>>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    /// The log cannot have ended there before this.
    asked_at: Instant,
    end: i64,
}

impl PastEnds {
    /// No record of `partition` at `offset`, or behind it, was appended longer ago than this; `None` if they may have any
    /// age. Where the topic was deleted or its log was cut in the meantime, it holds for the records that are there now.
    pub fn max_age(&self, partition: i32, offset: i64, now: Instant) -> Option<Duration> {
        let of = self.of.lock();
        let before = of.get(&partition)?.iter().rev().find(|seen| seen.end <= offset)?;
        Some(now.saturating_duration_since(before.asked_at))
    }

    /// The partitions ended so by a question sent at `asked_at`.
    pub(super) fn saw(&self, asked_at: Instant, ends: &[(i32, i64)]) {
        let mut of = self.of.lock();
        for (partition, end) in ends {
            let seen = of.entry(*partition).or_default();
            if seen.len() == KEPT {
                seen.pop_front();
            }
            seen.push_back(Seen { asked_at, end: *end });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_record_is_younger_than_the_last_look_that_ended_before_it() {
        let (start, ends) = (Instant::now(), PastEnds::default());
        for (at, end) in [(0, 7), (1, 9), (2, 9), (3, 12)] {
            ends.saw(start + s(at), &[(0, end), (1, 100)]);
        }
        let age = |offset| ends.max_age(0, offset, start + s(5));
        assert_eq!([age(6), age(7), age(8)], [None, Some(s(5)), Some(s(5))]);
        assert_eq!([age(9), age(11), age(12)], [Some(s(3)), Some(s(3)), Some(s(2))]);
        assert_eq!(ends.max_age(2, 12, start), None, "nobody looked there");
    }

    #[test]
    fn a_log_that_begins_anew_takes_nothing_back() {
        let (start, ends) = (Instant::now(), PastEnds::default());
        ends.saw(start, &[(0, 500)]);
        ends.saw(start + s(1), &[(0, 2)]);
        let age = |offset| ends.max_age(0, offset, start + s(2));
        assert_eq!([age(1), age(2), age(500)], [None, Some(s(1)), Some(s(1))]);
    }

    #[test]
    fn so_many_looks_are_kept_and_no_more() {
        let (start, ends) = (Instant::now(), PastEnds::default());
        for at in 0..=KEPT as u64 {
            ends.saw(start + s(at), &[(0, at.cast_signed())]);
        }
        let now = start + s(KEPT as u64);
        assert_eq!(ends.max_age(0, 0, now), None);
        assert_eq!(ends.max_age(0, 1, now), Some(s(KEPT as u64 - 1)));
        assert_eq!(ends.of.lock().values().map(VecDeque::len).sum::<usize>(), KEPT);
    }
}
