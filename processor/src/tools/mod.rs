//! What a person on call does with the worker's topics and group, from the command line:
//!
//! ```text
//!   hash-processor dead-letters list | show | replay     records that were given up
//!                  offsets show | reset                  where the group goes on
//!                  check                                 is the cluster as a worker needs it?
//! ```
//!
//! What changes anything shows first what it would do, and does it only with `--yes`. Results go to stdout, the rest to
//! stderr. Nothing here runs inside a worker.

mod check;
mod dead_letters;
mod escape;
mod moment;
mod offsets;
mod session;

use service::Command;
use service::settings::ProcessorSettings;

/// Settings that decide what each command looks at, for its help.
const OF_DEAD_LETTERS: &[&str] = &["KAFKA_BROKERS", "KAFKA_REQUEST_TOPIC", "KAFKA_TIMEOUT"];
const OF_OFFSETS: &[&str] = &["KAFKA_BROKERS", "KAFKA_REQUEST_TOPIC", "SERVICE_2_GROUP_ID", "KAFKA_TIMEOUT"];
const OF_CHECK: &[&str] = &[
    "KAFKA_BROKERS",
    "KAFKA_REQUEST_TOPIC",
    "KAFKA_RESPONSE_TOPIC",
    "KAFKA_TIMEOUT",
    "KAFKA_PARTITIONS",
    "KAFKA_CREATE_TOPICS",
    "SERVICE_2_GROUP_ID",
];

/// All of them.
pub(crate) fn commands() -> Vec<Command<ProcessorSettings>> {
    vec![dead_letters::commands(), offsets::commands(), check::command()]
}

/// So many of something: `1 record`, `3 records`.
fn counted(count: impl TryInto<i64>, what: &str) -> String {
    match count.try_into().unwrap_or(i64::MAX) {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    }
}
