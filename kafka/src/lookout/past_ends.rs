//! Where logs ended at moments that are past.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use super::told::{Told, decode, encode};

/// Looks that are kept for each partition: those of a minute, or longer where the log did not grow between some of them.
/// Older records may have any age.
const KEPT: usize = 60;

/// What is told of one partition at most: the last look, some of which each is at least twice as long ago as the one told
/// before it, and the oldest one.
const TOLD_EACH: usize = 6;
/// What is told to all members together, at most, some 160 KiB: brokers bound the size of what a group knows.
const TOLD_IN_ALL: usize = 10_000;

/// Where each partition of a topic ended, when a [`Lookout`](super::Lookout) last looked. Cheap to clone; all clones see the
/// same.
#[derive(Clone, Debug, Default)]
pub struct PastEnds {
    /// Of each partition the looks that some record is young by: from one to the next the log has grown.
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
        let before = of.get(&partition)?.iter().filter(|seen| seen.end <= offset);
        Some(now.saturating_duration_since(before.map(|seen| seen.asked_at).max()?))
    }

    /// What somebody else can use of this who takes over `partitions`, for [`hear`](Self::hear); `of_all` are shared out to
    /// it and to others.
    pub(crate) fn tell(&self, partitions: &BTreeSet<i32>, of_all: usize, now: Instant) -> Vec<u8> {
        let each = TOLD_EACH.min(TOLD_IN_ALL / of_all.max(1));
        let of = self.of.lock();
        let mut told = Vec::new();
        for partition in partitions {
            let Some(seen) = of.get(partition) else { continue };
            let age = |seen: &Seen| now.saturating_duration_since(seen.asked_at);
            let mut chosen: Vec<&Seen> = Vec::with_capacity(TOLD_EACH);
            for (older, seen) in seen.iter().enumerate().rev() {
                let is_news = chosen.last().is_none_or(|last| age(seen) >= 2 * age(last));
                let is_wanted = older == 0 || (is_news && chosen.len() + 1 < each);
                if is_wanted && chosen.len() < each {
                    chosen.push(seen);
                }
            }
            told.extend(chosen.iter().map(|seen| Told {
                partition: *partition,
                age: age(seen),
                end: seen.end,
            }));
        }
        encode(&told)
    }

    /// Takes in what another process told of `partitions`, after `since`. What it says of others is passed over: there is no
    /// end to what a stranger may say.
    pub(crate) fn hear(&self, since: Instant, partitions: &BTreeSet<i32>, told: &[u8]) {
        for Told { partition, age, end } in decode(told) {
            let asked_at = since.checked_sub(age).filter(|_| partitions.contains(&partition) && end >= 0);
            if let Some(asked_at) = asked_at {
                self.saw(asked_at, &[(partition, end)]);
            }
        }
    }

    /// The partitions ended so by a question sent at `asked_at`.
    pub(super) fn saw(&self, asked_at: Instant, ends: &[(i32, i64)]) {
        let mut of = self.of.lock();
        for (partition, end) in ends {
            let seen = of.entry(*partition).or_default();
            let later = seen.partition_point(|seen| seen.asked_at < asked_at);
            // What was heard may be an echo of what is known better.
            if seen.iter().skip(later).any(|seen| seen.end <= *end) {
                continue;
            }
            seen.insert(later, Seen { asked_at, end: *end });
            seen.retain(|seen| seen.asked_at >= asked_at || seen.end < *end);
            if seen.len() > KEPT {
                seen.pop_front();
            }
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
    fn who_hears_it_takes_nothing_for_younger_than_who_tells_it() {
        let (start, teller, hearer) = (Instant::now(), PastEnds::default(), PastEnds::default());
        for at in 0..=10 {
            teller.saw(start + s(at), &[(0, at.cast_signed()), (1, 7)]);
        }
        // A join goes out, the leader tells it, and a while later the answer is there.
        let (joined_at, told_at, now) = (start + s(11), start + s(12), start + s(13));
        let share = BTreeSet::from([0, 2]);
        hearer.hear(joined_at, &share, &teller.tell(&share, 3, told_at));
        for offset in 0..=12 {
            let (tellers, hearers) = (teller.max_age(0, offset, now), hearer.max_age(0, offset, now));
            assert!(hearers.is_none_or(|age| Some(age) >= tellers), "{offset}: {hearers:?}, {tellers:?}");
        }
        // It told of looks 2 s, 4 s, 8 s and 12 s ago, and that not before the join, 2 s ago.
        let age = |offset| hearer.max_age(0, offset, now).map(|age| age.as_secs());
        assert_eq!(
            [age(10), age(9), age(8), age(7), age(4), age(3)],
            [Some(4), Some(6), Some(6), Some(10), Some(10), Some(14)]
        );
        assert_eq!(hearer.max_age(1, 7, now), None, "it was not asked for");
    }

    #[test]
    fn the_leader_loses_nothing_by_hearing_itself() {
        let (start, ends, share) = (Instant::now(), PastEnds::default(), BTreeSet::from([0]));
        for at in 0..=40 {
            ends.saw(start + s(at), &[(0, at.cast_signed())]);
        }
        let (now, ages) = (start + s(41), |ends: &PastEnds| {
            (0..=41).map(|offset| ends.max_age(0, offset, start + s(41))).collect::<Vec<_>>()
        });
        let (before, told) = (ages(&ends), ends.tell(&share, 1, now));
        ends.hear(start + s(40), &share, &told);
        assert_eq!(ages(&ends), before);
        assert_eq!(ends.tell(&share, 1, now), told, "the next rebalance follows at once");
    }

    #[test]
    fn a_log_at_rest_is_told_by_one_look_and_large_topics_by_fewer() {
        let (start, ends, share) = (Instant::now(), PastEnds::default(), BTreeSet::from([0, 1]));
        for at in 0..=40 {
            ends.saw(start + s(at), &[(0, 7), (1, at.cast_signed())]);
        }
        let told = |of_all| decode(&ends.tell(&share, of_all, start + s(41))).len();
        assert_eq!(told(2), 1 + TOLD_EACH);
        assert_eq!(told(TOLD_IN_ALL / 2), 1 + 2);
        assert_eq!(told(TOLD_IN_ALL + 1), 0);
    }

    #[test]
    fn what_a_stranger_says_of_others_is_passed_over() {
        let (now, ends) = (Instant::now(), PastEnds::default());
        let told = [(0, -1), (1, 5), (-7, 5)].map(|(partition, end)| Told { partition, age: s(0), end });
        ends.hear(now, &BTreeSet::from([0]), &encode(&told));
        assert!(ends.of.lock().is_empty());
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
