//! What one run measured.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Serialize, Serializer};

/// Latencies of one run, and how long it took.
#[derive(Debug, Clone)]
pub struct Sample {
    micros: Histogram<u64>,
    measured: Duration,
}

impl Sample {
    /// Nothing yet, of a run that measures for `measured`.
    pub fn new(measured: Duration) -> Self {
        let micros = Histogram::new_with_bounds(1, 60_000_000, 3).expect("the bounds are constant and valid");
        Self { micros, measured }
    }

    /// Adds one exchange.
    pub fn record(&mut self, latency: Duration) {
        self.micros.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX).max(1));
    }

    /// Adds another run of the same work: its exchanges and its time.
    pub fn merge(&mut self, other: &Self) {
        self.micros.add(&other.micros).expect("all have the same bounds");
        self.measured += other.measured;
    }

    /// Exchanges.
    pub fn count(&self) -> u64 {
        self.micros.len()
    }

    /// Seconds that were measured.
    pub fn seconds(&self) -> f64 {
        self.measured.as_secs_f64()
    }

    /// Exchanges a second.
    #[expect(clippy::cast_precision_loss, reason = "counts of exchanges are far below 2^52")]
    pub fn rate(&self) -> f64 {
        self.micros.len() as f64 / self.measured.as_secs_f64()
    }

    /// The latency in milliseconds that `quantile` (0 to 1) of the exchanges stayed within.
    pub fn millis(&self, quantile: f64) -> f64 {
        Duration::from_micros(self.micros.value_at_quantile(quantile)).as_secs_f64() * 1e3
    }
}

/// As figures: whoever reads them back wants no histogram.
impl Serialize for Sample {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Figures {
            answers: u64,
            seconds: f64,
            per_second: f64,
            p50_ms: f64,
            p90_ms: f64,
            p99_ms: f64,
            p999_ms: f64,
            max_ms: f64,
        }
        let figures = Figures {
            answers: self.count(),
            seconds: self.seconds(),
            per_second: self.rate(),
            p50_ms: self.millis(0.5),
            p90_ms: self.millis(0.9),
            p99_ms: self.millis(0.99),
            p999_ms: self.millis(0.999),
            max_ms: self.millis(1.0),
        };
        figures.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_and_quantiles_of_a_merged_sample() {
        let (mut one, mut other) = (Sample::new(Duration::from_secs(1)), Sample::new(Duration::from_secs(3)));
        for millis in 1..=50 {
            one.record(Duration::from_millis(millis));
            other.record(Duration::from_millis(50 + millis));
        }
        one.merge(&other);
        assert_eq!((one.count(), one.rate()), (100, 25.0));
        // Three digits are kept.
        assert!((one.millis(0.5) - 50.0).abs() < 0.1, "{}", one.millis(0.5));
        assert!((one.millis(0.99) - 99.0).abs() < 0.1, "{}", one.millis(0.99));
    }
}
