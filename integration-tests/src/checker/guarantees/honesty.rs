//! G5: what an error says of its request is true.
//!
//! - Each error is one of the documented codes under its own status, and says that it is safe to retry exactly if that
//!   is 429 or 503. So every 504 is `outcome_unknown` and not safe to retry.
//! - Of a call that was told "not sent" no request record is ever seen, however late. All 4xx but `worker_rejected` say
//!   so, 413 among them, and all 503. Whoever sent it again in good faith had it executed twice: nothing is worse.

use crate::checker::findings::Findings;
use crate::checker::history::{Call, Content, Outcome, Seen, Topic};
use crate::checker::index::Index;
use crate::checker::verdict::{Guarantee, Violation};

use super::{Sent, documented};

/// Guarantee G5.
pub(in crate::checker) fn check(index: &Index<'_>, findings: &mut Findings) {
    for call in &index.history.calls {
        if let Some(sentence) = misnomer(call) {
            findings.add(Violation::new(Guarantee::G5HonestErrors, call.ended, sentence).call(call));
        }
    }
    for record in index.records_of(Topic::Requests) {
        let Content::Request { data, .. } = &record.content else { continue };
        if let Some(call) = index.call(data)
            && let Some(code) = not_sent(call)
        {
            findings.add(lie(call, code, record));
        }
    }
}

fn lie(call: &Call, code: &str, record: &Seen) -> Violation {
    let sentence =
        format!("{code} said that the request was not sent, and here it is: retried, it runs twice");
    let at = call.ended.max(record.seen);
    let violation = Violation::new(Guarantee::G5HonestErrors, at, sentence).call(call);
    record.id.iter().fold(violation, Violation::id).records([record.at])
}

/// The code by which the call was told that its request was not handed to Kafka.
fn not_sent(call: &Call) -> Option<&str> {
    match &call.outcome {
        Outcome::Refused { code, retry_safe, .. } => {
            let says_no = documented(code).is_some_and(|(_, sent)| sent == Sent::No);
            (says_no || *retry_safe).then_some(code)
        }
        _ => None,
    }
}

/// What the error calls itself wrongly.
fn misnomer(call: &Call) -> Option<String> {
    let Outcome::Refused { status, code, retry_safe, .. } = &call.outcome else { return None };
    let Some((documented, _)) = documented(code) else {
        return Some(format!("{status} {code} is no documented error"));
    };
    if documented != *status {
        return Some(format!("{code} came with status {status} instead of {documented}"));
    }
    let is_safe = matches!(status, 429 | 503);
    (is_safe != *retry_safe).then(|| format!("{status} {code} says retry_safe: {retry_safe}"))
}
