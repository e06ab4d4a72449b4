//! What became of the calls of some time.

use std::collections::BTreeMap;
use std::time::Duration;

use rustc_hash::FxHashMap;

use crate::checker::guarantees::recovery::is_severed;
use crate::checker::guarantees::totality::{Response, response};
use crate::checker::guarantees::{call_of, is_right};
use crate::checker::history::{Call, Outcome, Span};
use crate::checker::index::Index;

/// Counts of calls by what became of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cost {
    /// All of them.
    pub calls: u64,
    /// Those that got no response, or none in time, although one was owed.
    pub lost: u64,
    /// Those that got none because their own gateway was killed, frozen or gone, or closed their connection.
    pub severed: u64,
    /// Those that were answered with a wrong hash.
    pub wrong: u64,
    /// Those that were told 504: executed or not.
    pub unknown: u64,
    /// Replies that came to calls that were not answered any more.
    pub late_replies: u64,
    /// Those that got another error than the one they were made to get, by its code.
    pub refused: BTreeMap<String, u64>,
    /// The longest time that a right answer took.
    pub slowest_answer: Duration,
}

impl Cost {
    /// Adds another's counts.
    pub(super) fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.lost += other.lost;
        self.severed += other.severed;
        self.wrong += other.wrong;
        self.unknown += other.unknown;
        self.late_replies += other.late_replies;
        for (code, count) in &other.refused {
            *self.refused.entry(code.clone()).or_default() += count;
        }
        self.slowest_answer = self.slowest_answer.max(other.slowest_answer);
    }
}

/// A call, with what is to be known of it here.
pub(super) struct Judged<'h> {
    pub(super) call: &'h Call,
    pub(super) is_right: bool,
    /// It went wrong, and that was not only its own gateway's end.
    pub(super) is_error: bool,
    is_lost: bool,
    late_replies: u64,
}

/// All calls in the order in which they were sent.
pub(super) struct Calls<'h> {
    judged: Vec<Judged<'h>>,
    longest: Duration,
}

impl<'h> Calls<'h> {
    pub(super) fn of(index: &Index<'h>) -> Self {
        let late = late_replies(index);
        let judge = |call: &'h Call| {
            let is_right = is_right(call);
            let is_error = !is_right && !is_severed(index, call);
            let is_lost = matches!(response(index, call), Response::Missing(_));
            let late_replies = late.get(&call.number).copied().unwrap_or(0);
            Judged { call, is_right, is_error, is_lost, late_replies }
        };
        let mut judged: Vec<_> = index.history.calls.iter().map(judge).collect();
        judged.sort_by_key(|judged| (judged.call.sent, judged.call.number));
        let took = |judged: &Judged<'_>| judged.call.ended.saturating_sub(judged.call.sent);
        let longest = judged.iter().map(took).max().unwrap_or_default();
        Self { judged, longest }
    }

    /// Those that may have been open at some moment of `span`, and some more, in the order in which they were sent.
    pub(super) fn around(&self, span: Span) -> &[Judged<'h>] {
        let from = span.from.saturating_sub(self.longest);
        let first = self.judged.partition_point(|judged| judged.call.sent < from);
        let end = self.judged.partition_point(|judged| judged.call.sent <= span.to);
        self.judged.get(first..end).unwrap_or_default()
    }

    /// What became of those around `span` that are wanted.
    pub(super) fn cost(&self, is_wanted: impl Fn(&Call) -> bool, span: Span) -> Cost {
        let mut cost = Cost::default();
        for judged in self.around(span).iter().filter(|judged| is_wanted(judged.call)) {
            judged.count(&mut cost);
        }
        cost
    }
}

impl Judged<'_> {
    fn count(&self, cost: &mut Cost) {
        let call = self.call;
        cost.calls += 1;
        cost.lost += u64::from(self.is_lost);
        cost.late_replies += self.late_replies;
        match &call.outcome {
            Outcome::Answered { .. } if self.is_right => {
                cost.slowest_answer = cost.slowest_answer.max(call.ended.saturating_sub(call.sent));
            }
            Outcome::Answered { .. } => cost.wrong += 1,
            Outcome::Refused { .. } if self.is_right => {}
            Outcome::Refused { code, .. } if **code == *"outcome_unknown" => cost.unknown += 1,
            Outcome::Refused { code, .. } => *cost.refused.entry(code.to_string()).or_default() += 1,
            _ => cost.severed += u64::from(!self.is_lost),
        }
    }
}

/// By the number of a call that was not answered, how many replies its request got.
fn late_replies(index: &Index<'_>) -> FxHashMap<u64, u64> {
    let mut late = FxHashMap::default();
    for trace in index.traces() {
        let replies = trace.replies().count() as u64;
        if replies > 0
            && let Some(call) = call_of(index, &trace)
            && !matches!(call.outcome, Outcome::Answered { .. })
        {
            *late.entry(call.number).or_default() += replies;
        }
    }
    late
}
