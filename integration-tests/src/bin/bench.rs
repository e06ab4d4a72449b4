//! Measures the stack against what its parts cost by themselves, in one run. `--help` says how.

// Layouts of futures inside futures, down to the sockets.
#![recursion_limit = "256"]

use std::net::TcpListener;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser as _, ValueEnum as _};
use integration_tests::bench::child::{PLAIN_PORT_VARIABLE, ROLE_VARIABLE, Role};
use integration_tests::bench::machine::{self, Machine};
use integration_tests::bench::options::Options;
use integration_tests::bench::progress::say;
use integration_tests::bench::report::Report;
use integration_tests::bench::session::Session;
use integration_tests::bench::{goals, plain, plot, slow};
use integration_tests::broker::{IMAGE, TestBroker};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

/// As a shell reports a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

// The services' own allocator, so that what is measured is what ships.
#[global_allocator]
static ALLOCATOR: allocator::Allocator = allocator::Allocator;

fn main() -> ExitCode {
    let ended = match std::env::var(ROLE_VARIABLE) {
        Ok(role) => serve(&role),
        Err(_) => bench(),
    };
    ended.unwrap_or_else(|error| {
        say(&format!("{error:#}"));
        ExitCode::FAILURE
    })
}

fn bench() -> Result<ExitCode> {
    let options = Options::parse();
    if let Err(error) = options.check() {
        Options::command().error(ErrorKind::ArgumentConflict, error).exit();
    }
    if machine::is_debug_build() {
        say("a debug build measures nothing worth knowing; build with --release");
    }
    // One thread, so that the driver takes one core at most.
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run(&options))
}

/// Everything that was started has ended when this returns.
async fn run(options: &Options) -> Result<ExitCode> {
    // From here on, so that an interrupt meets nothing half started.
    let mut interrupts = signal(SignalKind::interrupt())?;
    let mut terminations = signal(SignalKind::terminate())?;
    let (broker, told) = start_broker(&options.broker).await?;
    let machine = Machine::here(told);
    let session = Session::new(options, broker.bootstrap());
    // Boxed, because the compiler gives up on futures that are nested more deeply.
    let measured = tokio::select! {
        measured = Box::pin(session.measure()) => Some(measured),
        _ = interrupts.recv() => None,
        _ = terminations.recv() => None,
    };
    session.delete_topics().await;
    drop(session);
    drop(broker);
    let Some(findings) = measured else {
        say("interrupted; everything that was started has ended");
        return Ok(ExitCode::from(INTERRUPTED));
    };
    let findings = findings?;
    let goals = goals::judge(options, &findings);
    let report = Report { options, machine: &machine, findings: &findings, goals: &goals };
    write(options, &report)?;
    Ok(if findings.failures().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The broker, and what is known of it.
async fn start_broker(choice: &str) -> Result<(TestBroker, String)> {
    Ok(match choice {
        "embedded" => (TestBroker::embedded().await?, "embedded, in memory and inside the bench".to_owned()),
        "container" => {
            say("starting Apache Kafka in a container");
            let broker = TestBroker::container().await?;
            (broker, format!("Apache Kafka {} in a container on this machine", IMAGE.1))
        }
        address => {
            let broker = TestBroker::foreign(address.to_owned());
            let told = machine::told_by_broker(broker.kafka().config()).await.context("the broker")?;
            (broker, format!("{address} ({told})"))
        }
    })
}

#[expect(clippy::print_stdout, reason = "the report is what a person runs this program for")]
fn write(options: &Options, report: &Report<'_>) -> Result<()> {
    println!("{}", report.markdown());
    if let Some(file) = &options.json {
        std::fs::write(file, report.json()?).with_context(|| format!("cannot write {}", file.display()))?;
        say(&format!("every round's figures are in {}", file.display()));
    }
    if let Some(file) = &options.plot {
        let Some(svg) = plot::svg(report.findings) else {
            say("nothing was measured under load: there is nothing to plot");
            return Ok(());
        };
        std::fs::write(file, svg).with_context(|| format!("cannot write {}", file.display()))?;
        say(&format!("latency percentiles are drawn in {}", file.display()));
    }
    Ok(())
}

fn serve(role: &str) -> Result<ExitCode> {
    match Role::from_str(role, true) {
        Ok(Role::Gateway) => Ok(api_gateway::main()),
        Ok(Role::Processor) => Ok(hash_processor::main()),
        Ok(Role::Slow) => Ok(slow::main()),
        Ok(Role::Plain) => {
            let port: u16 = std::env::var(PLAIN_PORT_VARIABLE)?.parse()?;
            plain::serve(TcpListener::bind(("127.0.0.1", port))?)?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => bail!("{error}"),
    }
}
