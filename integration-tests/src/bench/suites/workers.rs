//! Suite `workers`: one, two and three workers with a handler that takes its time, each number on topics of its own.

use anyhow::Result;

use crate::bench::comparison::Comparison;
use crate::bench::rounds::{Contender, compare};
use crate::bench::session::Session;
use crate::bench::stack::{Programs, Stack};

/// Requests in flight: so many that no handler of three workers ever waits for one.
const IN_FLIGHT: usize = 128;

/// As many as there are partitions.
pub const MOST: usize = 3;

/// The name of the series with so many workers.
pub fn series(workers: usize) -> String {
    if workers == 1 { "1 worker".to_owned() } else { format!("{workers} workers") }
}

/// Measures them in turns.
///
/// # Errors
/// They do not start.
pub async fn measure(session: &Session<'_>) -> Result<Comparison> {
    let mut stacks: Vec<Stack> = Vec::new();
    for workers in 1..=MOST {
        let name = format!("workers-{workers}");
        stacks.push(session.start_stack(&name, 1, workers, Programs::Slow).await?);
    }
    let targets: Vec<_> =
        stacks.iter().enumerate().map(|(before, stack)| stack.target(&series(before + 1))).collect();
    let contenders: Vec<_> = targets.iter().map(Contender::Http).collect();
    let load = session.load(IN_FLIGHT, session.options.payload);
    Ok(compare("slow handlers", &contenders, &load, session.options.rounds).await)
}
