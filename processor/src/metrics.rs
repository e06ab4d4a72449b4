//! What a processor counts.

use std::collections::HashMap;
use std::time::Duration;

use service::metrics::{Counter, Gauge, Histogram, LATENCY_BUCKETS, Labelled, Metrics};

use crate::Operations;

/// Partitions of one topic that are told apart; a processor rarely owns more.
const MAX_PARTITIONS: usize = 1_000;

/// Reasons of dead letters: the protocol's codes and our own few.
const MAX_REASONS: usize = 32;

/// The label of a request for an operation that the worker does not have.
const UNKNOWN: &str = "unknown";

/// How the processing of a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// With the handler's output.
    Answered,
    /// With an error reply and no more: the caller's fault.
    Rejected,
    /// With a dead letter, and an error reply where one could be addressed.
    DeadLetter,
    /// Nobody waited for it any more.
    Expired,
}

impl Outcome {
    const ALL: [Self; 4] = [Self::Answered, Self::Rejected, Self::DeadLetter, Self::Expired];

    fn text(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Rejected => "rejected",
            Self::DeadLetter => "dead_letter",
            Self::Expired => "expired",
        }
    }
}

/// The metrics of one processor. What is counted on a record's way is looked up once, at the start.
#[derive(Debug)]
pub(crate) struct ProcessorMetrics {
    requests: HashMap<&'static str, [Counter; Outcome::ALL.len()]>,
    duration: Histogram,
    in_flight: Gauge,
    dead_letters: Labelled<Counter>,
    lag: Labelled<Gauge>,
    rebalances: Labelled<Counter>,
    commit_failures: Counter,
    lost_offsets: Counter,
}

impl ProcessorMetrics {
    pub(crate) fn new(metrics: &Metrics, operations: &Operations) -> Self {
        let names = || operations.names().chain([UNKNOWN]);
        let requests = metrics.counters(
            "processor_requests",
            "Records of the request topic by operation and outcome",
            &["operation", "outcome"],
            names().count() * Outcome::ALL.len(),
        );
        let by_outcome = |name| Outcome::ALL.map(|outcome| requests.of(&[name, outcome.text()]));
        Self {
            requests: names().map(|name| (name, by_outcome(name))).collect(),
            duration: metrics.histogram(
                "processor_request_duration_seconds",
                "From taking a record to the acknowledgement of its reply",
                &LATENCY_BUCKETS,
            ),
            in_flight: metrics.gauge("processor_in_flight", "Records taken and not finished"),
            dead_letters: metrics.counters(
                "processor_dead_letters",
                "Records kept on the dead-letter topic, by reason",
                &["reason"],
                MAX_REASONS,
            ),
            lag: metrics.gauges(
                "processor_lag_records",
                "Offsets between a partition's end and the finished position",
                &["partition"],
                MAX_PARTITIONS,
            ),
            rebalances: metrics.counters(
                "processor_rebalances",
                "Changes of this member's partitions, by kind",
                &["change"],
                3,
            ),
            commit_failures: metrics
                .counter("processor_commit_failures", "Finished positions that came too late for the group"),
            lost_offsets: metrics
                .counter("processor_lost_offsets", "Offsets that were gone before they were read"),
        }
    }

    /// A record's processing ended. `operation` is `None` where it is unknown.
    pub(crate) fn processed(&self, operation: Option<&str>, outcome: Outcome) {
        let counters =
            operation.and_then(|name| self.requests.get(name)).or_else(|| self.requests.get(UNKNOWN));
        if let Some(counters) = counters {
            counters[outcome as usize].inc();
        }
    }

    /// A reply was acknowledged, so long after its record was taken.
    pub(crate) fn replied(&self, took: Duration) {
        self.duration.observe(took.as_secs_f64());
    }

    /// Records taken and not finished.
    pub(crate) fn in_flight(&self) -> Gauge {
        self.in_flight.clone()
    }

    /// A record was written to the dead-letter topic.
    pub(crate) fn dead_letter(&self, reason: &str) {
        self.dead_letters.of(&[reason]).inc();
    }

    /// The gauge of one partition's lag.
    pub(crate) fn lag(&self, partition: i32) -> Gauge {
        self.lag.of(&[&partition.to_string()])
    }

    /// The partition is not ours any more.
    pub(crate) fn forget_lag(&self, partition: i32) {
        self.lag.forget(&[&partition.to_string()]);
    }

    /// The group changed our share: `assigned`, `revoked` or `lost`.
    pub(crate) fn rebalanced(&self, change: &'static str) {
        self.rebalances.of(&[change]).inc();
    }

    /// A finished position came too late for the group: somebody does its records again.
    pub(crate) fn commit_failed(&self) {
        self.commit_failures.inc();
    }

    /// So many offsets were gone before they were read.
    pub(crate) fn lost_offsets(&self, count: u64) {
        self.lost_offsets.inc_by(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations;

    #[test]
    fn requests_count_by_operation_and_outcome() {
        let metrics = Metrics::new();
        let counts = ProcessorMetrics::new(&metrics, &operations::all());
        counts.processed(Some("hash"), Outcome::Answered);
        counts.processed(Some("hash"), Outcome::Answered);
        counts.processed(Some("dance"), Outcome::DeadLetter);
        counts.processed(None, Outcome::DeadLetter);
        counts.dead_letter("malformed");
        counts.replied(Duration::from_millis(3));
        let text = metrics.encode();
        for line in [
            r#"processor_requests_total{operation="hash",outcome="answered"} 2"#,
            r#"processor_requests_total{operation="hash",outcome="expired"} 0"#,
            r#"processor_requests_total{operation="unknown",outcome="dead_letter"} 2"#,
            r#"processor_dead_letters_total{reason="malformed"} 1"#,
            "processor_request_duration_seconds_count 1",
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
    }

    #[test]
    fn a_partition_that_is_given_up_is_not_shown() {
        let metrics = Metrics::new();
        let counts = ProcessorMetrics::new(&metrics, &operations::all());
        counts.lag(2).set(7);
        assert!(metrics.encode().contains(r#"processor_lag_records{partition="2"} 7"#));
        counts.forget_lag(2);
        assert!(!metrics.encode().contains("partition=\"2\""));
    }
}
