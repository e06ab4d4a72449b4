//! What a processor counts.

mod processing;

use std::collections::HashMap;
use std::time::Duration;

use service::metrics::{Counter, Durations, Gauge, Labelled, Metrics};

use crate::Operations;
use crate::dead_letters::Trouble;
pub(crate) use processing::{Processing, Source};

/// Partitions of one topic that are told apart; a processor rarely owns more.
const MAX_PARTITIONS: usize = 1_000;

/// Reasons of dead letters: the protocol's codes and our own few.
const MAX_REASONS: usize = 32;

/// How the group may change a member's share.
const CHANGES: [&str; 3] = ["assigned", "revoked", "lost"];

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
    registry: Metrics,
    requests: HashMap<&'static str, [Counter; Outcome::ALL.len()]>,
    age: Durations,
    processing: Processing,
    finished: Durations,
    in_flight: Gauge,
    dead_letters: Labelled<Counter>,
    lag: Labelled<Gauge>,
    assigned: Gauge,
    partitions: Gauge,
    rebalances: Labelled<Counter>,
    commit_failures: Counter,
    lost_offsets: Counter,
}

impl ProcessorMetrics {
    pub(crate) fn new(metrics: &Metrics, operations: &Operations, source: Source<'_>) -> Self {
        let names = || operations.names().chain([UNKNOWN]);
        let requests = metrics.counters(
            "processor_requests",
            "Records of the request topic by operation and outcome",
            &["operation", "outcome"],
            names().count() * Outcome::ALL.len(),
        );
        let by_outcome = |name| Outcome::ALL.map(|outcome| requests.of(&[name, outcome.text()]));
        let rebalances = metrics.counters(
            "processor_rebalances",
            "Changes of this member's partitions, by kind",
            &["change"],
            CHANGES.len(),
        );
        // From 0 on, so that an alert sees the first one.
        for change in CHANGES {
            rebalances.of(&[change]);
        }
        Self {
            registry: metrics.clone(),
            requests: names().map(|name| (name, by_outcome(name))).collect(),
            age: metrics.durations(
                "processor_request_age_seconds",
                "Age of records when they are taken, by their timestamp and this host's clock",
            ),
            processing: Processing::new(metrics, source),
            finished: metrics.durations(
                "processor_request_duration_seconds",
                "From taking a record to the acknowledgement of its reply",
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
            assigned: metrics.gauge(
                "processor_assigned_partitions",
                "Partitions of the request topic that are this worker's",
            ),
            partitions: metrics
                .gauge("processor_request_partitions", "Partitions of the request topic, as last seen"),
            rebalances,
            commit_failures: metrics
                .counter("processor_commit_failures", "Finished positions that came too late for the group"),
            lost_offsets: metrics
                .counter("processor_lost_offsets", "Offsets that were gone before they were read"),
        }
    }

    /// Shows whether dead letters can be written.
    pub(crate) fn show_dead_letters(&self, trouble: Trouble) {
        self.registry.gauge_of(
            "processor_dead_letters_writable",
            "0 while dead letters cannot be written and their partitions wait, else 1",
            move || if trouble.is_there() { 0.0 } else { 1.0 },
        );
    }

    /// A record was taken that was so old.
    pub(crate) fn taken(&self, age: Duration) {
        self.age.observe(age);
    }

    /// What is counted of handlers' work.
    pub(crate) fn processing(&self) -> &Processing {
        &self.processing
    }

    /// The group has given us so many partitions.
    pub(crate) fn assigned(&self, count: usize) {
        self.assigned.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// The request topic has so many.
    pub(crate) fn partitions(&self, count: i32) {
        self.partitions.set(i64::from(count));
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
        self.finished.observe(took);
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
    use service::metrics::Format;

    use super::*;
    use crate::operations;

    const SOURCE: Source<'_> = Source { request_topic: "requests", group_id: "workers" };

    fn process_count(error: &str, count: u64) -> String {
        format!(
            "messaging_process_duration_seconds_count{{messaging_system=\"kafka\",\
             messaging_operation_name=\"process\",messaging_destination_name=\"requests\",\
             messaging_consumer_group_name=\"workers\",error_type=\"{error}\"}} {count}"
        )
    }

    #[test]
    fn requests_count_by_operation_and_outcome() {
        let metrics = Metrics::new();
        let counts = ProcessorMetrics::new(&metrics, &operations::all(), SOURCE);
        counts.processed(Some("hash"), Outcome::Answered);
        counts.processed(Some("hash"), Outcome::Answered);
        counts.processed(Some("dance"), Outcome::DeadLetter);
        counts.processed(None, Outcome::DeadLetter);
        counts.dead_letter("malformed");
        counts.replied(Duration::from_millis(3));
        counts.processing().answered(Duration::from_millis(1));
        counts.processing().failed("malformed", Duration::from_millis(1));
        let text = metrics.encode(Format::Prometheus);
        for line in [
            r#"processor_requests_total{operation="hash",outcome="answered"} 2"#,
            r#"processor_requests_total{operation="hash",outcome="expired"} 0"#,
            r#"processor_requests_total{operation="unknown",outcome="dead_letter"} 2"#,
            r#"processor_dead_letters_total{reason="malformed"} 1"#,
            "processor_request_duration_seconds_count 1",
            &process_count("", 1),
            &process_count("malformed", 1),
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
    }

    #[test]
    fn a_partition_that_is_given_up_is_not_shown() {
        let metrics = Metrics::new();
        let counts = ProcessorMetrics::new(&metrics, &operations::all(), SOURCE);
        counts.lag(2).set(7);
        assert!(metrics.encode(Format::Prometheus).contains(r#"processor_lag_records{partition="2"} 7"#));
        counts.forget_lag(2);
        assert!(!metrics.encode(Format::Prometheus).contains("partition=\"2\""));
    }
}
