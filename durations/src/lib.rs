//! Distributions of durations that are counted on the way of every request: no lock, no allocation.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};

/// Upper bounds, in seconds, of buckets that fit a request through Kafka: 0.5 ms to 10 s.
pub const LATENCY_BUCKETS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Those below the bounds, and those beyond the last.
const CELLS: usize = LATENCY_BUCKETS.len() + 1;

/// A distribution of durations over [`LATENCY_BUCKETS`]; shared by all clones.
///
/// Observing is two relaxed additions. Where several threads count the same, give each one of its own and show
/// their [`DurationsSum`]: then no thread waits for another one's cache line.
#[derive(Clone, Debug, Default)]
pub struct Durations {
    cells: Arc<Cells>,
}

#[derive(Debug, Default)]
struct Cells {
    counts: [AtomicU64; CELLS],
    nanos: AtomicU64,
}

/// What several [`Durations`] counted together.
#[derive(Clone, Copy, Debug, Default)]
pub struct DurationsSum {
    counts: [u64; CELLS],
    seconds: f64,
}

impl Durations {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts one.
    pub fn observe(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        let cell = LATENCY_BUCKETS.partition_point(|bound| *bound < seconds);
        self.cells.counts[cell].fetch_add(1, Ordering::Relaxed);
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.cells.nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// Adds what was counted to `sum`.
    pub fn add_to(&self, sum: &mut DurationsSum) {
        for (sum, count) in sum.counts.iter_mut().zip(&self.cells.counts) {
            *sum += count.load(Ordering::Relaxed);
        }
        let total = Duration::from_nanos(self.cells.nanos.load(Ordering::Relaxed));
        sum.seconds += total.as_secs_f64();
    }
}

impl DurationsSum {
    /// How many there are.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Writes it as a histogram.
    ///
    /// # Errors
    /// As `encoder` fails.
    pub fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        encoder.encode_histogram::<NoLabelSet>(self.seconds, self.count(), &self.buckets(), None)
    }

    /// Upper bounds and how many are below each and above the one before; the last bound is infinite.
    fn buckets(&self) -> Vec<(f64, u64)> {
        LATENCY_BUCKETS.into_iter().chain([f64::INFINITY]).zip(self.counts).collect()
    }
}

impl TypedMetric for Durations {
    const TYPE: MetricType = MetricType::Histogram;
}

impl EncodeMetric for Durations {
    fn encode(&self, encoder: MetricEncoder<'_>) -> fmt::Result {
        let mut sum = DurationsSum::default();
        self.add_to(&mut sum);
        sum.encode(encoder)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_bucket_and_what_is_beyond_the_last_is_kept() {
        let (one, other) = (Durations::new(), Durations::new());
        one.observe(Duration::from_micros(500));
        one.observe(Duration::from_micros(501));
        other.observe(Duration::from_secs(11));
        let mut sum = DurationsSum::default();
        one.add_to(&mut sum);
        other.add_to(&mut sum);
        assert_eq!((sum.counts[0], sum.counts[1], sum.counts[CELLS - 1], sum.count()), (1, 1, 1, 3));
        assert!((sum.seconds - 11.001_001).abs() < 1e-9);
        assert_eq!(sum.buckets()[CELLS - 1], (f64::INFINITY, 1));
    }
}
