//! A distribution of durations that many may add to without a lock.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// Upper bounds of the buckets of calls to the cluster, in seconds.
pub const DURATION_BUCKETS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Those below the bounds, and those beyond the last.
const CELLS: usize = DURATION_BUCKETS.len() + 1;

/// The counting side.
#[derive(Debug, Default)]
pub(crate) struct Durations {
    cells: [AtomicU64; CELLS],
    nanos: AtomicU64,
}

/// What was counted, of one or of several.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Counted {
    pub(super) cells: [u64; CELLS],
    pub(super) seconds: f64,
}

impl Durations {
    pub(crate) fn add(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        let cell = DURATION_BUCKETS.partition_point(|bound| *bound < seconds);
        self.cells[cell].fetch_add(1, Relaxed);
        self.nanos.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }

    pub(super) fn add_to(&self, sum: &mut Counted) {
        for (sum, cell) in sum.cells.iter_mut().zip(&self.cells) {
            *sum += cell.load(Relaxed);
        }
        sum.seconds += Duration::from_nanos(self.nanos.load(Relaxed)).as_secs_f64();
    }
}

impl Counted {
    pub(super) fn count(&self) -> u64 {
        self.cells.iter().sum()
    }

    /// Upper bounds and how many are below each and above the one before; the last bound is infinite.
    pub(super) fn buckets(&self) -> Vec<(f64, u64)> {
        let bounds = DURATION_BUCKETS.into_iter().chain([f64::INFINITY]);
        bounds.zip(self.cells).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_bucket_and_what_is_beyond_the_last_is_kept() {
        let (one, other) = (Durations::default(), Durations::default());
        one.add(Duration::from_micros(500));
        one.add(Duration::from_micros(501));
        other.add(Duration::from_secs(11));
        let mut sum = Counted::default();
        one.add_to(&mut sum);
        other.add_to(&mut sum);
        assert_eq!((sum.cells[0], sum.cells[1], sum.cells[CELLS - 1], sum.count()), (1, 1, 1, 3));
        assert!((sum.seconds - 11.001_001).abs() < 1e-9);
        assert_eq!(sum.buckets()[CELLS - 1], (f64::INFINITY, 1));
    }
}
