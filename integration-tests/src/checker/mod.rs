//! Decides over the history of a run whether the stack kept its guarantees.
//!
//! Pure: a [`History`] of what was seen from outside goes in (the calls that clients made, every record of the topics,
//! the lives of the processes, the faults that were injected), a [`Verdict`] comes out.
//!
//! ```text
//!   History ─▶ is it whole? ─▶ G1 … G7 ─▶ Verdict   every violation, the first one first, with what to look at
//!         └──▶ Table                                 per fault: what it cost, and how long recovery took
//! ```
//!
//! A guarantee is only said to be broken where the history proves it. What cannot be decided from outside is excused, each
//! time for a reason that the module of the guarantee gives, and counted in [`Figures`], so that a reader of a verdict
//! sees on how much it rests.

mod excuse;
mod fault_windows;
mod figures;
mod findings;
mod gaps;
mod guarantees;
pub mod history;
mod index;
pub mod table;
mod verdict;

use std::collections::BTreeMap;

pub use figures::Figures;
pub use history::{
    Call, Connection, Content, Coordinates, Death, Digest, Ending, Fault, History, Id, Instance, Life, Log,
    Loss, Outcome, Position, ReplyCounters, Sample, Seen, Service, Since, Span, Terms, Topic, WorkCounters,
};
pub use table::{Incident, Row, Table};
pub use verdict::{Guarantee, Verdict, Violation};

use findings::Findings;
use index::Index;

/// Judges a whole run.
pub fn judge(history: &History) -> Verdict {
    let index = Index::of(history);
    let mut findings = Findings::default();
    guarantees::evidence::check(&index, &mut findings);
    guarantees::totality::check(&index, &mut findings);
    guarantees::wrong_answers::check(&index, &mut findings);
    guarantees::phantoms::check(&index, &mut findings);
    guarantees::loss::check(&index, &mut findings);
    guarantees::honesty::check(&index, &mut findings);
    guarantees::duplicates::check(&index, &mut findings);
    guarantees::recovery::check(&index, &mut findings);
    findings.into_verdict()
}

/// By request partition, the longest time within `during` in which no request of it was replied to; the time before the
/// first reply and after the last one counts as well.
pub fn longest_gaps(history: &History, during: Span) -> BTreeMap<i32, Span> {
    gaps::longest(&Index::of(history), during)
}

/// What each fault cost, and how long its recovery took.
pub fn tabulate(history: &History) -> Table {
    Table::of(&Index::of(history))
}

#[cfg(test)]
mod tests;
