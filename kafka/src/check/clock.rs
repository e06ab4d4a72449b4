//! Do the clocks agree? Kafka has no clock to ask for, but its records are dated: by those who wrote them, or by the
//! broker. One from the future shows that somebody's clock is ahead of ours. Nothing shows that one is behind.

use chrono::Utc;

use super::{Existing, Report};
use crate::{Kafka, log_ends::newest_timestamp};

/// Clocks that are this close agree: what is measured includes the way to the broker.
const TOLERANCE_MS: i64 = 1_000;

pub(super) async fn look(kafka: &Kafka, topics: &[Existing], report: &mut Report<'_>) {
    let mut newest = None;
    for topic in topics {
        // Whoever may not ask, or asks a broker that cannot tell, learns nothing here: that is no finding.
        let found = newest_timestamp(kafka, &topic.name, &topic.partitions).await.ok().flatten();
        newest = newest.max(found.map(|timestamp_ms| (timestamp_ms, topic.name.as_str())));
    }
    let Some((timestamp_ms, topic)) = newest else { return };
    let ahead_ms = timestamp_ms - Utc::now().timestamp_millis();
    if ahead_ms > TOLERANCE_MS {
        let text = format!(
            "the newest record of {topic} is dated {ahead_ms} ms ahead of this host's clock: one of the two is wrong; \
             look after NTP (deadlines are set by one host and judged by another)"
        );
        report.warn("clock", text);
    } else {
        report.ok("clock", "no record is dated ahead of this host's clock");
    }
}
