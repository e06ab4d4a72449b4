//! What is asked of calls while something is broken, and after it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::steady::{Call, Outcome};

/// How much later than its deadline a call may end, as promised.
const GRACE: Duration = Duration::from_millis(500);

/// What a busy machine may add to that, on both ends of the call.
const NOISE: Duration = Duration::from_secs(1);

/// The errors that are honest while Kafka or the way to it is broken.
const HONEST: [&str; 3] = ["kafka_unavailable", "no_workers", "outcome_unknown"];

/// So many calls, the last ones, have to be answered right.
pub(crate) const CALM: usize = 100;

/// How a fault was felt.
pub(crate) struct Felt {
    pub(crate) calls: usize,
    /// How many calls got an error, by its code.
    pub(crate) errors: BTreeMap<String, usize>,
    /// The longest time from a call to its end.
    pub(crate) longest: Duration,
    /// From the fault's end to the sending of the last call that got an error; none if there was no such.
    pub(crate) recovery: Option<Duration>,
}

impl Felt {
    /// Makes sure that there was a fault: one that lasted for `outage`, and so held somebody up or let him down.
    pub(crate) fn was_felt(&self, outage: Duration) -> Result<()> {
        ensure!(!self.errors.is_empty() || self.longest > outage / 2, "nothing was broken: {self}");
        Ok(())
    }
}

impl fmt::Display for Felt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { calls, errors, longest, recovery } = self;
        write!(f, "{calls} calls, errors {errors:?}, the longest took {longest:.1?}")?;
        match recovery {
            Some(recovery) => {
                write!(f, ", the last call that got one was sent {recovery:.1?} after the fault")
            }
            None => write!(f, ", none for a call that was sent after the fault"),
        }
    }
}

/// Makes sure that every call was answered right or got an honest error in time, and that after the fault, which was
/// over at `ended`, calls were answered again without a break.
pub(crate) fn judge(mut calls: Vec<Call>, request_timeout: Duration, ended: Instant) -> Result<Felt> {
    calls.sort_by_key(|call| call.sent);
    weigh(&calls, request_timeout, ended).with_context(|| timeline(&calls, ended))
}

/// What became of the calls of each second, counted from the fault's end.
pub(crate) fn timeline(calls: &[Call], ended: Instant) -> String {
    let mut seconds: BTreeMap<i64, BTreeMap<&str, usize>> = BTreeMap::new();
    for call in calls {
        let second = match call.sent.checked_duration_since(ended) {
            Some(after) => after.as_secs().cast_signed(),
            None => -1 - (ended - call.sent).as_secs().cast_signed(),
        };
        let outcome = match &call.outcome {
            Outcome::Answered(_) => "answered",
            Outcome::Refused(code) => code,
            Outcome::Broken(_) => "broken",
        };
        *seconds.entry(second).or_default().entry(outcome).or_default() += 1;
    }
    let over = chrono::Utc::now() - ended.elapsed();
    let mut text = format!("calls by the second in which they were sent, from the fault's end at {over:?}:");
    for (second, outcomes) in seconds {
        text.push_str(&format!("\n{second:>5} s  {outcomes:?}"));
    }
    text
}

fn weigh(calls: &[Call], request_timeout: Duration, ended: Instant) -> Result<Felt> {
    let (mut errors, mut longest) = (Vec::new(), Duration::ZERO);
    for call in calls {
        let took = call.ended - call.sent;
        longest = longest.max(took);
        ensure!(took < request_timeout + GRACE + NOISE, "after {took:?}: {call:?}");
        match &call.outcome {
            Outcome::Answered(_) => {}
            Outcome::Refused(code) if HONEST.contains(&code.as_str()) => errors.push((call.sent, code)),
            _ => bail!("after {took:?}: {call:?}"),
        }
    }
    let calm = calls.iter().rev().take_while(|call| matches!(call.outcome, Outcome::Answered(_))).count();
    if calm < CALM {
        let since =
            |(sent, code): &(Instant, &String)| format!("{code} {:?}", sent.saturating_duration_since(ended));
        let errors: Vec<_> = errors.iter().map(since).collect();
        bail!(
            "only the last {calm} of {} calls were answered right; errors after its end: {errors:?}",
            calls.len()
        );
    }
    let last = errors.last().and_then(|(sent, _)| sent.checked_duration_since(ended));
    let mut by_code = BTreeMap::new();
    for (_, code) in errors {
        *by_code.entry(code.clone()).or_default() += 1;
    }
    Ok(Felt { calls: calls.len(), errors: by_code, longest, recovery: last })
}
