//! The services as they ship, in hands that need more of them than callers do: a clock that is wrong, and a handler that
//! takes its time.
//!
//! | Variable | |
//! |---|---|
//! | `TEST_CLOCK_SKEW_MS` | milliseconds that the process's wall clock is ahead (negative: behind) |
//! | `TEST_HANDLER` | `short` (the default, as it ships: on the worker's own loop) or `heavy` (on its pool) |
//!
//! The worker's `hash` honours data that begins with an order, and hashes all of it as always: `burn 250 …` first keeps
//! a core busy for 250 ms, `pause 250 …` sleeps as long.

mod orphan;
mod slow_hash;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use api_gateway::Gateway;
use chrono::TimeDelta;
use hash_processor::{Cost, Processor};
use service::settings::catalogue::Service;
use service::settings::{GatewaySettings, ProcessorSettings};
use service::{Program, WallClock};

/// Says which service a program that can be several is to be; the names are those of the bins.
pub const ROLE_VARIABLE: &str = "TEST_PROGRAM";
/// Milliseconds that a process's wall clock is ahead.
pub const SKEW_VARIABLE: &str = "TEST_CLOCK_SKEW_MS";
/// Where the worker's handler runs.
pub const HANDLER_VARIABLE: &str = "TEST_HANDLER";

/// Data that makes a worker keep a core busy for `duration` before it hashes it.
pub fn burn(duration: Duration, data: &str) -> String {
    format!("burn {} {data}", duration.as_millis())
}

/// Data that makes a worker wait for `duration` before it hashes it.
pub fn pause(duration: Duration, data: &str) -> String {
    format!("pause {} {data}", duration.as_millis())
}

/// Plays the service that the environment names; none if it names none.
pub fn play() -> Option<ExitCode> {
    match std::env::var(ROLE_VARIABLE).ok()?.as_str() {
        "test-gateway" => Some(gateway()),
        "test-processor" => Some(processor()),
        _ => None,
    }
}

/// The gateway's program.
pub fn gateway() -> ExitCode {
    orphan::end_with_parent();
    let program = Program {
        service: Service::Gateway,
        version: env!("CARGO_PKG_VERSION"),
        about: "The gateway, for tests that kill it",
    };
    service::main(&program, &[], |settings: GatewaySettings, shutdown| {
        Gateway::bind_with(settings, clock()?)?.run(&shutdown)
    })
}

/// The processor's program.
pub fn processor() -> ExitCode {
    orphan::end_with_parent();
    let program = Program {
        service: Service::Processor,
        version: env!("CARGO_PKG_VERSION"),
        about: "The processor, for tests that kill it",
    };
    service::main(&program, &[], |settings: ProcessorSettings, shutdown| {
        let operations = slow_hash::operations(cost()?);
        Processor::bind_with(settings, operations, clock()?)?.run(&shutdown)
    })
}

fn clock() -> Result<WallClock> {
    let Ok(skew) = std::env::var(SKEW_VARIABLE) else { return Ok(WallClock::system()) };
    let ms = skew.parse().with_context(|| format!("{SKEW_VARIABLE}: {skew:?} is no number"))?;
    Ok(WallClock::skewed(TimeDelta::milliseconds(ms)))
}

fn cost() -> Result<Cost> {
    match std::env::var(HANDLER_VARIABLE).unwrap_or_default().as_str() {
        "" | "short" => Ok(Cost::Short),
        "heavy" => Ok(Cost::Heavy),
        other => anyhow::bail!("{HANDLER_VARIABLE}: {other:?} is neither short nor heavy"),
    }
}

/// Keeps a core busy.
fn spin(duration: Duration) {
    let begin = Instant::now();
    while begin.elapsed() < duration {
        std::hint::spin_loop();
    }
}
