//! What the stack is held to, and whether it holds.

mod apart;
mod loads;
mod shares;

use serde::Serialize;

use super::findings::Findings;
use super::options::Options;
use super::spread::Spread;

/// One goal, judged by the median of the rounds.
#[derive(Debug, Serialize)]
pub struct Goal {
    /// Of what.
    pub work: String,
    /// In words.
    pub goal: String,
    /// In figures.
    pub bound: Bound,
    /// What the figure counts, as it is written behind it.
    pub unit: &'static str,
    /// What was measured; `None` if it could not be.
    pub figure: Option<Spread>,
    /// Why not, or what else belongs to the figure.
    pub remark: Option<String>,
}

/// Where a goal ends.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// The figure is this or less.
    AtMost(f64),
    /// The figure is this or more.
    AtLeast(f64),
}

/// How a goal came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It holds.
    Met,
    /// It does not.
    Missed,
    /// Nobody knows.
    NotMeasured,
}

impl Goal {
    /// Whether it holds.
    pub fn verdict(&self) -> Verdict {
        let holds = |figure: f64| match self.bound {
            Bound::AtMost(most) => figure <= most,
            Bound::AtLeast(least) => figure >= least,
        };
        match self.figure {
            None => Verdict::NotMeasured,
            Some(spread) if holds(spread.median) => Verdict::Met,
            Some(_) => Verdict::Missed,
        }
    }

    /// Of a figure that may not be there.
    fn of(work: impl Into<String>, goal: impl Into<String>, bound: Bound, unit: &'static str) -> Self {
        Self { work: work.into(), goal: goal.into(), bound, unit, figure: None, remark: None }
    }

    fn measured(self, figure: Option<Spread>) -> Self {
        Self { figure, ..self }
    }
}

/// The goals of the suites that were asked for.
pub fn judge(options: &Options, findings: &Findings) -> Vec<Goal> {
    let mut goals = loads::latency(options, findings);
    goals.extend(loads::throughput(options, findings));
    goals.extend(loads::other_builds(options, findings));
    goals.extend(loads::cpu(options, findings));
    goals.extend(apart::memory(options, findings));
    goals.extend(apart::idle(options, findings));
    goals.extend(apart::bodies(findings));
    goals.extend(apart::sharing(options, findings));
    goals.extend(apart::workers(options, findings));
    goals.extend(shares::fairness(options, findings));
    goals
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_decides() {
        let goal = |bound| Goal::of("", "", bound, "").measured(Spread::of([1.0, 2.0, 9.0]));
        assert_eq!(goal(Bound::AtMost(2.0)).verdict(), Verdict::Met);
        assert_eq!(goal(Bound::AtMost(1.9)).verdict(), Verdict::Missed);
        assert_eq!(goal(Bound::AtLeast(2.0)).verdict(), Verdict::Met);
        assert_eq!(goal(Bound::AtLeast(2.1)).verdict(), Verdict::Missed);
    }

    #[test]
    fn no_figure_is_no_verdict() {
        let goal = Goal::of("", "", Bound::AtMost(1.0), "").measured(None);
        assert_eq!(goal.verdict(), Verdict::NotMeasured);
    }
}
