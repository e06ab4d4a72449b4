//! G4: every request record ends in a reply, in a dead letter, or was expired and committed past, even where HTTP already
//! said 504.
//!
//! Of an id whose request was appended twice (a hidden retry) as many replies are owed as it has records, whoever of the
//! two each belongs to. A record without either must have expired, which workers only count. So such records are allowed
//! if
//! - the workers' group has committed past them,
//! - by the end they can have expired, and
//! - the workers that counted are as many. Workers that ended took their last counts with them: whatever can have
//!   expired before the last of them was gone is held to the first two alone.
//!
//! Excused are requests of a topic that was deleted, and those whose reply or dead letter may have gone, unseen, with its
//! topic.

use std::time::Duration;

use rustc_hash::FxHashSet;

use crate::checker::findings::Findings;
use crate::checker::history::{Content, Position, Seen, Span, Topic};
use crate::checker::index::{Index, Trace};
use crate::checker::verdict::{Guarantee, Violation};

/// Longest time after its deadline in which a request's reply is written: work begun before is finished.
const LATEST_REPLY: Duration = Duration::from_secs(10);

/// Records named in a violation that concerns many.
const NAMED: usize = 10;

/// Guarantee G4.
pub(in crate::checker) fn check(index: &Index<'_>, findings: &mut Findings) {
    let dead_letters = dead_letters(index);
    let mut expired = Vec::new();
    for trace in index.traces() {
        expired.extend(unanswered(&trace, &dead_letters));
    }
    let nameless = index.records_of(Topic::Requests).filter(|record| record.id.is_none());
    expired.extend(nameless.filter(|record| !dead_letters.contains(&position(record))));
    expired.retain(|record| {
        let lost = may_be_lost(index, record);
        findings.figures.lost_with_topics += u64::from(lost);
        !lost
    });
    expired.retain(|record| match proof_of_loss(index, record) {
        Some(sentence) => {
            findings.add(about(record, sentence));
            false
        }
        None => true,
    });
    findings.figures.expired += expired.len() as u64;
    uncounted(index, expired, findings);
}

/// Where the requests were that became dead letters.
fn dead_letters(index: &Index<'_>) -> FxHashSet<Position> {
    let origin = |record: &Seen| match record.content {
        Content::DeadLetter { origin, .. } => origin,
        _ => None,
    };
    index.records_of(Topic::DeadLetters).filter_map(origin).collect()
}

/// The request records of one id that have neither reply nor dead letter; the last ones, where it is not known which.
fn unanswered<'h>(trace: &Trace<'_, 'h>, dead_letters: &FxHashSet<Position>) -> Vec<&'h Seen> {
    let (kept, mut open): (Vec<_>, Vec<_>) =
        trace.requests().partition(|record| dead_letters.contains(&position(record)));
    // A dead letter's caller is told as well: such a reply answers no other record.
    let (errors, others): (Vec<_>, Vec<_>) =
        trace.replies().partition(|reply| matches!(reply.content, Content::Error(_)));
    let answered = others.len() + errors.len().saturating_sub(kept.len());
    open.drain(..answered.min(open.len()));
    open
}

/// Why the record cannot have expired.
fn proof_of_loss(index: &Index<'_>, record: &Seen) -> Option<&'static str> {
    if !index.is_committed(position(record)) {
        return Some("the request has no reply and no dead letter, and the workers have not got past it");
    }
    (expires(index, record) > index.end).then_some(
        "the workers have passed the request without reply or dead letter before it can have expired",
    )
}

/// More requests vanished than the workers say expired.
fn uncounted(index: &Index<'_>, mut expired: Vec<&Seen>, findings: &mut Findings) {
    let workers = &index.history.workers;
    let last_end = workers.iter().filter_map(|worker| worker.death).map(|death| death.ended).max();
    expired.retain(|record| last_end.is_none_or(|end| expires(index, record) > end));
    let counted: u64 =
        workers.iter().filter_map(|life| life.counters).map(|(_, counts)| counts.expired).sum();
    expired.sort_unstable_by_key(|record| (record.seen, record.at));
    let Some(first) = expired.first().filter(|_| expired.len() as u64 > counted) else { return };
    let sentence = format!(
        "{} requests have no reply and no dead letter, and the workers count {counted} expired ones",
        expired.len()
    );
    let named = expired.iter().take(NAMED);
    let violation = Violation::new(Guarantee::G4NoLoss, first.seen, sentence);
    let violation = named.clone().filter_map(|record| record.id.as_ref()).fold(violation, Violation::id);
    findings.add(violation.records(named.map(|record| record.at)));
}

/// The earliest moment at which a worker may take the request for expired: its deadline, or earlier if the worker's
/// clock is ahead of the gateway's and the worker read it late.
fn expires(index: &Index<'_>, record: &Seen) -> Duration {
    let Content::Request { data, .. } = &record.content else { return record.seen };
    let Some(call) = index.call(data) else { return record.seen };
    let gateway = index.gateway(call.gateway).map_or(0, |life| life.clock_ahead_ms);
    let workers = index.history.workers.iter().map(|life| life.clock_ahead_ms).max().unwrap_or(0);
    let ahead = Duration::from_millis(u64::try_from(workers.saturating_sub(gateway)).unwrap_or(0));
    call.deadline().saturating_sub(ahead).max(call.sent)
}

/// Whether what became of the record may have gone, unseen, with a topic that was deleted.
fn may_be_lost(index: &Index<'_>, record: &Seen) -> bool {
    let deleted = index.losses(Topic::Requests).any(|loss| loss.incarnation == record.at.incarnation);
    let limit = match &record.content {
        Content::Request { data, .. } => index.call(data).map(|call| call.limit),
        _ => None,
    };
    let replied = Span { from: record.seen, to: record.seen + limit.unwrap_or_default() + LATEST_REPLY };
    let unseen = |topic| index.may_have_lost(topic, replied);
    deleted || unseen(Topic::Responses) || unseen(Topic::DeadLetters)
}

fn position(record: &Seen) -> Position {
    Position { partition: record.at.partition, offset: record.at.offset }
}

fn about(record: &Seen, sentence: &str) -> Violation {
    let violation = Violation::new(Guarantee::G4NoLoss, record.seen, sentence);
    record.id.iter().fold(violation, Violation::id).records([record.at])
}
