//! What one run measured.

use std::time::Duration;

use hdrhistogram::Histogram;

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

    /// Adds what another task of the same run measured.
    pub fn merge(&mut self, other: &Self) {
        self.micros.add(&other.micros).expect("all have the same bounds");
    }

    /// Exchanges a second.
    #[expect(clippy::cast_precision_loss, reason = "counts of exchanges are far below 2^52")]
    pub fn rate(&self) -> f64 {
        self.micros.len() as f64 / self.measured.as_secs_f64()
    }

    /// The latency that `quantile` (0 to 1) of the exchanges stayed within.
    pub fn quantile(&self, quantile: f64) -> Duration {
        Duration::from_micros(self.micros.value_at_quantile(quantile))
    }
}
