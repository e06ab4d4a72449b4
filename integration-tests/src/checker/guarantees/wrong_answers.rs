//! G2: every 200 carries the SHA-256 of its own data, and an id that is its own.
//!
//! Its own is an id that no other call was given and under which no other call's data was written. A reply with a wrong
//! hash in the topic counts even if nobody received it: whoever waits for it would have.

use crate::checker::findings::Findings;
use crate::checker::history::{Call, Content, Outcome, Seen};
use crate::checker::index::{Index, Trace};
use crate::checker::verdict::{Guarantee, Violation};

/// Guarantee G2.
pub(in crate::checker) fn check(index: &Index<'_>, findings: &mut Findings) {
    for call in &index.history.calls {
        if let Outcome::Answered { hash, .. } = &call.outcome
            && *hash != call.data
        {
            add(findings, wrong(call, format!("answered with {hash}, which is not the hash of its data")));
        }
        let other = call.id().and_then(|id| index.trace(id)).and_then(|trace| trace.claimed_by);
        if let Some(other) = other.filter(|other| other.number != call.number) {
            let sentence = format!("got the id that call {} got before", other.number);
            add(findings, wrong(call, sentence).call(other));
        }
    }
    for trace in index.traces() {
        one_id(index, &trace, findings);
    }
    let unfit = |record: &&Seen| matches!(record.content, Content::Unfit(_));
    for record in index.records_of(crate::checker::history::Topic::Responses).filter(unfit) {
        let sentence = "a reply cannot be read, or its value is for another request than its header";
        let violation = Violation::new(Guarantee::G2NoWrongAnswer, record.seen, sentence);
        add(findings, record.id.iter().fold(violation, Violation::id).records([record.at]));
    }
}

fn one_id(index: &Index<'_>, trace: &Trace<'_, '_>, findings: &mut Findings) {
    let Some(first) = trace.requests().next() else { return };
    let Content::Request { data, .. } = first.content else { return };
    for other in trace.requests() {
        if matches!(other.content, Content::Request { data: others, .. } if others != data) {
            let sentence = "requests of two calls were written under one id";
            let violation = Violation::new(Guarantee::G2NoWrongAnswer, other.seen, sentence).id(trace.id);
            add(findings, violation.records([first.at, other.at]));
        }
    }
    if let Some(call) = trace.claimed_by.filter(|call| call.data != data) {
        let owner = index.call(&data).map(|owner| format!(", which is call {}'s", owner.number));
        let sentence = format!("got an id under which other data was written{}", owner.unwrap_or_default());
        add(findings, wrong(call, sentence).records([first.at]));
    }
    for reply in trace.replies() {
        if let Content::Hash(hash) = reply.content
            && hash != data
        {
            let sentence = format!("a worker replied {hash}, which is not the hash of its request's data");
            let violation = Violation::new(Guarantee::G2NoWrongAnswer, reply.seen, sentence).id(trace.id);
            add(findings, violation.records([first.at, reply.at]));
        }
    }
}

fn wrong(call: &Call, sentence: String) -> Violation {
    Violation::new(Guarantee::G2NoWrongAnswer, call.ended, sentence).call(call)
}

fn add(findings: &mut Findings, violation: Violation) {
    findings.add(violation);
}
