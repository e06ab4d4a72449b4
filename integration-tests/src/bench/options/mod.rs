//! The command line.

mod values;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::{Parser, ValueEnum};

pub use values::{Rival, Variant};
use values::{folder, in_flight, payload, seconds, setting};

use super::comparison::{FLOOR, OURS, PLAIN};
use super::suites::{fairness, idle, payloads, secured, workers};

/// Requests in flight at which CPU time is judged, and at which our figures are compared with another build's.
pub const CPU_IN_FLIGHT: usize = 256;
/// Requests in flight at which memory is judged.
pub const MEMORY_IN_FLIGHT: usize = 1024;

/// Measures requests/s, latency, CPU and memory of gateway and worker beside what their parts cost by themselves.
#[derive(Debug, Parser)]
#[command(name = "bench", version, after_help = include_str!("help.txt"))]
pub struct Options {
    /// `embedded` (in memory, inside the bench), `container` (Apache Kafka in Docker), or `HOST:PORT` of a broker
    /// that runs; topics that the bench makes there are deleted at the end.
    #[arg(long, default_value = "embedded", value_name = "BROKER")]
    pub broker: String,
    /// What to measure, see below.
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "latency,throughput",
        value_name = "SUITES"
    )]
    pub suite: Vec<Suite>,
    /// Numbers of requests in flight, each on a connection of its own.
    #[arg(long, value_delimiter = ',', default_value = "1,64,256,1024", value_name = "NUMBERS",
        value_parser = in_flight)]
    pub in_flight: Vec<usize>,
    /// Seconds that each measurement takes, after its warm-up.
    #[arg(long, default_value = "4", value_name = "SECONDS", value_parser = seconds)]
    pub seconds: Duration,
    /// Seconds of warm-up before each measurement [default: a quarter of --seconds].
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub warm_up: Option<Duration>,
    /// How often everything is measured in turns.
    #[arg(long, default_value_t = 3, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub rounds: u32,
    /// Bytes of `data` in each request; 64 KiB and more with many in flight needs memory for as much.
    #[arg(long, default_value_t = 100, value_name = "BYTES", value_parser = payload)]
    pub payload: usize,
    /// Measures another gateway beside ours, as NAME=URL or URL; `http` only, path `/hash` unless it has one. Its
    /// worker, broker and topics are yours to start. May be given more than once. The names `prototype` and
    /// `container` have goals.
    #[arg(long, value_name = "NAME=URL")]
    pub gateway: Vec<Rival>,
    /// Measures another pair of ours beside the first, as NAME=FOLDER,KEY=VALUE,…: `api-gateway` and `hash-processor`
    /// from that folder, or this program's own where it is empty, with these settings. May be given more than once.
    /// The names `musl`, `traces` and `container` have goals.
    #[arg(long, value_name = "NAME=FOLDER,KEY=VALUE,…")]
    pub stack: Vec<Variant>,
    /// Takes our gateway and worker from `api-gateway` and `hash-processor` in this folder [default: this program in
    /// their roles, which holds a few MiB more].
    #[arg(long, value_name = "FOLDER", value_parser = folder)]
    pub programs: Option<PathBuf>,
    /// A setting of our gateway and worker, by the name of its environment variable. May be given more than once.
    /// Nothing is taken from the bench's own environment.
    #[arg(long, value_name = "KEY=VALUE", value_parser = setting)]
    pub set: Vec<(String, String)>,
    /// Writes every round's figures to this file.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Draws the latency percentiles of each series to this file, legible on light and on dark ground.
    #[arg(long, value_name = "FILE.svg")]
    pub plot: Option<PathBuf>,
}

/// A group of figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
#[expect(missing_docs, reason = "the help says it once")]
pub enum Suite {
    Latency,
    Throughput,
    Cpu,
    Memory,
    Idle,
    Payloads,
    Sharing,
    Workers,
    Fairness,
    Secured,
    All,
}

impl Options {
    /// Whether `suite` was asked for.
    pub fn wants(&self, suite: Suite) -> bool {
        // Only in a container is there a Kafka with both kinds of listeners.
        let of_all = suite != Suite::Secured || self.in_container();
        self.suite.contains(&suite) || self.suite.contains(&Suite::All) && of_all
    }

    fn in_container(&self) -> bool {
        self.broker == "container"
    }

