//! How long handlers take, as OpenTelemetry's conventions for messaging tell it.

use std::time::Duration;

use service::metrics::{Durations, Labelled, Metrics};

use super::MAX_REASONS;

/// What OpenTelemetry's conventions tell processing apart by.
const PROCESS_LABELS: [&str; 5] = [
    "messaging_system",
    "messaging_operation_name",
    "messaging_destination_name",
    "messaging_consumer_group_name",
    "error_type",
];

/// What its metrics say of where a processor works.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) request_topic: &'a str,
    pub(crate) group_id: &'a str,
}

/// The distributions of what handlers took, by how that ended.
#[derive(Debug)]
pub(crate) struct Processing {
    answered: Durations,
    rejected: Durations,
    all: Labelled<Durations>,
    request_topic: String,
    group_id: String,
}

impl Processing {
    pub(super) fn new(metrics: &Metrics, source: Source<'_>) -> Self {
        let all = metrics.durations_by(
            "messaging_process_duration_seconds",
            "From taking a record to the handler's answer, or to the reason why there is none",
            &PROCESS_LABELS,
            // The two ends that are no dead letters.
            MAX_REASONS + 2,
        );
        let of = |error: &str| all.of(&["kafka", "process", source.request_topic, source.group_id, error]);
        Self {
            answered: of(""),
            rejected: of("rejected"),
            request_topic: source.request_topic.to_owned(),
            group_id: source.group_id.to_owned(),
            all,
        }
    }

    /// A handler answered, after so long.
    pub(crate) fn answered(&self, took: Duration) {
        self.answered.observe(took);
    }

    /// It did so with an error for the caller.
    pub(crate) fn rejected(&self, took: Duration) {
        self.rejected.observe(took);
    }

    /// There is no answer, after so long, for this reason.
    pub(crate) fn failed(&self, reason: &str, took: Duration) {
        self.all.of(&["kafka", "process", &self.request_topic, &self.group_id, reason]).observe(took);
    }
}
