//! G1: every call gets exactly one response, by its deadline and the grace.
//!
//! Excused, and counted:
//! - calls that were open while their gateway was killed or frozen;
//! - calls that nobody accepted, since their gateway had ended before they were sent;
//! - calls cut in the moment when a gateway that stops closes an idle connection, or its listener: HTTP/1.1 has no way
//!   to tell the client before. A call that was sent earlier, or on a connection that was used since, is owed its response.
//!
//! While the observer itself did not run it saw no response; a call gets so much longer.

use std::time::Duration;

use crate::checker::excuse::{Excuse, excuse};
use crate::checker::findings::Findings;
use crate::checker::history::{Call, Outcome, Span};
use crate::checker::index::Index;
use crate::checker::verdict::{Guarantee, Violation};

/// Whether a call got the one response that it is owed.
pub(in crate::checker) enum Response {
    /// It did.
    InTime,
    /// It did not, and is owed none.
    Excused(Excuse),
    /// It did not: why, in words.
    Missing(String),
}

/// Guarantee G1.
pub(in crate::checker) fn check(index: &Index<'_>, findings: &mut Findings) {
    for call in &index.history.calls {
        let figures = &mut findings.figures;
        match response(index, call) {
            Response::InTime => {}
            Response::Excused(Excuse::Killed | Excuse::Frozen) => figures.severed += 1,
            Response::Excused(Excuse::Cut) => figures.cut += 1,
            Response::Excused(Excuse::Gone) => figures.gone += 1,
            Response::Missing(sentence) => {
                findings.add(Violation::new(Guarantee::G1Totality, call.ended, sentence).call(call));
            }
        }
    }
}

/// What became of the response to a call.
pub(in crate::checker) fn response(index: &Index<'_>, call: &Call) -> Response {
    let Some(missing) = missing(index, call) else { return Response::InTime };
    let gateway = index.gateway(call.gateway).filter(|_| !matches!(call.outcome, Outcome::Garbled(_)));
    let excuse = gateway.and_then(|life| excuse(call, life, &index.history.terms));
    excuse.map_or(Response::Missing(missing), Response::Excused)
}

/// What keeps the call's outcome from being one response in time.
fn missing(index: &Index<'_>, call: &Call) -> Option<String> {
    match &call.outcome {
        Outcome::Answered { .. } | Outcome::Refused { .. } => {
            let allowed =
                call.limit + index.history.terms.answer_grace + stalled(call, &index.history.stalls);
            let took = call.ended.saturating_sub(call.sent);
            let late = || format!("the response came after {took:.3?}, where {allowed:.3?} were allowed");
            (took > allowed).then(late)
        }
        Outcome::Garbled(what) => Some(format!("what came is no response of this API: {what}")),
        Outcome::Broken(why) => Some(format!("the connection ended without a response: {why}")),
        Outcome::NotConnected(why) => {
            Some(format!("a gateway that should be serving took no connection: {why}"))
        }
        Outcome::TimedOut => {
            Some(format!("no response came in {:.3?}", call.ended.saturating_sub(call.sent)))
        }
    }
}

/// How much of the call's time the observer was not running.
fn stalled(call: &Call, stalls: &[Span]) -> Duration {
    let common = |stall: &Span| stall.to.min(call.ended).saturating_sub(stall.from.max(call.sent));
    stalls.iter().map(common).sum()
}
