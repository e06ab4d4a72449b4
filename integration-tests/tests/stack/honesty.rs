//! What is asked of calls while something is broken, and after it.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

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
    pub(crate) errors: usize,
    /// From the fault's end to the sending of the last call that got an error; none if there was no such.
    pub(crate) recovery: Option<Duration>,
}

impl fmt::Display for Felt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { calls, errors, recovery } = self;
        write!(f, "{errors} of {calls} calls got an error")?;
        match recovery {
            Some(recovery) => write!(f, ", the last one was sent {recovery:.1?} after the fault"),
            None => write!(f, ", none that was sent after the fault"),
        }
    }
}

/// Makes sure that every call was answered right or got an honest error in time, and that after the fault, which was
/// over at `ended`, calls were answered again without a break.
pub(crate) fn judge(mut calls: Vec<Call>, request_timeout: Duration, ended: Instant) -> Result<Felt> {
    calls.sort_by_key(|call| call.sent);
    let mut errors = Vec::new();
    for call in &calls {
        let took = call.ended - call.sent;
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
    Ok(Felt { calls: calls.len(), errors: errors.len(), recovery: last })
}
