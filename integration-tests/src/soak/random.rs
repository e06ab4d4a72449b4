//! Random numbers that a seed decides, the same for ever: a seed that found something is worth keeping.

use std::ops::Range;
use std::time::Duration;

/// SplitMix64 (Steele, Lea, Flood: *Fast Splittable Pseudorandom Number Generators*, 2014). Small, and good enough to
/// choose what breaks next.
#[derive(Debug, Clone)]
pub struct Random {
    state: u64,
}

impl Random {
    /// A sequence of its own for each seed.
    pub fn of(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number below `end`; 0 if that is 0. Some numbers are likelier than others by less than 2^-40.
    pub fn below(&mut self, end: usize) -> usize {
        // A usize has at most 64 bits, and what is left below it fits one.
        usize::try_from(self.bits().checked_rem(end as u64).unwrap_or(0)).unwrap_or(0)
    }

    /// A duration within `range`, to the millisecond.
    pub fn within(&mut self, range: Range<Duration>) -> Duration {
        let span = range.end.saturating_sub(range.start).as_millis();
        let ms = self.below(usize::try_from(span).unwrap_or(usize::MAX));
        range.start + Duration::from_millis(ms as u64)
    }

    /// Puts `items` in random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_published_generator() {
        let mut random = Random::of(1_234_567);
        let found = [random.bits(), random.bits(), random.bits()];
        assert_eq!(found, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn a_shuffle_loses_nothing() {
        let mut items: Vec<_> = (0..50).collect();
        Random::of(7).shuffle(&mut items);
        assert_ne!(items, (0..50).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..50).collect::<Vec<_>>());
    }

    #[test]
    fn numbers_stay_in_their_range() {
        let mut random = Random::of(3);
        let (short, long) = (Duration::from_secs(1), Duration::from_secs(2));
        for _ in 0..1_000 {
            assert!(random.below(3) < 3);
            assert!((short..long).contains(&random.within(short..long)));
        }
        assert_eq!((random.below(0), random.below(1)), (0, 0));
        assert_eq!(random.within(long..short), long);
    }
}
