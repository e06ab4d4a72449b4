//! Drives the stack through faults and judges whether it kept its guarantees; `--help` tells how.

// Layouts of futures inside futures, down to the sockets.
#![recursion_limit = "256"]

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser as _;
use integration_tests::bench::machine::Machine;
use integration_tests::programs;
use integration_tests::soak::options::Options;
use integration_tests::soak::plan::Plan;
use integration_tests::soak::run::run;
use integration_tests::soak::settings::Settings;

// The services' own allocator: this program plays them, too.
#[global_allocator]
static ALLOCATOR: allocator::Allocator = allocator::Allocator;

fn main() -> Result<ExitCode> {
    if let Some(status) = programs::play() {
        return Ok(status);
    }
    let options = Options::parse();
    let settings = match options.settings() {
        Ok(settings) => settings,
        Err(error) => {
            say(&format!("{error:#}"));
            return Ok(ExitCode::from(2));
        }
    };
    if options.list_faults {
        say(&options.faults());
        return Ok(ExitCode::SUCCESS);
    }
    let plan = Plan::of(settings.seed, settings.length, &settings.kinds);
    say(&header(&settings, &plan));
    if options.print_plan {
        return Ok(ExitCode::SUCCESS);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let report = runtime.block_on(run(&settings, &plan, say))?;
    say(&format!("\n{report}"));
    if let Some(file) = &options.json {
        std::fs::write(file, report.json(settings.seed).to_string())?;
    }
    if let Some(file) = &options.markdown {
        std::fs::write(file, report.table.markdown().to_string())?;
    }
    if report.is_good() {
        return Ok(ExitCode::SUCCESS);
    }
    say(&format!("logs of all processes are in {}", settings.logs.display()));
    Ok(ExitCode::FAILURE)
}

fn header(settings: &Settings, plan: &Plan) -> String {
    let Machine { began, build, hardware, load_average, broker } =
        Machine::here(format!("{:?}", settings.broker));
    let Settings { seed, gateways, workers, partitions, per_second, codecs, skew_ms, .. } = settings;
    format!(
        "soak, seed {seed}, {began}\n\
         {build}; {hardware}; load {load_average}\n\
         broker {broker}, first rebalances wait {} ms\n\
         {:.1} min, {gateways} gateways, {workers} workers, {partitions} partitions, {per_second} calls/s; \
         by hand on Kafka, compressed: {codecs:?}; clocks {skew_ms} ms ahead or behind\n\
         settings of gateways and workers: the product's defaults, but for names, addresses and ports\n\n{plan}",
        settings.initial_rebalance_delay.as_millis(),
        settings.length.as_secs_f64() / 60.0,
    )
}

#[expect(clippy::print_stdout, reason = "this is what a person runs this program for")]
fn say(line: &str) {
    println!("{line}");
}
