//! Broker, processors and gateways in one process: the whole stack for local use, without Docker.

mod stack;

use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use service::Shutdown;
use service::settings::LogSettings;

use crate::stack::Stack;

/// Runs an in-memory Kafka broker, processors and gateways in one process until Ctrl-C. Nothing is kept on disk.
#[derive(Debug, Parser)]
#[command(name = "devstack", version)]
pub(crate) struct Options {
    /// Gateways to run. Gateway N listens on the first port + N - 1.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=50))]
    gateways: u16,
    /// Processors to run.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(0..=50))]
    processors: u16,
    /// Partitions of the topics.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(i32).range(1..=100))]
    partitions: i32,
    /// Run only the broker, for services that are started by hand.
    #[arg(long)]
    broker_only: bool,
    /// Port of the broker.
    #[arg(long, default_value_t = 9092)]
    broker_port: u16,
    /// Port of the first gateway.
    #[arg(long, default_value_t = 3001)]
    first_port: u16,
}

impl Options {
    fn broker_address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.broker_port).into()
    }
}

#[expect(clippy::print_stderr, reason = "this program speaks to a person")]
fn main() -> ExitCode {
    let options = Options::parse();
    service::telemetry::log_panics();
    service::telemetry::init(&log_settings());
    match block_on(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("devstack: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// As the services by themselves: the default filter, unless `RUST_LOG` has another.
fn log_settings() -> LogSettings {
    let defaults = LogSettings::default();
    LogSettings { filter: std::env::var("RUST_LOG").unwrap_or(defaults.filter), ..defaults }
}

fn block_on(options: &Options) -> Result<()> {
    let shutdown = Shutdown::on_signals()?;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(run(options, shutdown))
}

#[expect(clippy::print_stdout, reason = "this program speaks to a person")]
async fn run(options: &Options, shutdown: Shutdown) -> Result<()> {
    let stack = Stack::start(options).await?;
    println!("{}", stack.describe());
    tokio::select! {
        () = shutdown.requested() => println!("\nstopping; once more to hurry"),
        () = stack.ended() => shutdown.trigger(),
    }
    stack.stop(&shutdown).await
}
