//! The queue's state and its rules, without waiting: what fits, what makes a batch, which lane is woken.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use super::Bell;
use crate::writer::{Batch, size};

/// One produce request holds at most so many records.
const MAX_BATCH_RECORDS: usize = 1_000;
/// And no more than this, unless there is a crowd or calls take long: see [`batch_limit`].
const QUICK_BATCH_RECORDS: usize = 100;
/// The share of a crowd that goes in one batch: what is under way is with us, on its way to those who read, with them, or on
/// its way back, and none of these places should rest.
const CROWD_SHARE: usize = 4;
/// Records by which the limit grows with each millisecond that calls take.
const RECORDS_PER_MS: usize = 50;
/// And so many bytes, below the 1 MiB that `max.message.bytes` is by default. A larger record goes alone.
const MAX_BATCH_BYTES: usize = 900_000;
/// A partition is passed over when its load exceeds this much and [`FAR_AHEAD_FACTOR`] times the least one's.
const FAR_AHEAD: usize = 256;
const FAR_AHEAD_FACTOR: usize = 4;

/// How many records a lane takes at once, of so many that are under way altogether, if its produce requests take so long.
///
/// A crowd whose records all went in one batch would move in step ever after: Kafka rests while we work and we while
/// Kafka does, and what was touched of each request has left the processor's caches when its reply is there. Smaller
/// batches, some of which are always under way, cost less together, until they become so many that Kafka's own work for each
/// counts. A lane whose calls take longer may take more, since more came meanwhile: where they take the same time each, up
/// to 20 ms, it can send 50,000 records/s, wherever the broker is.
pub(in crate::writer) fn batch_limit(under_way: usize, took: Duration) -> usize {
    let microseconds = usize::try_from(took.as_micros()).unwrap_or(usize::MAX);
    let meanwhile = microseconds.saturating_mul(RECORDS_PER_MS) / 1_000;
    meanwhile.max(under_way / CROWD_SHARE).clamp(QUICK_BATCH_RECORDS, MAX_BATCH_RECORDS)
}

/// A record on its way, with its owner's token.
pub(super) struct Entry<T> {
    pub(super) record: rskafka::record::Record,
    pub(super) token: T,
    /// In a batch, at most.
    pub(super) size: usize,
}

pub(super) struct State<T> {
    pub(super) waiting: VecDeque<Entry<T>>,
    pub(super) waiting_bytes: usize,
    pub(super) lanes: Vec<Seat>,
    /// Numbers of lanes that wait to be woken, longest idle first.
    pub(super) idle: VecDeque<usize>,
    /// A lane is on its way to the queue; no second one is woken for the same records.
    pub(super) woken: bool,
    /// Records accepted and not yet delivered, failed or dropped.
    pub(super) outstanding: usize,
    /// Nothing is accepted any more.
    pub(super) closed: bool,
}

/// A lane as the queue sees it.
pub(super) struct Seat {
    pub(super) bell: Arc<Bell>,
    pub(super) connected: bool,
}

impl<T> State<T> {
    pub(super) fn new() -> Self {
        Self {
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            lanes: Vec::new(),
            idle: VecDeque::new(),
            woken: false,
            outstanding: 0,
            closed: false,
        }
    }

    /// Whether a record of that size is accepted. A lone one is, whatever its size: else it could never be sent.
    pub(super) fn has_room(&self, size: usize, max_records: usize, max_bytes: usize) -> bool {
        let fits = self.waiting.len() < max_records && self.waiting_bytes + size <= max_bytes;
        !self.closed && (fits || self.waiting.is_empty())
    }

    pub(super) fn push(&mut self, entry: Entry<T>) {
        self.waiting_bytes += entry.size;
        self.outstanding += 1;
        self.waiting.push_back(entry);
    }

    /// Whether what waits is as much as one produce request carries, or more, if that is at most `limit` records.
    pub(super) fn fills_a_batch(&self, limit: usize) -> bool {
        self.waiting.len() >= limit || self.waiting_bytes + size::BATCH_HEADER >= MAX_BATCH_BYTES
    }

    /// As much as one produce request carries, and at most `limit` records.
    pub(super) fn take_batch(&mut self, limit: usize) -> Batch<T> {
        let mut bytes = size::BATCH_HEADER;
        let mut count = 0;
        for entry in self.waiting.iter().take(limit) {
            if count > 0 && bytes + entry.size > MAX_BATCH_BYTES {
                break;
            }
            bytes += entry.size;
            count += 1;
        }
        self.waiting_bytes -= bytes - size::BATCH_HEADER;
        self.waiting.drain(..count).map(|Entry { record, token, .. }| (record, token)).collect()
    }

