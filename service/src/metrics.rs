//! Metrics: one registry for each service instance, and labels that cannot grow without bound.
//!
//! What a service counts on its hot path it holds as a [`Counter`] or as [`Durations`] of its own, so that counting
//! takes no lock and allocates nothing. What it knows anyway (how many are pending, how long a queue is), or counts in
//! several places (each of its threads), is asked for when somebody scrapes, see [`Metrics::gauge_of`] and
//! [`Metrics::durations_of`].

use std::sync::Arc;

use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::{Metric, Registry};

pub use durations::{Durations, DurationsSum, LATENCY_BUCKETS};
pub use prometheus_client::metrics::counter::Counter;
pub use prometheus_client::metrics::gauge::Gauge;

mod asked;
mod family;
mod format;

pub use crate::metrics::asked::Show;
pub use crate::metrics::family::Labelled;
pub use crate::metrics::format::Format;

use crate::metrics::asked::Asked;

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

    /// A distribution of durations.
    pub fn durations(&self, name: &str, help: &str) -> Durations {
        self.registered(name, help, Durations::new())
    }

    /// A value asked for at each scrape, on the management thread: it must not block.
    pub fn gauge_of(&self, name: &str, help: &str, value: impl Fn() -> f64 + Send + Sync + 'static) {
        self.register(name, help, Asked::Gauge(Box::new(value)));
    }

    /// A count kept elsewhere, asked for at each scrape, on the management thread: it must not block.
    pub fn counter_of(&self, name: &str, help: &str, value: impl Fn() -> u64 + Send + Sync + 'static) {
        self.register(name, help, Asked::Counter(Box::new(value)));
    }

    /// Values told apart by `labels`, asked for at each scrape as [`gauge_of`](Self::gauge_of) asks. The caller bounds
    /// how many there are.
    pub fn gauges_of(
        &self,
        name: &str,
        help: &str,
        labels: &'static [&'static str],
        series: impl Fn(Show<'_, f64>) + Send + Sync + 'static,
    ) {
        self.register(name, help, Asked::Gauges(labels, Box::new(series)));
    }

    /// Counts told apart by `labels`, likewise.
    pub fn counters_of(
        &self,
        name: &str,
        help: &str,
        labels: &'static [&'static str],
        series: impl Fn(Show<'_, u64>) + Send + Sync + 'static,
    ) {
        self.register(name, help, Asked::Counters(labels, Box::new(series)));
    }

    /// Distributions told apart by `labels`, likewise.
    pub fn durations_of(
        &self,
        name: &str,
        help: &str,
        labels: &'static [&'static str],
        series: impl Fn(Show<'_, DurationsSum>) + Send + Sync + 'static,
    ) {
        self.register(name, help, Asked::Durations(labels, Box::new(series)));
    }

    /// Metrics of a library that brings its own names.
    pub fn collect(&self, collector: impl Collector) {
        self.registry.lock().register_collector(Box::new(collector));
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

    /// Distributions told apart by `labels`. See [`Labelled`] for `limit`.
    pub fn durations_by(
        &self,
        name: &str,
        help: &str,
        labels: &[&'static str],
        limit: usize,
    ) -> Labelled<Durations> {
        let labelled = Labelled::new(labels, limit, Durations::new);
        self.register(name, help, labelled.family());
        labelled
    }

    /// Everything, as a page in this format.
    pub fn encode(&self, format: Format) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry.lock()).expect("writing to a String cannot fail");
        format.write(text)
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
