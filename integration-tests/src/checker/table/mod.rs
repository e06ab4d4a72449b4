//! What each fault cost its callers, and how long it took until all was as before.
//!
//! ```text
//!            began            ended                  + bound
//!   ──────────▼─────────────────▼─────────────────────▼──────────▶ time
//!             └── calls open in here are counted ─────┘
//!                               └─ recovery ─▶ the first answer of an unbroken run of right ones
//! ```
//! A call that was open during several faults is counted for each. What a fault without a bound did is looked for until 10 s
//! after its end, or until the next one begins.

mod cost;
mod incident;
mod print;
mod row;

pub use cost::Cost;
pub use incident::Incident;
pub use print::Markdown;
pub use row::Row;

use std::collections::BTreeMap;

use super::fault_windows::FaultWindows;
use super::history::Span;
use super::index::Index;
use cost::Calls;

/// The faults of a run.
#[derive(Debug, Clone)]
pub struct Table {
    /// One for each time that a fault was injected, in the order in which they began.
    pub incidents: Vec<Incident>,
    /// The calls that were open during none of them.
    pub undisturbed: Cost,
}

impl Table {
    pub(super) fn of(index: &Index<'_>) -> Self {
        let calls = Calls::of(index);
        let mut faults: Vec<_> = index.history.faults.iter().collect();
        faults.sort_by_key(|fault| fault.began);
        let incidents: Vec<_> =
            faults.iter().map(|fault| Incident::of(fault, &faults, &calls, index.end)).collect();
        let disturbed = FaultWindows::over(incidents.iter().map(|incident| incident.during).collect());
        let undisturbed = calls.cost(
            |call| !disturbed.cover(&call.span()),
            Span { from: std::time::Duration::ZERO, to: index.end },
        );
        Self { incidents, undisturbed }
    }

    /// One for each kind of fault, by name.
    pub fn rows(&self) -> Vec<Row> {
        let mut kinds: BTreeMap<&'static str, Vec<&Incident>> = BTreeMap::new();
        for incident in &self.incidents {
            kinds.entry(incident.name).or_default().push(incident);
        }
        kinds.into_iter().map(|(name, incidents)| Row::of(name, &incidents)).collect()
    }

    /// Whether every recovery was within its bound.
    pub fn is_within_bounds(&self) -> bool {
        self.incidents.iter().all(|incident| incident.is_within_bound)
    }

    /// The rows as a table in Markdown.
    pub fn markdown(&self) -> Markdown<'_> {
        Markdown(self)
    }
}
