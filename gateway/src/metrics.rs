//! What the gateway counts.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use service::metrics::{Counter, Histogram, LATENCY_BUCKETS};

use crate::admission::Admission;
use crate::problem::Code;
use crate::requester::{Requester, RequesterStats};

/// The shards of a gateway, as far as they have started.
pub(crate) type Shards = Arc<Mutex<Vec<(Arc<Requester>, Arc<Admission>)>>>;

/// What is counted on a request's way, looked up once at the start.
pub(crate) struct Metrics {
    answered: Counter,
    failed: Vec<(Code, Counter)>,
    duration: Histogram,
}

impl Metrics {
    /// Registers everything; what the shards count for themselves is asked of them when somebody looks.
    #[expect(clippy::cast_precision_loss, reason = "the scraper stores floats")]
    pub(crate) fn new(metrics: &service::metrics::Metrics, shards: &Shards) -> Self {
        let labels = Code::ALL.len() + 1;
        let requests =
            metrics.counters("gateway_requests", "Requests by the code of their outcome", &["code"], labels);
        let gauge = |name: &str, help: &str, of: fn(&Admission) -> usize| {
            let shards = shards.clone();
            let sum = move || shards.lock().iter().map(|(_, admission)| of(admission)).sum::<usize>() as f64;
            metrics.gauge_of(name, help, sum);
        };
        gauge("gateway_pending_requests", "Requests admitted and not answered", Admission::requests);
        gauge("gateway_pending_bytes", "Bytes reserved for their bodies", Admission::bytes);
        let counter = |name: &str, help: &str, of: fn(RequesterStats) -> u64| {
            let shards = shards.clone();
            metrics.counter_of(name, help, move || shards.lock().iter().map(|(r, _)| of(r.stats())).sum());
        };
        counter("gateway_late_replies", "Replies to requests that had ended without one", |s| s.late);
        counter("gateway_duplicate_replies", "Replies to requests that had one already", |s| s.duplicate);
        counter("gateway_unknown_replies", "Replies with our tag to nothing that is remembered", |s| {
            s.unknown
        });
        Self {
            answered: requests.of(&["answered"]),
            failed: Code::ALL.iter().map(|code| (*code, requests.of(&[code.text()]))).collect(),
            duration: metrics.histogram(
                "http_server_request_duration_seconds",
                "From a request's head to its answer",
                &LATENCY_BUCKETS,
            ),
        }
    }

    /// One request got its answer; `code` if that was an error.
    pub(crate) fn answered(&self, code: Option<Code>, took: Duration) {
        let counter = match code {
            None => Some(&self.answered),
            Some(code) => self.failed.iter().find(|(known, _)| *known == code).map(|(_, counter)| counter),
        };
        if let Some(counter) = counter {
            counter.inc();
        }
        self.duration.observe(took.as_secs_f64());
    }
}
