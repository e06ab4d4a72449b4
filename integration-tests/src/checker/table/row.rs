//! All faults of one kind.

use std::time::Duration;

use super::{Cost, Incident};

/// What the faults of one name did.
#[derive(Debug, Clone)]
pub struct Row {
    /// Their name.
    pub name: &'static str,
    /// How often it was injected.
    pub times: usize,
    /// What became of the calls that were open then, all together.
    pub cost: Cost,
    /// The median of the recovery times, the upper of the two in the middle; `None` if it is one that never came.
    pub median: Option<Duration>,
    /// The longest recovery time; `None` if one never came.
    pub longest: Option<Duration>,
    /// The longest that it may take; `None` if no call may go wrong at all.
    pub bound: Option<Duration>,
    /// How often it was within.
    pub within: usize,
}

impl Row {
    pub(super) fn of(name: &'static str, incidents: &[&Incident]) -> Self {
        let mut cost = Cost::default();
        for incident in incidents {
            cost.add(&incident.cost);
        }
        let mut recoveries: Vec<_> = incidents.iter().map(|incident| incident.recovery).collect();
        // Never is later than any time.
        recoveries.sort_by_key(|recovery| (recovery.is_none(), *recovery));
        Self {
            name,
            times: incidents.len(),
            cost,
            median: recoveries.get(recoveries.len() / 2).copied().flatten(),
            longest: recoveries.last().copied().flatten(),
            bound: incidents.iter().filter_map(|incident| incident.bound).max(),
            within: incidents.iter().filter(|incident| incident.is_within_bound).count(),
        }
    }
}
