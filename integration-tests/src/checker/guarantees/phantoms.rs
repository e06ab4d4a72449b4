//! G3: every 200 has its request record and its response record, found by its id; and no record comes from nowhere.
//!
//! - What only a worker can say (200, `worker_rejected`, `worker_failed`, `bad_reply`) has a request record under the same
//!   id, and a reply that says the same.
//! - A request record carries some call's data: a gateway writes nothing that nobody asked for.
//! - A reply has a request record.
//!
//! Excused is what may have been written, unseen, to a topic that was deleted meanwhile.

use crate::checker::findings::Findings;
use crate::checker::history::{Call, Content, Outcome, Seen, Span, Topic};
use crate::checker::index::{Index, Trace};
use crate::checker::verdict::{Guarantee, Violation};

use super::was_woken;

/// Guarantee G3.
pub(in crate::checker) fn check(index: &Index<'_>, findings: &mut Findings) {
    for call in index.history.calls.iter().filter(|call| was_woken(call) == Some(true)) {
        answered(index, call, findings);
    }
    for record in index.records_of(Topic::Requests) {
        let asked = matches!(&record.content, Content::Request { data, .. } if index.call(data).is_some());
        if !asked {
            let sentence = "a request was written that no call asked for";
            findings.add(of_record(record, sentence));
        }
    }
    for trace in index.traces().filter(|trace| trace.requests().next().is_none()) {
        if let Some(reply) = trace.replies().next()
            && !request_may_be_lost(index, &trace, reply)
        {
            findings.add(of_record(reply, "a reply was written to a request that never was"));
        }
    }
}

fn answered(index: &Index<'_>, call: &Call, findings: &mut Findings) {
    let missing = |sentence: &str| Violation::new(Guarantee::G3NoPhantom, call.ended, sentence).call(call);
    let Some(trace) = call.id().and_then(|id| index.trace(id)) else {
        findings.add(missing("the worker's answer names no id"));
        return;
    };
    if trace.requests().next().is_none() && !index.may_have_lost(Topic::Requests, call.span()) {
        findings.add(missing("the call was answered, and there is no request of its id"));
    }
    if !trace.replies().any(|reply| says_the_same(call, reply))
        && !index.may_have_lost(Topic::Responses, call.span())
    {
        let violation = missing("the call was answered, and no reply of its id says the same");
        findings.add(violation.records(trace.replies().map(|reply| reply.at)));
    }
}

fn says_the_same(call: &Call, reply: &Seen) -> bool {
    match (&call.outcome, &reply.content) {
        (Outcome::Answered { hash, .. }, Content::Hash(replied)) => hash == replied,
        (Outcome::Refused { code, .. }, Content::Error(_)) => **code != *"bad_reply",
        (Outcome::Refused { code, .. }, Content::Unfit(_)) => **code == *"bad_reply",
        _ => false,
    }
}

/// The request was written before its reply was seen; after its call was sent, if that is known.
fn request_may_be_lost(index: &Index<'_>, trace: &Trace<'_, '_>, reply: &Seen) -> bool {
    let from = trace.claimed_by.map(|call| call.sent).unwrap_or_default();
    index.may_have_lost(Topic::Requests, Span { from, to: reply.seen.max(from) })
}

fn of_record(record: &Seen, sentence: &str) -> Violation {
    let violation = Violation::new(Guarantee::G3NoPhantom, record.seen, sentence);
    record.id.iter().fold(violation, Violation::id).records([record.at])
}
