//! Suites `idle` and `memory`: gateway and worker with nothing to do, right after their start.

use std::time::Duration;

use anyhow::Result;

use crate::bench::findings::Idle;
use crate::bench::options::{Options, Suite};
use crate::bench::progress::say;
use crate::bench::rounds::{Target, watch};

/// One look, long enough that the accounting's 10 ms are a tenth of a percent.
pub const LOOK: Duration = Duration::from_secs(10);

/// Where only memory is asked for.
const GLANCE: Duration = Duration::from_secs(2);

/// Watches the processes of `ours`.
///
/// # Errors
/// One of them is gone.
pub async fn measure(options: &Options, ours: &Target) -> Result<Option<Idle>> {
    let (span, rounds) = if options.wants(Suite::Idle) {
        (LOOK, options.rounds)
    } else if options.wants(Suite::Memory) {
        (GLANCE, 1)
    } else {
        return Ok(None);
    };
    let mut looks = Vec::new();
    for round in 1..=rounds {
        say(&format!("idle, round {round} of {rounds}"));
        looks.push(watch(&ours.processes, span).await?);
    }
    Ok(Some(Idle { seconds: span.as_secs_f64(), looks }))
}
