//! What a run is made with.

use std::path::PathBuf;
use std::time::Duration;

use kafka_protocol::records::Compression;

use super::faults::{ALL, Kind, Row};
use super::site::Choice;

/// Everything that decides how a run goes, but for chance and the machine.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Decides which fault comes when, and whom it meets.
    pub seed: u64,
    /// How long calls are made.
    pub length: Duration,
    /// Gateways to begin with.
    pub gateways: usize,
    /// Workers to begin with.
    pub workers: usize,
    /// Partitions of request and response topic to begin with.
    pub partitions: i32,
    /// Calls a second.
    pub per_second: u32,
    /// On which broker.
    pub broker: Choice,
    /// Which faults.
    pub kinds: Vec<Kind>,
    /// Codecs of the caller that writes to Kafka by itself, in turn; without any there is no such caller.
    pub codecs: Vec<Compression>,
    /// How long the first rebalance of a group waits for more members.
    pub initial_rebalance_delay: Duration,
    /// By how much clocks are apart.
    pub skew_ms: i64,
    /// Where the processes' logs go if something is wrong.
    pub logs: PathBuf,
}

/// The faults that can be made on `broker`.
pub fn possible(broker: &Choice) -> impl Iterator<Item = &'static Row> {
    ALL.iter().filter(|row| broker.offers(row.needs))
}
