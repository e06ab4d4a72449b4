//! Rounds: everything that is compared is measured in turns.
//!
//! Each round begins with another contender, so that none is always the one after the loudest.

use std::time::Duration;

use anyhow::{Context as _, Result};

use super::caller::Endpoint;
use super::child::Role;
use super::comparison::{Comparison, FLOOR, Round, Series, Spent};
use super::driver::{Load, drive};
use super::floor::Floor;
use super::progress::say;
use super::usage::{self, Usage};

/// Something with an HTTP interface.
#[derive(Debug, Clone)]
pub struct Target {
    /// What the report calls it.
    pub name: String,
    /// Where it takes requests, each with an equal share of them.
    pub endpoints: Vec<Endpoint>,
    /// Its processes, as far as they are known.
    pub processes: Vec<Process>,
}

/// A process whose CPU time and memory count.
#[derive(Debug, Clone, Copy)]
pub struct Process {
    /// What it is.
    pub role: Role,
    /// Its id.
    pub pid: u32,
}

/// Who takes a turn.
pub enum Contender<'a> {
    /// The broker by itself.
    Floor(&'a Floor),
    /// Whatever speaks HTTP.
    Http(&'a Target),
}

impl Contender<'_> {
    fn name(&self) -> &str {
        match self {
            Self::Floor(_) => FLOOR,
            Self::Http(target) => &target.name,
        }
    }
}

/// Measures `contenders` under `load`, `rounds` times in turns.
pub async fn compare(title: &str, contenders: &[Contender<'_>], load: &Load, rounds: u32) -> Comparison {
    let mut series: Vec<Series> = contenders.iter().map(|contender| Series::new(contender.name())).collect();
    for round in 0..rounds as usize {
        say(&format!("{title}, round {} of {rounds}", round + 1));
        for turn in 0..contenders.len() {
            let turn = (turn + round) % contenders.len();
            let measured = measure(&contenders[turn], load).await;
            series[turn].add(measured);
        }
    }
    Comparison { in_flight: load.in_flight, data_bytes: load.data_bytes, series }
}

async fn measure(contender: &Contender<'_>, load: &Load) -> Result<Round> {
    match contender {
        Contender::Floor(floor) => {
            let sample = floor.measure(load.data_bytes, load.warm_up, load.measure).await?;
            Ok(Round { sample, spent: Vec::new() })
        }
        Contender::Http(target) => {
            let (sample, before, after) = drive(&target.endpoints, load, || look(&target.processes)).await?;
            Ok(Round { sample, spent: spent(&target.processes, &before, &after) })
        }
    }
}

/// What the processes take while `span` passes and nobody drives them.
///
/// # Errors
/// One of them is gone.
pub async fn watch(processes: &[Process], span: Duration) -> Result<Vec<Spent>> {
    let before = look(processes)?;
    tokio::time::sleep(span).await;
    Ok(spent(processes, &before, &look(processes)?))
}

/// What the processes have taken until now.
///
/// # Errors
/// One of them is gone.
pub(super) fn look(processes: &[Process]) -> Result<Vec<Usage>> {
    let of =
        |process: &Process| usage::of_process(process.pid).with_context(|| format!("the {:?}", process.role));
    processes.iter().map(of).collect()
}

/// What they took between two looks.
pub(super) fn spent(processes: &[Process], before: &[Usage], after: &[Usage]) -> Vec<Spent> {
    let of = |((process, before), after): ((&Process, &Usage), &Usage)| Spent {
        role: process.role,
        cpu_seconds: after.cpu.saturating_sub(before.cpu).as_secs_f64(),
        resident_mib: mebibytes(after.resident),
    };
    processes.iter().zip(before).zip(after).map(of).collect()
}

#[expect(clippy::cast_precision_loss, reason = "sizes of memory are far below 2^52")]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_process_that_sleeps_spends_next_to_nothing() {
        let mut sleeper = std::process::Command::new("sleep").arg("30").spawn().unwrap();
        let processes = [Process { role: Role::Plain, pid: sleeper.id() }];
        let spent = watch(&processes, Duration::from_millis(50)).await;
        sleeper.kill().unwrap();
        sleeper.wait().unwrap();
        let spent = spent.unwrap();
        assert!(spent[0].cpu_seconds < 0.05 && spent[0].resident_mib > 0.1, "{spent:?}");
        assert!(watch(&processes, Duration::ZERO).await.is_err(), "it is gone");
    }
}
