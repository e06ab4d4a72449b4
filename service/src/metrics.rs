//! Metrics: one registry for each service instance, and labels that cannot grow without bound.
//!
//! What a service counts on its hot path it holds as a [`Counter`] or [`Histogram`] of its own, so that counting
//! takes no lock of the registry. What it knows anyway (how many are pending, how long a queue is) is not counted
//! twice but asked for when somebody scrapes, see [`Metrics::gauge_of`].

use std::sync::Arc;

use parking_lot::Mutex;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::{Metric, Registry};

pub use prometheus_client::metrics::counter::Counter;
pub use prometheus_client::metrics::gauge::Gauge;
pub use prometheus_client::metrics::histogram::Histogram;

mod asked;
mod family;

pub use crate::metrics::family::Labelled;

use crate::metrics::asked::Asked;

/// Content type of [`Metrics::encode`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds, in seconds, of buckets that fit a request through Kafka: 0.5 ms to 10 s.
pub const LATENCY_BUCKETS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The metrics of one service instance; shared by all clones.
///
/// Names follow Prometheus: `snake_case`, the unit last (`_seconds`, `_bytes`); counters get `_total` added when
/// shown, help texts a full stop. Registering one name twice shows it twice: register at start, in one place.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
}

impl Metrics {
    /// An empty registry.
    pub fn new() -> Self {
        Self::default()
    }

    /// A count that only grows.
    pub fn counter(&self, name: &str, help: &str) -> Counter {
        self.registered(name, help, Counter::default())
    }

    /// A value that goes up and down.
    pub fn gauge(&self, name: &str, help: &str) -> Gauge {
        self.registered(name, help, Gauge::default())
    }

    /// A distribution, with these upper bounds.
    pub fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Histogram {
        self.registered(name, help, Histogram::new(buckets.iter().copied()))
    }

    /// A value asked for at each scrape, on the management thread: it must not block.
    pub fn gauge_of(&self, name: &str, help: &str, value: impl Fn() -> f64 + Send + Sync + 'static) {
        self.register(name, help, Asked::Gauge(Box::new(value)));
    }

    /// A count kept elsewhere, asked for at each scrape, on the management thread: it must not block.
    pub fn counter_of(&self, name: &str, help: &str, value: impl Fn() -> u64 + Send + Sync + 'static) {
        self.register(name, help, Asked::Counter(Box::new(value)));
    }

    /// Counters told apart by `labels`. See [`Labelled`] for `limit`.
    pub fn counters(
        &self,
        name: &str,
        help: &str,
        labels: &[&'static str],
        limit: usize,
    ) -> Labelled<Counter> {
        let labelled = Labelled::new(labels, limit, Counter::default);
        self.register(name, help, labelled.family());
        labelled
    }

    /// Gauges told apart by `labels`. See [`Labelled`] for `limit`.
    pub fn gauges(&self, name: &str, help: &str, labels: &[&'static str], limit: usize) -> Labelled<Gauge> {
        let labelled = Labelled::new(labels, limit, Gauge::default);
        self.register(name, help, labelled.family());
        labelled
    }

    /// Everything in the OpenMetrics text format, of type [`CONTENT_TYPE`].
    pub fn encode(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry.lock()).expect("writing to a String cannot fail");
        text
    }

    fn registered<M: Metric + Clone>(&self, name: &str, help: &str, metric: M) -> M {
        self.register(name, help, metric.clone());
        metric
    }

    fn register(&self, name: &str, help: &str, metric: impl Metric) {
        // The registry ends every help text with a full stop of its own.
        self.registry.lock().register(name, help.trim_end_matches('.'), metric);
    }
}

#[cfg(test)]
mod tests;
