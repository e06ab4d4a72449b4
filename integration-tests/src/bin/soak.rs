//! Drives the stack through faults and judges whether it kept its guarantees; `--help` tells how.

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser as _;
use integration_tests::bench::report::machine;
use integration_tests::programs;
use integration_tests::soak::options::Options;
use integration_tests::soak::plan::Plan;
use integration_tests::soak::run::run;
use integration_tests::soak::settings::Settings;

// The services' own allocator: this program plays them, too.
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

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
    if report.is_good() {
        return Ok(ExitCode::SUCCESS);
    }
    say(&format!("logs of all processes are in {}", settings.logs.display()));
    Ok(ExitCode::FAILURE)
}

fn header(settings: &Settings, plan: &Plan) -> String {
    format!(
        "soak {} with seed {}: {:.1} min, {} gateways, {} workers, {} partitions, {} calls/s, broker {:?}\n\
         {}\n\
         settings are the product's defaults\n\n{plan}",
        env!("CARGO_PKG_VERSION"),
        settings.seed,
        settings.length.as_secs_f64() / 60.0,
        settings.gateways,
        settings.workers,
        settings.partitions,
        settings.per_second,
        settings.broker,
        machine(),
    )
}

#[expect(clippy::print_stdout, reason = "this is what a person runs this program for")]
fn say(line: &str) {
    println!("{line}");
}
