//! Collects a verdict in bounded memory.

use std::collections::BTreeMap;

use super::figures::Figures;
use super::verdict::{Guarantee, Verdict, Violation};

/// Violations that are kept of each guarantee, the first ones. The rest is counted.
const KEPT: usize = 20;

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    violations: BTreeMap<Guarantee, Kept>,
    pub(super) figures: Figures,
}

#[derive(Debug, Default)]
struct Kept {
    first: Vec<Violation>,
    count: u64,
}

impl Findings {
    pub(super) fn add(&mut self, violation: Violation) {
        let kept = self.violations.entry(violation.guarantee).or_default();
        kept.count += 1;
        kept.first.push(violation);
        if kept.first.len() >= 4 * KEPT {
            kept.forget_later_ones();
        }
    }

    pub(super) fn into_verdict(self) -> Verdict {
        let mut counts = BTreeMap::new();
        let mut violations = Vec::new();
        for (guarantee, mut kept) in self.violations {
            kept.forget_later_ones();
            counts.insert(guarantee, kept.count);
            violations.append(&mut kept.first);
        }
        violations.sort_by(Violation::order);
        Verdict::new(violations, counts, self.figures)
    }
}

impl Kept {
    fn forget_later_ones(&mut self) {
        self.first.sort_by(Violation::order);
        self.first.truncate(KEPT);
    }
}
