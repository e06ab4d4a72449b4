//! Everything that one run of the bench found.

use serde::Serialize;

use super::child::Role;
use super::comparison::{Comparison, Spent};
use super::pace::Met;
use super::spread::Spread;

/// What was measured, suite by suite; what was not asked for is empty.
#[derive(Debug, Default, Serialize)]
pub struct Findings {
    /// Suites `latency`, `throughput`, `cpu` and `memory`: one for each number of requests in flight.
    pub loads: Vec<Comparison>,
    /// Suites `idle` and `memory`.
    pub idle: Option<Idle>,
    /// Suite `payloads`: one for each size.
    pub bodies: Vec<Comparison>,
    /// Suite `sharing`.
    pub sharing: Option<Sharing>,
    /// Suite `workers`: one series for each number of workers.
    pub workers: Option<Comparison>,
    /// Suite `fairness`.
    pub fairness: Option<Fairness>,
    /// Suite `secured`.
    pub secured: Option<Comparison>,
}

/// Gateway and worker with nothing to do.
#[derive(Debug, Serialize)]
pub struct Idle {
    /// How long each look took, in seconds.
    pub seconds: f64,
    /// What each process took in each of them.
    pub looks: Vec<Vec<Spent>>,
}

/// Several gateways on one response topic.
#[derive(Debug, Serialize)]
pub struct Sharing {
    /// One gateway beside several.
    pub comparison: Comparison,
    /// What the several counted from their start to the end: the metric's name, and its sum if they have it.
    pub counts: Vec<(&'static str, Option<f64>)>,
}

/// A caller that keeps to its share, alone and beside one that does not.
#[derive(Debug, Serialize)]
pub struct Fairness {
    /// Of the first, alone and beside the other.
    pub comparison: Comparison,
    /// How long each round took, in seconds.
    pub seconds: f64,
    /// What the other met in each round.
    pub greedy: Vec<Met>,
}

impl Findings {
    /// The comparison with so many requests in flight.
    pub fn load(&self, in_flight: usize) -> Option<&Comparison> {
        self.loads.iter().find(|comparison| comparison.in_flight == in_flight)
    }

    /// All comparisons.
    pub fn comparisons(&self) -> impl Iterator<Item = &Comparison> {
        let sharing = self.sharing.as_ref().map(|sharing| &sharing.comparison);
        let fairness = self.fairness.as_ref().map(|fairness| &fairness.comparison);
        let apart = sharing.into_iter().chain(&self.workers).chain(fairness).chain(&self.secured);
        self.loads.iter().chain(&self.bodies).chain(apart)
    }

    /// Each failure once, by the series that it happened to.
    pub fn failures(&self) -> Vec<(&str, &str)> {
        let series = self.comparisons().flat_map(|comparison| &comparison.series);
        let all =
            series.flat_map(|series| series.failures.iter().map(|why| (series.name.as_str(), why.as_str())));
        let mut once = Vec::new();
        for failure in all {
            if !once.contains(&failure) {
                once.push(failure);
            }
        }
        once
    }
}

impl Fairness {
    /// Right answers a second that the greedy caller got.
    pub fn greedy_answered(&self) -> Option<Spread> {
        self.greedy_spread(|met| met.answered)
    }

    /// How often a second it was refused.
    pub fn greedy_refused(&self) -> Option<Spread> {
        self.greedy_spread(|met| met.refused)
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of exchanges are far below 2^52")]
    fn greedy_spread(&self, count: impl Fn(&Met) -> u64) -> Option<Spread> {
        Spread::of(self.greedy.iter().map(|met| count(met) as f64 / self.seconds))
    }
}

impl Idle {
    /// Percent of a core that the service `role` took.
    pub fn cpu_percent(&self, role: Role) -> Option<Spread> {
        self.spread(role, |spent| spent.cpu_seconds / self.seconds * 100.0)
    }

    /// MiB that the service `role` held.
    pub fn resident_mib(&self, role: Role) -> Option<Spread> {
        self.spread(role, |spent| spent.resident_mib)
    }

    fn spread(&self, role: Role, figure: impl Fn(&Spent) -> f64) -> Option<Spread> {
        let spent = self.looks.iter().flatten().filter(|spent| spent.role == role);
        Spread::of(spent.map(figure))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::comparison::tests::{round, series};

    #[test]
    fn a_failure_is_told_once() {
        let failing = || series("a", vec![None, round(1, 1), None]);
        let comparison = || Comparison { in_flight: 1, data_bytes: 1, series: vec![failing()] };
        let findings = Findings { loads: vec![comparison(), comparison()], ..Findings::default() };
        assert_eq!(findings.failures(), [("a", "broken")]);
    }

    #[test]
    fn idle_cpu_is_a_share_of_a_core() {
        let spent = |role, cpu_seconds| Spent { role, cpu_seconds, resident_mib: 4.0 };
        let look = |cpu| vec![spent(Role::Gateway, cpu), spent(Role::Processor, 9.0)];
        let idle = Idle { seconds: 10.0, looks: vec![look(0.0), look(0.1), look(0.02)] };
        let cpu = idle.cpu_percent(Role::Gateway).unwrap();
        assert!((cpu.median - 0.2).abs() < 1e-9 && (cpu.max - 1.0).abs() < 1e-9, "{cpu:?}");
        assert_eq!(idle.resident_mib(Role::Processor).unwrap().text(1), "4.0");
        assert_eq!(idle.cpu_percent(Role::Plain), None);
    }
}
