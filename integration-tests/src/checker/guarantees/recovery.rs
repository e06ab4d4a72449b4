//! G7: after each fault and its bound no more errors, and at the end everything is as it was at the beginning.
//!
//! - A call that was open at no moment in which a fault excuses errors gets its answer. A planned change without a bound
//!   excuses none.
//! - After the last fault somebody is answered: without calls there is no recovery to see.
//! - No process ends by itself, or fails when it is asked to stop.
//! - At the end nothing is pending, the workers have committed to the end of each log, and no process has grown (see
//!   [`growth`](super::growth)).
//!
//! Calls that were open while their own gateway was frozen, or that G1 excuses from a response, are excused here as well.
//! Whether an answer is right is for G2 to say.

use crate::checker::excuse::{Excuse, excuse};
use crate::checker::fault_windows::FaultWindows;
use crate::checker::findings::Findings;
use crate::checker::history::{Call, Coordinates, Death, Ending, Fault, Instance, Log, Outcome, Topic};
use crate::checker::index::Index;
use crate::checker::verdict::{Guarantee, Violation};

use super::{growth, is_right};

/// Guarantee G7.
pub(in crate::checker) fn check(index: &Index<'_>, findings: &mut Findings) {
    errors(index, findings);
    if let Some(sentence) = unshown(index) {
        findings.add(Violation::new(Guarantee::G7Recovery, index.end, sentence));
    }
    let history = index.history;
    let gateways = history.gateways.iter().map(|life| (life.instance, life.death));
    let workers = history.workers.iter().map(|life| (life.instance, life.death));
    for (instance, death) in gateways.chain(workers) {
        failed(instance, death, findings);
    }
    for log in &history.logs {
        behind(index, log, findings);
    }
    growth::check(index, findings);
}

fn errors(index: &Index<'_>, findings: &mut Findings) {
    let excused = FaultWindows::of(&index.history.faults);
    let failed = |call: &&Call| !is_right(call) && !matches!(call.outcome, Outcome::Answered { .. });
    for call in index.history.calls.iter().filter(failed) {
        if excused.cover(&call.span()) {
            findings.figures.excused_errors += u64::from(matches!(call.outcome, Outcome::Refused { .. }));
        } else if !is_severed(index, call) {
            let sentence = format!("{}, and no fault excuses it", say(&call.outcome));
            findings.add(Violation::new(Guarantee::G7Recovery, call.ended, sentence).call(call));
        }
    }
}

/// Whether the call's own gateway could not serve it: then it is for G1 to say what it is owed.
pub(in crate::checker) fn is_severed(index: &Index<'_>, call: &Call) -> bool {
    match index.gateway(call.gateway).and_then(|life| excuse(call, life, &index.history.terms)) {
        // Woken after the deadline it can say no more than 504.
        Some(Excuse::Frozen) => true,
        Some(Excuse::Killed | Excuse::Cut | Excuse::Gone) => {
            matches!(call.outcome, Outcome::Broken(_) | Outcome::NotConnected(_) | Outcome::TimedOut)
        }
        None => false,
    }
}

fn say(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Answered { .. } => "the call was answered".into(),
        Outcome::Refused { status, code, .. } => format!("the call got {status} {code}"),
        Outcome::Garbled(_) => "the call got what is no response".into(),
        Outcome::Broken(_) | Outcome::NotConnected(_) | Outcome::TimedOut => {
            "the call got no response".into()
        }
    }
}

/// Why the recovery from the last fault was not shown.
fn unshown(index: &Index<'_>) -> Option<String> {
    let over = |fault: &Fault| fault.excuses().map_or(fault.ended, |span| span.to.max(fault.ended));
    let (over, last) =
        index.history.faults.iter().map(|fault| (over(fault), fault)).max_by_key(|(over, _)| *over)?;
    let answered = |call: &Call| call.sent >= over && is_right(call);
    (!index.history.calls.iter().any(answered)).then(|| {
        let seconds = over.as_secs_f64();
        format!("after {} of {} was over at {seconds:.3} s no call was answered", last.name, last.target)
    })
}

fn failed(instance: Instance, death: Option<Death>, findings: &mut Findings) {
    if let Some(death) = death.filter(|death| death.by == Ending::Failed) {
        let sentence = "the process ended by itself, or with an error when it was asked to stop";
        findings.add(Violation::new(Guarantee::G7Recovery, death.began, sentence).instance(instance));
    }
}

/// The workers are not where the log ends.
fn behind(index: &Index<'_>, log: &Log, findings: &mut Findings) {
    let is_deleted = index.losses(Topic::Requests).any(|loss| loss.incarnation == log.incarnation);
    if log.topic != Topic::Requests || is_deleted {
        return;
    }
    let committed = index.committed(log.partition);
    if committed.unwrap_or(log.begin) == log.end {
        return;
    }
    let committed = committed.map_or("nothing".into(), |offset| format!("offset {offset}"));
    let sentence =
        format!("at the end the workers had committed {committed} where the log ends at {}", log.end);
    let (topic, incarnation, partition) = (log.topic, log.incarnation, log.partition);
    let end = Coordinates { topic, incarnation, partition, offset: log.end };
    findings.add(Violation::new(Guarantee::G7Recovery, index.end, sentence).records([end]));
}
