//! What a gateway shows of itself to those who scrape it.
//!
//! Each shard counts for itself; what the shards have counted, and what they know anyway, is summed when somebody
//! looks. `docs/observability.md` has the table of all of it.

mod http;

use std::collections::BTreeMap;
use std::sync::Arc;

use kafka::metrics::KafkaMetrics;
use parking_lot::Mutex;
use service::metrics::DurationsSum;

pub(crate) use http::{Exchange, HttpMetrics, NO_ROUTE, OPENAPI};

use self::http::Series;
use crate::admission::Admission;
use crate::requester::{Requester, RequesterStats};

/// The shards of a gateway, as far as they have started.
pub(crate) type Shards = Arc<Mutex<Vec<(Arc<Requester>, Arc<Admission>)>>>;

/// What the shards count.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// `http` or `https`.
    scheme: &'static str,
    http: Arc<Mutex<Vec<Arc<HttpMetrics>>>>,
}

impl Metrics {
    /// Registers everything. `scheme` is what callers speak.
    pub(crate) fn new(registry: &service::metrics::Metrics, shards: &Shards, scheme: &'static str) -> Self {
        let metrics = Self { scheme, http: Arc::default() };
        metrics.show_http(registry);
        show_admission(registry, shards);
        show_replies(registry, shards);
        show_kafka(registry, shards);
        metrics
    }

    /// Cells for one more shard.
    pub(crate) fn of_shard(&self) -> Arc<HttpMetrics> {
        let cells = Arc::new(HttpMetrics::new(self.scheme));
        self.http.lock().push(cells.clone());
        cells
    }

    fn show_http(&self, registry: &service::metrics::Metrics) {
        let shards = self.http.clone();
        registry.durations_of(
            "http_server_request_duration_seconds",
            "From a request's head to its answer",
            &Series::LABELS,
            move |show| {
                let shards = shards.lock();
                let mut sums = BTreeMap::<_, DurationsSum>::new();
                for shard in &*shards {
                    shard.each(|series| {
                        let labels = series.labels.map(str::to_owned);
                        series.durations.add_to(sums.entry(labels).or_default());
                    });
                }
                for (labels, sum) in &sums {
                    show(&labels.each_ref().map(String::as_str), *sum);
                }
            },
        );
        let (shards, scheme) = (self.http.clone(), self.scheme);
        registry.gauges_of(
            "http_server_active_requests",
            "Requests under way",
            &["http_request_method", "url_scheme"],
            move |show| {
                let mut sums = BTreeMap::<_, i64>::new();
                for (method, count) in shards.lock().iter().flat_map(|shard| shard.active()) {
                    *sums.entry(method).or_default() += count;
                }
                for (method, count) in sums {
                    show(&[method, scheme], as_float(count));
                }
            },
        );
        let shards = self.http.clone();
        registry.durations_of(
            "gateway_round_trip_seconds",
            "From handing a request over to its reply, for those that a worker replied to",
            &[],
            move |show| {
                let mut sum = DurationsSum::default();
                shards.lock().iter().for_each(|shard| shard.add_round_trips_to(&mut sum));
                show(&[], sum);
            },
        );
    }
}

fn show_admission(registry: &service::metrics::Metrics, shards: &Shards) {
    let gauge = |name: &str, help: &str, of: fn(&Admission) -> usize| {
        let shards = shards.clone();
        let sum = move || shards.lock().iter().map(|(_, admission)| of(admission)).sum::<usize>();
        registry.gauge_of(name, help, move || as_float(i64::try_from(sum()).unwrap_or(i64::MAX)));
    };
    gauge("gateway_pending_requests", "Requests admitted and not answered", Admission::requests);
    gauge("gateway_pending_bytes", "Bytes reserved for their bodies", Admission::bytes);
    gauge("gateway_max_pending_requests", "Most that may be pending", Admission::max_requests);
    gauge("gateway_max_pending_bytes", "Most that may be reserved", Admission::max_bytes);
    let admitted = shards.clone();
    registry.counter_of("gateway_admitted_requests", "Requests that got a place", move || {
        admitted.lock().iter().map(|(_, admission)| admission.admitted()).sum()
    });
    let shed = shards.clone();
    registry.counters_of(
        "gateway_shed_requests",
        "Requests turned away because too much was pending",
        &["limit"],
        move |show| {
            let (mut requests, mut bytes) = (0, 0);
            for (_, admission) in &*shed.lock() {
                let shed = admission.shed();
                (requests, bytes) = (requests + shed.requests, bytes + shed.bytes);
            }
            show(&["requests"], requests);
            show(&["bytes"], bytes);
        },
    );
}

fn show_replies(registry: &service::metrics::Metrics, shards: &Shards) {
    let counter = |name: &str, help: &str, of: fn(RequesterStats) -> u64| {
        let shards = shards.clone();
        registry.counter_of(name, help, move || shards.lock().iter().map(|(r, _)| of(r.stats())).sum());
    };
    counter("gateway_late_replies", "Replies to requests that had ended without one", |s| s.late);
    counter("gateway_duplicate_replies", "Replies to requests that had one already", |s| s.duplicate);
    counter("gateway_unknown_replies", "Replies with our tag to nothing that is remembered", |s| s.unknown);
    counter("gateway_foreign_replies", "Replies to others on the same partition", |s| s.foreign);
    counter("gateway_foreign_replies_parsed", "Those of them that had to be parsed to know", |s| {
        s.foreign_parsed
    });
}

fn show_kafka(registry: &service::metrics::Metrics, shards: &Shards) {
    let watched = shards.clone();
    registry.gauge_of("kafka_reachable", "1 while Kafka answers, else 0", move || {
        let shards = watched.lock();
        let reachable = !shards.is_empty() && shards.iter().all(|(requester, _)| requester.is_ready());
        if reachable { 1.0 } else { 0.0 }
    });
    let watched = shards.clone();
    registry.gauge_of(
        "gateway_workers",
        "Members of the workers' group, as last seen; NaN while nobody knows or asks",
        move || {
            let seen = watched.lock().iter().find_map(|(requester, _)| requester.workers());
            seen.map_or(f64::NAN, |members| as_float(i64::try_from(members).unwrap_or(i64::MAX)))
        },
    );
    let handles = shards.clone();
    registry.collect(KafkaMetrics::of(move || {
        handles.lock().iter().map(|(requester, _)| requester.kafka().clone()).collect()
    }));
}

#[expect(clippy::cast_precision_loss, reason = "the scraper stores floats")]
pub(crate) fn as_float(count: i64) -> f64 {
    count as f64
}
