//! Which fault comes when: decided by the seed, before anything runs.
//!
//! ```text
//!   warm-up │ step: one fault, or two that overlap │ rest │ quiet │ step │ rest │ quiet │ …
//! ```
//!
//! Kinds come in shuffled rounds, so that each is met once before any is met again. After each step there is rest, for
//! as long as it may be felt, and then a quiet time in which every call has to be answered.

use std::fmt;
use std::time::Duration;

use super::faults::{Injection, Kind, Of};
use super::random::Random;

/// From the first call to the first fault.
pub const WARM_UP: Duration = Duration::from_secs(5);

/// Quiet time between two steps.
const QUIET: std::ops::Range<Duration> = Duration::from_secs(1)..Duration::from_secs(3);

/// What two faults at once may take longer than each alone: a session and a request's whole time.
const MIXED_EXTRA: Duration = Duration::from_secs(16);

/// One step in so many has two faults.
const MIXED_EVERY: usize = 4;

/// Starting a process, on a busy machine.
const START: Duration = Duration::from_secs(3);

/// Starting a broker, and until all copies are in sync.
const NODE_START: Duration = Duration::from_secs(10);

/// Processes of a small run that a rolling restart goes through.
const ROLLED: u32 = 6;

/// All faults of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// In their order.
    pub steps: Vec<Step>,
}

/// Faults that overlap, and what comes after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// One or two.
    pub faults: Vec<Injection>,
    /// Until everything is as before.
    pub rest: Duration,
    /// Undisturbed time after that.
    pub quiet: Duration,
}

impl Plan {
    /// The plan of `seed` with faults of `kinds` that fits into `length`.
    pub fn of(seed: u64, length: Duration, kinds: &[Kind]) -> Self {
        let mut dealer = Dealer { random: Random::of(seed), kinds: kinds.to_vec(), deck: Vec::new() };
        let (mut steps, mut at) = (Vec::new(), WARM_UP);
        while let Some(step) = dealer.step() {
            at += step.expected();
            if at > length {
                break;
            }
            steps.push(step);
        }
        Self { steps }
    }
}

impl Step {
    /// How long it takes, about.
    pub fn expected(&self) -> Duration {
        let longest = self.faults.iter().map(|fault| fault.after + expected(fault)).max();
        longest.unwrap_or_default() + self.rest + self.quiet
    }
}

/// Deals kinds out.
struct Dealer {
    random: Random,
    kinds: Vec<Kind>,
    /// Of the round under way.
    deck: Vec<Kind>,
}

impl Dealer {
    /// None only if there are no kinds at all.
    fn step(&mut self) -> Option<Step> {
        let first = self.draw(|_| true)?;
        let mut faults = vec![self.injection(first)];
        if self.random.below(MIXED_EVERY) == 0
            && let Some(second) = self.draw(|kind| can_be_mixed(first, kind))
        {
            let mut second = self.injection(second);
            second.after = self.random.within(Duration::ZERO..Duration::from_secs(2));
            faults.push(second);
            // What makes up for the one is hit by the other: for a while neither keeps its own bound.
            for fault in &mut faults {
                fault.bound = Some(fault.bound.unwrap_or_default() + MIXED_EXTRA);
            }
        }
        let rests = faults.iter().map(|fault| Duration::from_secs(fault.kind.row().rest));
        let extra = if faults.len() > 1 { MIXED_EXTRA } else { Duration::ZERO };
        let rest = rests.max().unwrap_or_default() + extra;
        let quiet = self.random.within(QUIET);
        Some(Step { faults, rest, quiet })
    }

    /// The next kind of the round that fits; a new round begins when this one is used up.
    fn draw(&mut self, fits: impl Fn(Kind) -> bool) -> Option<Kind> {
        if self.deck.is_empty() {
            self.deck = self.kinds.clone();
            self.random.shuffle(&mut self.deck);
        }
        let at = self.deck.iter().rposition(|kind| fits(*kind))?;
        Some(self.deck.remove(at))
    }

    fn injection(&mut self, kind: Kind) -> Injection {
        let row = kind.row();
        let span = usize::try_from(row.lasts.end() - row.lasts.start()).unwrap_or(0);
        let lasts = Duration::from_secs(row.lasts.start() + self.random.below(span + 1) as u64);
        let pick = self.random.below(1 << 16);
        Injection { kind, after: Duration::ZERO, lasts, bound: row.bound(), pick }
    }
}

/// One of them is a process's, and neither keeps the whole stack busy: two faults of one broker would take each other
/// back, and the tool could not tell what it did.
fn can_be_mixed(first: Kind, second: Kind) -> bool {
    let is_process = |kind: Kind| kind.row().of == Of::Processes;
    let is_alone = |kind: Kind| kind == Kind::RollingRestart || kind.row().of == Of::Operators;
    (is_process(first) || is_process(second)) && !is_alone(first) && !is_alone(second)
}

fn expected(fault: &Injection) -> Duration {
    let waits = match (fault.kind, fault.kind.row().of) {
        (Kind::RollingRestart, _) => START * ROLLED,
        (Kind::LeaderMoved | Kind::PartitionsAdded, _) => START,
        (_, Of::Nodes) => NODE_START,
        (Kind::BrokerRestarted | Kind::BrokerKilled, _) => NODE_START,
        (Kind::WorkerKilled | Kind::GatewayKilled | Kind::WorkerReplaced | Kind::GatewayReplaced, _) => START,
        (_, Of::Operators) => START,
        _ => Duration::ZERO,
    };
    fault.lasts + waits
}

impl fmt::Display for Plan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut at = WARM_UP;
        for step in &self.steps {
            for fault in &step.faults {
                let (name, lasts) = (fault.kind.row().name, fault.lasts.as_secs());
                let begins = (at + fault.after).as_secs_f64();
                let bound = match fault.bound {
                    Some(bound) => format!("errors for at most {} s", bound.as_secs()),
                    None => "no errors".to_owned(),
                };
                writeln!(formatter, "{begins:7.1} s  {name:<30} {lasts:>2} s  {bound}")?;
            }
            at += step.expected();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
