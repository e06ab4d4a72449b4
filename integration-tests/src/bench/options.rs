//! The command line.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use clap::{Parser, ValueEnum};

use super::rounds::{FLOOR, OURS, PLAIN};
use super::suites::{idle, payloads, workers};

/// Requests in flight at which CPU time is judged, and at which our figures are compared with another build's.
pub const CPU_IN_FLIGHT: usize = 256;
/// Requests in flight at which memory is judged.
pub const MEMORY_IN_FLIGHT: usize = 1024;

const EXAMPLES: &str = "\
SUITES
  latency      1 in flight: p50 and p99 beside the broker alone and HTTP alone
  throughput   requests/s and latency at each of --in-flight above 1, beside HTTP alone
  cpu          CPU seconds of gateway plus worker for 10,000 requests at 256 in flight, beside HTTP alone
  memory       resident memory of gateway and worker, idle and at 1,024 in flight
  idle         CPU of gateway and worker with nothing to do
  payloads     bodies of 1 to 512 KiB with 1 in flight, beside the broker alone with the same bytes
  sharing      6 gateways on one response topic of 3 partitions, beside one gateway
  workers      1, 2 and 3 workers on 3 partitions with a handler that takes 5 ms
  all          all of these

SERIES
  broker alone        a bare request and reply over two topics, with the records that the stack would write
  HTTP alone          the same HTTP server hashing by itself
  gateway and worker  this project, each service in a process of its own
  others              of --stack and --gateway

Everything that is compared is measured in turns, --rounds times; each figure is the median of its rounds with the
smallest and largest beside it, each ratio that of the rounds' own ratios. The hash of every answer is verified.
Gateway, worker and others idle while it is not their turn. Broker and load run on the same machine unless you say
otherwise, and share its cores with what is measured.

The report goes to stdout as Markdown, progress to stderr. Exit status: 0 if everything was measured (whether or
not the goals are met), 1 if something failed, 130 after Ctrl-C, which ends all that was started.

EXAMPLES
  bench                                            latency and throughput on the embedded broker, in a minute or two
  bench --broker container --suite all --programs target/release
                                                   everything, on Apache Kafka in a container, of the programs that ship
  bench --broker localhost:9092 --in-flight 1,64 --seconds 10 --rounds 5 --json now.json --plot now.svg
  bench --stack before=/tmp/before/release         beside another build of ours
  bench --stack shards=,SERVICE_1_SHARDS=2         beside the same build, set otherwise
  bench --gateway spring=http://localhost:8080/hash   beside any gateway that speaks the same HTTP";

/// Measures requests/s, latency, CPU and memory of gateway and worker beside what their parts cost by themselves.
#[derive(Debug, Parser)]
#[command(name = "bench", version, after_help = EXAMPLES)]
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
    All,
}

impl Options {
    /// Whether `suite` was asked for.
    pub fn wants(&self, suite: Suite) -> bool {
        self.suite.contains(&suite) || self.suite.contains(&Suite::All)
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
    /// Two series would have one name.
    pub fn check(&self) -> Result<()> {
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

/// Another gateway that is driven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rival {
    /// What the report calls it.
    pub name: String,
    /// `host:port`.
    pub address: String,
    /// The path that is posted to.
    pub path: String,
}

impl FromStr for Rival {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        // A URL may have an equals sign, too, but not before its scheme.
        let (name, url) = match text.split_once('=') {
            Some((name, url)) if !name.contains("://") => (name, url),
            _ => ("", text),
        };
        let rest = url.strip_prefix("http://").context("expected [NAME=]http://HOST[:PORT][/PATH]")?;
        let (host, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
        ensure!(!host.is_empty(), "the URL has no host");
        let address = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
        let path = if matches!(path, "" | "/") { "/hash" } else { path };
        let name = if name.is_empty() { address.clone() } else { name.to_owned() };
        Ok(Self { name, address, path: path.to_owned() })
    }
}

/// Another pair of ours that is driven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// What the report calls it.
    pub name: String,
    /// Where its programs are; this program's own if there is none.
    pub folder: Option<PathBuf>,
    /// Its settings, by environment variable.
    pub settings: Vec<(String, String)>,
}

impl FromStr for Variant {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, rest) = text.split_once('=').context("expected NAME=FOLDER,KEY=VALUE,…")?;
        let mut parts = rest.split(',');
        let folder = match parts.next() {
            None | Some("") => None,
            Some(path) => Some(folder(path)?),
        };
        let settings = parts.map(setting).collect::<Result<Vec<_>>>()?;
        ensure!(!name.is_empty(), "the pair needs a name");
        if folder.is_none() && settings.is_empty() {
            bail!("neither folder nor setting: this pair would be the first one again");
        }
        Ok(Self { name: name.to_owned(), folder, settings })
    }
}

/// Absolute: programs are started in another working directory.
fn folder(path: &str) -> Result<PathBuf> {
    std::fs::canonicalize(path).with_context(|| format!("no folder {path}"))
}

fn setting(text: &str) -> Result<(String, String)> {
    let (key, value) = text.split_once('=').context("expected KEY=VALUE")?;
    ensure!(!key.is_empty(), "the setting has no name");
    Ok((key.to_owned(), value.to_owned()))
}

fn seconds(text: &str) -> Result<Duration> {
    let seconds = Duration::try_from_secs_f64(text.parse()?)?;
    ensure!(
        (Duration::from_millis(50)..=Duration::from_secs(3600)).contains(&seconds),
        "expected 0.05 to 3600 seconds"
    );
    Ok(seconds)
}

fn in_flight(text: &str) -> Result<usize> {
    let number = text.parse()?;
    ensure!((1..=10_000).contains(&number), "expected 1 to 10000 requests");
    Ok(number)
}

fn payload(text: &str) -> Result<usize> {
    let bytes = text.parse()?;
    // What the gateway takes, less `{"data":""}`.
    ensure!(bytes <= api_gateway::MAX_BODY_BYTES - 11, "the gateway takes no such body");
    Ok(bytes)
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
    fn each_series_has_a_name_of_its_own() {
        assert!(options(&["--stack", "a=/", "--gateway", "b=http://h"]).check().is_ok());
        assert!(options(&["--stack", "a=/", "--gateway", "a=http://h"]).check().is_err());
        assert!(options(&["--gateway", "HTTP alone=http://h"]).check().is_err());
    }

    #[test]
    fn a_gateway_may_have_a_name_and_a_path() {
        let rival = |text: &str| {
            let Rival { name, address, path } = text.parse().unwrap();
            (name, address, path)
        };
        let expected = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
        assert_eq!(rival("http://h:81/"), expected("h:81", "h:81", "/hash"));
        assert_eq!(rival("a=http://h/x?y=1"), expected("a", "h:80", "/x?y=1"));
        assert_eq!(rival("http://h/x?y=1"), expected("h:80", "h:80", "/x?y=1"));
        for wrong in ["", "a=", "https://h", "http://", "a=b"] {
            assert!(wrong.parse::<Rival>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_pair_has_a_folder_or_settings() {
        let variant: Variant = "shards=,SERVICE_1_SHARDS=2".parse().unwrap();
        assert_eq!(variant.folder, None);
        assert_eq!(variant.settings, [("SERVICE_1_SHARDS".to_owned(), "2".to_owned())]);
        assert_eq!("old=/".parse::<Variant>().unwrap().folder, Some(PathBuf::from("/")));
        for wrong in ["", "x", "x=", "=/", "x=/does/not/exist", "x=/,KEY"] {
            assert!(wrong.parse::<Variant>().is_err(), "{wrong}");
        }
    }
}
