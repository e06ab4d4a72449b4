//! What is counted while calls end, for the line of progress.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use parking_lot::Mutex;

use crate::checker::Outcome;

/// Counts since the last look, and in all.
pub struct Tally {
    counts: Mutex<Counts>,
}

/// One look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Look {
    /// Calls answered with 200.
    pub answered: u64,
    /// Calls refused, by code.
    pub refused: BTreeMap<String, u64>,
    /// Calls that ended in no response, or in one that is none.
    pub lost: u64,
    /// Calls that got no connection.
    pub unconnected: u64,
    /// Of those answered, what half took at most.
    pub p50: Duration,
    /// And what all but a hundredth took at most.
    pub p99: Duration,
}

struct Counts {
    since: Look,
    micros: Histogram<u64>,
}

impl Tally {
    pub(super) fn new() -> Self {
        let micros = Histogram::new_with_bounds(1, 60_000_000, 3).expect("the bounds are constant and valid");
        Self { counts: Mutex::new(Counts { since: Look::default(), micros }) }
    }

    pub(super) fn count(&self, outcome: &Outcome, took: Duration) {
        let mut counts = self.counts.lock();
        match outcome {
            Outcome::Answered { .. } => {
                counts.since.answered += 1;
                counts.micros.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1));
            }
            Outcome::Refused { code, .. } => {
                *counts.since.refused.entry(code.to_string()).or_default() += 1;
            }
            Outcome::NotConnected(_) => counts.since.unconnected += 1,
            Outcome::Garbled(_) | Outcome::Broken(_) | Outcome::TimedOut => counts.since.lost += 1,
        }
    }

    /// What was counted since the last look.
    pub fn look(&self) -> Look {
        let mut counts = self.counts.lock();
        let mut look = std::mem::take(&mut counts.since);
        let quantile = |q| Duration::from_micros(counts.micros.value_at_quantile(q));
        (look.p50, look.p99) = (quantile(0.5), quantile(0.99));
        counts.micros.reset();
        look
    }
}
