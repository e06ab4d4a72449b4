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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn memory_is_bounded_and_the_first_ones_are_kept() {
        let mut findings = Findings::default();
        for second in (0..1_000).rev() {
            let at = Duration::from_secs(second);
            findings.add(Violation::new(Guarantee::G1Totality, at, "late"));
            assert!(findings.violations[&Guarantee::G1Totality].first.len() < 4 * KEPT);
        }
        let verdict = findings.into_verdict();
        let seconds: Vec<_> = verdict.violations().iter().map(|violation| violation.at.as_secs()).collect();
        assert_eq!(seconds, (0..KEPT as u64).collect::<Vec<_>>());
        assert_eq!(verdict.count(Guarantee::G1Totality), 1_000);
    }
}