    /// The place among the idle lanes of the one to wake: of the least loaded partition, of equals the longest idle.
    /// None while that partition is far ahead of the least loaded one, whose lane is busy then but will be back.
    pub(super) fn choose(&self, load: impl Fn(i32) -> usize) -> Option<usize> {
        let load_of = |number: &usize| load(self.lanes[*number].bell.partition);
        let (place, lightest) = self.idle.iter().map(load_of).enumerate().min_by_key(|(_, load)| *load)?;
        if lightest <= FAR_AHEAD {
            return Some(place);
        }
        let connected = self.lanes.iter().filter(|seat| seat.connected);
        let least = connected.map(|seat| load(seat.bell.partition)).min().unwrap_or(lightest);
        (lightest <= FAR_AHEAD + least.saturating_mul(FAR_AHEAD_FACTOR)).then_some(place)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rskafka::record::Record;

    use super::*;

    fn state_with(sizes: impl IntoIterator<Item = usize>) -> State<usize> {
        let mut state = State::new();
        for (token, size) in sizes.into_iter().enumerate() {
            let timestamp = chrono::DateTime::UNIX_EPOCH;
            let record = Record { key: None, value: None, headers: BTreeMap::new(), timestamp };
            state.push(Entry { record, token, size });
        }
        state
    }

    fn batches(mut state: State<usize>) -> Vec<usize> {
        let mut lengths = Vec::new();
        loop {
            match state.take_batch(MAX_BATCH_RECORDS).len() {
                0 => break,
                length => lengths.push(length),
            }
        }
        assert_eq!(state.waiting_bytes, 0);
        lengths
    }

    #[test]
    fn a_batch_ends_at_a_thousand_records_or_its_bytes() {
        assert!(batches(state_with([])).is_empty());
        assert_eq!(batches(state_with([10; 2_500])), [1_000, 1_000, 500]);
        assert_eq!(batches(state_with([400_000; 5])), [2, 2, 1]);
        assert_eq!(batches(state_with([10, 10, 2_000_000, 10])), [2, 1, 1], "a larger one goes alone");
        let full = MAX_BATCH_BYTES - size::BATCH_HEADER;
        assert_eq!(batches(state_with([full - 10, 10, 1])), [2, 1]);
    }

    #[test]
    fn a_batch_takes_no_more_than_the_lane_wants() {
        let mut state = state_with([10; 250]);
        let lengths = [100, 100, 100, 100].map(|limit| state.take_batch(limit).len());
        assert_eq!((lengths, state.waiting_bytes), ([100, 100, 50, 0], 0));
    }

    #[test]
    fn a_lane_takes_more_where_calls_take_longer() {
        let limits = [0, 1_000, 2_000, 2_500, 10_000, 20_000, 60_000_000]
            .map(|microseconds| batch_limit(0, Duration::from_micros(microseconds)));
        assert_eq!(limits, [100, 100, 100, 125, 500, 1_000, 1_000]);
        assert_eq!(batch_limit(0, Duration::MAX), 1_000);
    }

    #[test]
    fn a_lane_takes_a_share_of_a_crowd() {
        let limits = [0, 64, 256, 400, 1_024, 4_000, 100_000].map(|crowd| batch_limit(crowd, Duration::ZERO));
        assert_eq!(limits, [100, 100, 100, 100, 256, 1_000, 1_000]);
        assert_eq!(batch_limit(1_024, Duration::from_millis(6)), 300, "whichever is more");
    }

    #[test]
    fn a_batch_is_full_by_its_records_or_its_bytes() {
        let is_full = |sizes: Vec<usize>| state_with(sizes).fills_a_batch(100);
        assert!(!is_full(vec![10; 99]) && is_full(vec![10; 100]));
        let full = MAX_BATCH_BYTES - size::BATCH_HEADER;
        assert!(!is_full(vec![full - 1]) && is_full(vec![full]) && is_full(vec![780_000; 2]));
    }

    #[test]
    fn room_is_counted_in_records_and_bytes() {
        let state = state_with([10, 10]);
        assert!(state.has_room(5, 3, 25));
        assert!(!state.has_room(6, 3, 25), "too many bytes");
        assert!(!state.has_room(1, 2, 25), "too many records");
        assert!(state_with([]).has_room(1_000, 3, 25), "a lone one always");
        let closed = State { closed: true, ..state_with([]) };
        assert!(!closed.has_room(1, 3, 25));
    }

    /// One connected lane to each of the first `lanes` partitions.
    fn choose<const N: usize>(loads: [usize; 3], idle: [usize; N]) -> Option<usize> {
        let mut state = state_with([10]);
        for number in 0..loads.len() {
            let partition = i32::try_from(number).unwrap();
            let bell = Arc::new(Bell::new(number, partition));
            state.lanes.push(Seat { bell, connected: true });
        }
        state.idle.extend(idle);
        let place = state.choose(|partition| loads[usize::try_from(partition).unwrap()]);
        place.map(|place| state.idle[place])
    }

    #[test]
    fn the_least_loaded_is_woken_and_of_equals_the_longest_idle() {
        assert_eq!(choose([0, 0, 0], []), None);
        assert_eq!(choose([0, 0, 0], [2, 0, 1]), Some(2));
        assert_eq!(choose([9, 2, 9], [2, 0, 1]), Some(1));
        assert_eq!(choose([9, 2, 9], [0]), Some(0), "the others are busy");
    }

    #[test]
    fn one_far_ahead_waits_for_the_others() {
        assert_eq!(choose([256, 0, 0], [0]), Some(0));
        assert_eq!(choose([257, 0, 0], [0]), None);
        assert_eq!(choose([257, 1, 1], [0]), Some(0));
        assert_eq!(choose([5_000, 2_000, 3_000], [0]), Some(0), "all are loaded");
        assert_eq!(choose([5_000, 9_000, 6_000], [0, 1, 2]), Some(0));
    }
}
