//! One module for each guarantee: what is checked, and what is excused because it cannot be seen from outside.

mod codes;
pub(super) mod duplicates;
pub(super) mod evidence;
mod growth;
pub(super) mod honesty;
pub(super) mod loss;
pub(super) mod phantoms;
pub(super) mod recovery;
mod surplus;
pub(super) mod totality;
pub(super) mod wrong_answers;

pub(super) use codes::{Sent, documented};

use super::history::{Call, Content, Outcome};
use super::index::{Index, Trace};

/// Whether a call got what it deserves: an answer, or the very error it was made to get.
pub(super) fn is_right(call: &Call) -> bool {
    match (&call.outcome, call.provokes) {
        (Outcome::Answered { hash, .. }, None) => *hash == call.data,
        (Outcome::Refused { code, .. }, Some(provoked)) => **code == *provoked,
        _ => false,
    }
}

/// Whether a reply woke the call, as far as its client can know: by its answer or by an error that only a worker causes.
fn was_woken(call: &Call) -> Option<bool> {
    match &call.outcome {
        Outcome::Answered { .. } => Some(true),
        Outcome::Refused { code, .. } => documented(code).map(|(_, sent)| sent == Sent::Answered),
        Outcome::Garbled(_) | Outcome::Broken(_) | Outcome::NotConnected(_) | Outcome::TimedOut => None,
    }
}

/// The call that an id was made for.
pub(super) fn call_of<'h>(index: &Index<'h>, trace: &Trace<'_, 'h>) -> Option<&'h Call> {
    trace.claimed_by.or_else(|| match trace.requests().next()?.content {
        Content::Request { data, .. } => index.call(&data),
        _ => None,
    })
}
