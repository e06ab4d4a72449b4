//! One fault, injected once.

use std::time::Duration;

use crate::checker::fault_windows::FaultWindows;
use crate::checker::history::{Fault, Span};

use super::cost::{Calls, Cost, Judged};

/// For how long after its end the effects of a fault without a bound are looked for.
const AFTERMATH: Duration = Duration::from_secs(10);

/// A call that had waited no longer than this for its answer when a fault came was in no trouble before.
const PROMPT: Duration = Duration::from_secs(1);

/// What one fault did.
#[derive(Debug, Clone)]
pub struct Incident {
    /// The fault's kind.
    pub name: &'static str,
    /// Whom it met.
    pub target: String,
    /// When its effects were looked for.
    pub during: Span,
    /// What became of the calls that were open then.
    pub cost: Cost,
    /// From the moment that the fault is timed from until the first answer of an unbroken run of right ones arrived: one that
    /// was sent after the last call that went wrong. `None` if there was no such answer before the next fault.
    pub recovery: Option<Duration>,
    /// The longest that it may take; `None` if no call may go wrong at all.
    pub bound: Option<Duration>,
    /// Whether the recovery took no longer than that; without a bound, whether no call went wrong.
    pub is_within_bound: bool,
}

impl Incident {
    /// Of one of `faults`, which are sorted by their beginnings.
    pub(super) fn of(fault: &Fault, faults: &[&Fault], calls: &Calls<'_>, end: Duration) -> Self {
        let during = during(fault, faults);
        let horizon = next(fault, faults, during.to).unwrap_or(end).max(during.to);
        let others = FaultWindows::of(faults.iter().copied().filter(|other| !std::ptr::eq(*other, fault)));
        // What goes wrong later, and no other fault excuses, is this one's doing.
        let is_its = |judged: &&Judged<'_>| {
            judged.call.sent >= fault.began
                && judged.call.sent < horizon
                && !is_of_a_later_one(judged, fault, faults)
                && (judged.call.sent <= during.to || !others.cover(&judged.call.span()))
        };
        let around = calls.around(Span { from: fault.began, to: horizon });
        let errors = around.iter().filter(|judged| judged.is_error);
        let last_error = errors.filter(is_its).map(|judged| judged.call.sent).max();
        let is_after = |judged: &&Judged<'_>| last_error.is_none_or(|error| judged.call.sent > error);
        let answers = around.iter().filter(|judged| judged.is_right).filter(is_after).map(|j| j.call.ended);
        let timed_from = fault.timed_from();
        let recovery = answers.filter(|at| *at >= timed_from).min().map(|at| at - timed_from);
        let is_within_bound = match fault.bound {
            Some(bound) => recovery.is_some_and(|recovery| recovery <= bound),
            None => recovery.is_some() && last_error.is_none(),
        };
        Self {
            name: fault.name,
            target: fault.target.clone(),
            during,
            cost: calls.cost(|call| call.span().overlaps(&during), during),
            recovery,
            bound: fault.bound,
            is_within_bound,
        }
    }
}

/// Whether what went wrong is the doing of a fault that came when this one was over: the call was sent after it, or had just
/// been sent.
fn is_of_a_later_one(judged: &Judged<'_>, fault: &Fault, faults: &[&Fault]) -> bool {
    let first = faults.partition_point(|other| other.began < fault.ended);
    let later = faults.get(first..).unwrap_or_default().iter().filter(|other| !std::ptr::eq(**other, fault));
    let met = |other: &&Fault| {
        let excuses = other.excuses().filter(|span| span.overlaps(&judged.call.span()));
        excuses.is_some_and(|span| span.from <= judged.call.sent + PROMPT)
    };
    later.copied().any(|other| met(&other))
}

fn during(fault: &Fault, faults: &[&Fault]) -> Span {
    let to = match fault.excuses() {
        Some(excuses) => excuses.to.max(fault.ended),
        None => {
            let to = fault.ended + AFTERMATH;
            next(fault, faults, fault.ended).map_or(to, |next| next.min(to))
        }
    };
    Span { from: fault.began, to }
}

/// The beginning of the first other fault that does not begin before this moment.
fn next(fault: &Fault, faults: &[&Fault], moment: Duration) -> Option<Duration> {
    let next = faults.partition_point(|other| other.began < moment);
    let later = faults.get(next..).unwrap_or_default();
    later.iter().find(|other| !std::ptr::eq(**other, fault)).map(|other| other.began)
}