    /// The numbers of requests in flight that the suites need.
    pub fn loads(&self) -> BTreeSet<usize> {
        let asked = self.in_flight.iter().copied();
        let asked = asked.filter(|n| self.wants(if *n == 1 { Suite::Latency } else { Suite::Throughput }));
        let cpu = self.wants(Suite::Cpu).then_some(CPU_IN_FLIGHT);
        let memory = self.wants(Suite::Memory).then_some(MEMORY_IN_FLIGHT);
        asked.chain(cpu).chain(memory).collect()
    }

    /// Checks what no single option can.
    ///
    /// # Errors
    /// Two series would have one name, or a suite needs another broker.
    pub fn check(&self) -> Result<()> {
        let secured = self.suite.contains(&Suite::Secured);
        ensure!(!secured || self.in_container(), "the suite secured needs --broker container");
        let others = self.stack.iter().map(|stack| &stack.name).chain(self.gateway.iter().map(|it| &it.name));
        let mut names: BTreeSet<&str> = [FLOOR, PLAIN, OURS].into();
        for name in others {
            ensure!(names.insert(name), "two series are called {name}");
        }
        Ok(())
    }

    /// About how long the measuring takes.
    pub fn expected(&self) -> Duration {
        let servers = 2 + self.stack.len() + self.gateway.len();
        let loads: usize = self.loads().iter().map(|in_flight| servers + usize::from(*in_flight == 1)).sum();
        let turns = [
            (true, loads),
            (self.wants(Suite::Payloads), payloads::BODIES_KIB.len() * (servers + 1)),
            (self.wants(Suite::Sharing), 2),
            (self.wants(Suite::Workers), workers::MOST),
            (self.wants(Suite::Fairness), fairness::TURNS),
            (self.wants(Suite::Secured), secured::TURNS),
        ];
        let turns: usize = turns.iter().filter(|(wanted, _)| *wanted).map(|(_, turns)| turns).sum();
        let turns = (self.seconds + self.warm_up()) * u32::try_from(turns).unwrap_or(u32::MAX);
        let idle = if self.wants(Suite::Idle) { idle::LOOK } else { Duration::ZERO };
        (turns + idle) * self.rounds
    }

    /// Driven and not measured, before each measurement.
    pub fn warm_up(&self) -> Duration {
        self.warm_up.unwrap_or(self.seconds / 4)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn options(arguments: &[&str]) -> Options {
        Options::try_parse_from(std::iter::once(&"bench").chain(arguments)).unwrap()
    }

    #[test]
    fn the_command_line_is_consistent() {
        Options::command().debug_assert();
    }

    #[test]
    fn the_default_is_latency_and_throughput() {
        let loads = options(&[]).loads();
        assert_eq!(loads.into_iter().collect::<Vec<_>>(), [1, 64, 256, 1024]);
    }

    #[test]
    fn suites_choose_the_loads() {
        assert_eq!(options(&["--suite", "cpu"]).loads(), [256].into());
        assert_eq!(options(&["--suite", "latency,memory", "--in-flight", "1,64"]).loads(), [1, 1024].into());
        assert_eq!(options(&["--suite", "payloads"]).loads(), [].into());
        assert_eq!(options(&["--suite", "all", "--in-flight", "64"]).loads(), [64, 256, 1024].into());
    }

    #[test]
    fn the_time_that_it_takes_is_known_before() {
        let seconds = |arguments: &[&str]| options(arguments).expected().as_secs();
        // Two rounds of three turns of 4 + 1 s.
        assert_eq!(seconds(&["--rounds", "2", "--in-flight", "1"]), 30);
        assert_eq!(seconds(&["--rounds", "1", "--suite", "idle"]), 10);
        assert_eq!(seconds(&["--rounds", "1", "--suite", "workers", "--warm-up", "2"]), 18);
    }

    #[test]
    fn the_secured_suite_is_for_a_container() {
        assert!(options(&["--suite", "secured"]).check().is_err());
        assert!(options(&["--suite", "secured", "--broker", "container"]).check().is_ok());
        assert!(!options(&["--suite", "all"]).wants(Suite::Secured));
        assert!(options(&["--suite", "all", "--broker", "container"]).wants(Suite::Secured));
    }

    #[test]
    fn each_series_has_a_name_of_its_own() {
        assert!(options(&["--stack", "a=/", "--gateway", "b=http://h"]).check().is_ok());
        assert!(options(&["--stack", "a=/", "--gateway", "a=http://h"]).check().is_err());
        assert!(options(&["--gateway", "HTTP alone=http://h"]).check().is_err());
    }
}
