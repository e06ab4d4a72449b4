//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::Parser;
use kafka_protocol::records::Compression;

use super::by_hand::CODECS;
use super::faults::Kind;
use super::settings::{Settings, possible};
use super::site::Choice;

/// Drives gateways and workers through faults for some minutes, and judges by what every caller was told and by every
/// record in Kafka whether the stack kept its guarantees.
///
/// Gateways and workers are processes of their own with the product's default settings. Calls are made at a steady rate,
/// whatever becomes of them; a fault comes every few seconds, alone or with another one, from a plan that the seed
/// decides. At the end stands the verdict on the guarantees G1 to G7. Exit status: 0 if all hold, 1 if one is broken or a
/// fault could not be made, 2 for a bad option.
#[derive(Debug, Parser)]
#[command(name = "soak", version)]
pub struct Options {
    /// How long calls are made.
    #[arg(long, default_value_t = 10.0, value_name = "MINUTES")]
    minutes: f64,
    /// Decides which fault comes when and whom it meets; without it one is chosen and printed.
    #[arg(long)]
    seed: Option<u64>,
    /// Gateways to begin with.
    #[arg(long, default_value_t = 3, value_name = "COUNT")]
    gateways: usize,
    /// Workers to begin with.
    #[arg(long, default_value_t = 3, value_name = "COUNT")]
    workers: usize,
    /// Partitions of request and response topic to begin with.
    #[arg(long, default_value_t = 3, value_name = "COUNT")]
    partitions: i32,
    /// Calls a second.
    #[arg(long, default_value_t = 200, value_name = "RATE")]
    rps: u32,
    /// `embedded`, `container` (Apache Kafka in Docker), or the address of a broker that runs and stays as it is: then
    /// faults of processes, topics and groups are made, and none of the broker.
    #[arg(long, default_value = "embedded", value_name = "BROKER")]
    broker: String,
    /// Nodes of Apache Kafka in containers; from three on, one is lost now and then.
    #[arg(long, default_value_t = 1, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=9))]
    nodes: u16,
    /// Only these faults; see --list-faults.
    #[arg(long, value_delimiter = ',', value_name = "NAME,…")]
    faults: Vec<String>,
    /// A caller of its own writes requests straight to Kafka, compressed so: none, gzip, snappy, lz4, zstd; several are
    /// taken in turn. `off`: there is no such caller.
    #[arg(long, value_delimiter = ',', default_value = "gzip,snappy,lz4,zstd", value_name = "CODEC,…")]
    compression: Vec<String>,
    /// How long the first rebalance of a group waits for more members (Kafka's default: 3000).
    #[arg(long, default_value_t = 0, value_name = "MS")]
    initial_rebalance_delay: u64,
    /// Clocks of gateways and workers are wrong by so much, one ahead and the next one behind: a gateway's and a worker's can be
    /// twice as far apart.
    #[arg(long, default_value_t = 0.0, value_name = "SECONDS")]
    skew: f64,
    /// Write verdict, violations and the table of faults to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write the table of faults to this file, as Markdown.
    #[arg(long, value_name = "FILE")]
    pub markdown: Option<PathBuf>,
    /// Where the processes' logs go if something is wrong.
    #[arg(long, default_value = "target/soak", value_name = "FOLDER")]
    logs: PathBuf,
    /// List the faults that can be made on the broker, and do nothing.
    #[arg(long)]
    pub list_faults: bool,
    /// Print the seed's plan, and do nothing.
    #[arg(long)]
    pub print_plan: bool,
}

impl Options {
    /// What the run is made with.
    ///
    /// # Errors
    /// An option has no such value.
    pub fn settings(&self) -> Result<Settings> {
        let broker = self.choice();
        Ok(Settings {
            seed: self.seed.unwrap_or_else(|| uuid::Uuid::new_v4().as_u64_pair().0 >> 32),
            length: Duration::try_from_secs_f64(self.minutes * 60.0)?,
            gateways: self.gateways,
            workers: self.workers,
            partitions: self.partitions,
            per_second: self.rps,
            kinds: self.kinds(&broker)?,
            codecs: self.codecs()?,
            broker,
            initial_rebalance_delay: Duration::from_millis(self.initial_rebalance_delay),
            skew_ms: skew_ms(self.skew)?,
            logs: self.logs.clone(),
        })
    }

    /// The faults that can be made, for a person.
    pub fn faults(&self) -> String {
        let broker = self.choice();
        let mut text = format!("{:<30} {:<9} {:<22} what happens\n", "fault", "lasts", "errors");
        for row in possible(&broker) {
            let lasts = match (row.lasts.start(), row.lasts.end()) {
                (0, 0) => String::new(),
                (from, to) => format!("{from} to {to} s"),
            };
            let errors = match row.bound {
                Some(bound) => format!("at most {bound} s after {:?}", row.since).to_lowercase(),
                None => "none".to_owned(),
            };
            text.push_str(&format!("{:<30} {lasts:<9} {errors:<22} {}\n", row.name, row.about));
        }
        text
    }

    fn choice(&self) -> Choice {
        match self.broker.as_str() {
            "embedded" => Choice::Embedded,
            "container" => Choice::Container(self.nodes),
            address => Choice::Address(address.to_owned()),
        }
    }

    fn codecs(&self) -> Result<Vec<Compression>> {
        let mut codecs = Vec::new();
        for name in self.compression.iter().filter(|name| *name != "off") {
            let Some((_, codec)) = CODECS.iter().find(|(known, _)| known == name) else {
                bail!("there is no compression {name:?}: none, gzip, snappy, lz4, zstd or off");
            };
            codecs.push(*codec);
        }
        Ok(codecs)
    }

    fn kinds(&self, broker: &Choice) -> Result<Vec<Kind>> {
        if self.faults.is_empty() {
            return Ok(possible(broker).map(|row| row.kind).collect());
        }
        let mut kinds = Vec::new();
        for name in &self.faults {
            let Some(row) = possible(broker).find(|row| row.name == name) else {
                bail!("on this broker there is no fault {name:?}; see --list-faults");
            };
            kinds.push(row.kind);
        }
        Ok(kinds)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the range is checked before")]
fn skew_ms(seconds: f64) -> Result<i64> {
    if !(-86_400.0..=86_400.0).contains(&seconds) {
        bail!("clocks cannot be {seconds} s apart: at most a day");
    }
    Ok((seconds * 1e3) as i64)
}
