//! The goal of fair shares: one caller at its limit does not slow another.

use super::{Bound, Goal};
use crate::bench::findings::{Fairness, Findings};
use crate::bench::options::{Options, Suite};
use crate::bench::spread::Spread;
use crate::bench::suites::fairness::{ALONE, BESIDE};

/// How much slower than alone.
const SLOWER: f64 = 1.5;

pub(super) fn fairness(options: &Options, findings: &Findings) -> Vec<Goal> {
    if !options.wants(Suite::Fairness) {
        return Vec::new();
    }
    let work = "p99 of a caller beside one at its limit against its own alone";
    let goal = Goal::of(work, format!("≤ {SLOWER:.1} ×"), Bound::AtMost(SLOWER), "×");
    let Some(fairness) = &findings.fairness else { return vec![goal] };
    let at_limit = fairness.greedy_refused().is_some_and(|refused| refused.min > 0.0);
    let remark = match (fairness.greedy_answered(), fairness.greedy_refused()) {
        (Some(answered), Some(refused)) if at_limit => {
            format!("the other answered {} and refused {} times a second", answered.text(0), refused.text(0))
        }
        _ => "the other was never at its limit".to_owned(),
    };
    // Beside one that was never refused, nothing is proved.
    let figure = at_limit.then(|| ratio(fairness)).flatten();
    vec![Goal { remark: Some(remark), ..goal.measured(figure) }]
}

fn ratio(fairness: &Fairness) -> Option<Spread> {
    fairness.comparison.spread([BESIDE, ALONE], |[beside, alone]| {
        Some(beside.sample.millis(0.99) / alone.sample.millis(0.99))
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::bench::comparison::Comparison;
    use crate::bench::comparison::tests::{round, series};
    use crate::bench::goals::Verdict;
    use crate::bench::pace::Met;

    fn judged(beside_millis: u64, refused: u64) -> Goal {
        let series =
            vec![series(ALONE, vec![round(100, 10)]), series(BESIDE, vec![round(100, beside_millis)])];
        let comparison = Comparison { in_flight: 4, data_bytes: 100, series };
        let greedy = vec![Met { answered: 500, refused }];
        let fairness = Fairness { comparison, seconds: 1.0, greedy };
        let findings = Findings { fairness: Some(fairness), ..Findings::default() };
        fairness_goal(&findings)
    }

    fn fairness_goal(findings: &Findings) -> Goal {
        super::fairness(&Options::parse_from(["bench", "--suite", "fairness"]), findings).remove(0)
    }

    #[test]
    fn the_other_may_cost_half_as_much_again() {
        assert_eq!(judged(14, 1500).verdict(), Verdict::Met);
        assert_eq!(judged(16, 1500).verdict(), Verdict::Missed);
        assert_eq!(
            judged(14, 1500).remark.as_deref(),
            Some("the other answered 500 and refused 1500 times a second")
        );
    }

    #[test]
    fn beside_one_that_was_not_at_its_limit_nothing_is_known() {
        assert_eq!(judged(10, 0).verdict(), Verdict::NotMeasured);
        assert_eq!(fairness_goal(&Findings::default()).verdict(), Verdict::NotMeasured);
    }
}
