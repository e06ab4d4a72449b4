//! Goals of the suites that have an arrangement of their own.

use super::{Bound, Goal};
use crate::bench::child::Role;
use crate::bench::comparison::{Comparison, FLOOR, OURS, Round};
use crate::bench::findings::Findings;
use crate::bench::options::{MEMORY_IN_FLIGHT, Options, Suite};
use crate::bench::spread::Spread;
use crate::bench::suites::payloads::AROUND_DATA;
use crate::bench::suites::sharing::{FOREIGN, FOREIGN_PARSED};
use crate::bench::suites::workers;

/// The series that is our gateway as it ships in its image.
const CONTAINER: &str = "container";

/// Well below the 40 ms of a delayed acknowledgement.
const STALL_MILLIS: f64 = 30.0;

pub(super) fn memory(options: &Options, findings: &Findings) -> Vec<Goal> {
    if !options.wants(Suite::Memory) {
        return Vec::new();
    }
    let at_rest = |role| findings.idle.as_ref().and_then(|idle| idle.resident_mib(role));
    let ours = findings.load(MEMORY_IN_FLIGHT).and_then(|load| load.series(OURS));
    let under_load =
        ours.and_then(|ours| Spread::of(ours.rounds.iter().flatten().filter_map(Round::resident_mib)));
    let resident = |work: &str, most: f64, figure| {
        Goal::of(work, format!("≤ {most:.0} MiB"), Bound::AtMost(most), "MiB").measured(figure)
    };
    vec![
        resident("resident memory of the gateway, idle", 10.0, at_rest(Role::Gateway)),
        resident("resident memory of the worker, idle", 10.0, at_rest(Role::Processor)),
        resident(
            &format!("resident memory of both together at {MEMORY_IN_FLIGHT} in flight"),
            50.0,
            under_load,
        ),
    ]
}

pub(super) fn idle(options: &Options, findings: &Findings) -> Vec<Goal> {
    if !options.wants(Suite::Idle) {
        return Vec::new();
    }
    let of = |work: &str, role| {
        let figure = findings.idle.as_ref().and_then(|idle| idle.cpu_percent(role));
        Goal::of(work, "≤ 0.5 % of a core", Bound::AtMost(0.5), "%").measured(figure)
    };
    vec![of("CPU of the gateway, idle", Role::Gateway), of("CPU of the worker, idle", Role::Processor)]
}

pub(super) fn bodies(findings: &Findings) -> Vec<Goal> {
    let mut goals = Vec::new();
    for comparison in &findings.bodies {
        let kib = (comparison.data_bytes + AROUND_DATA) / 1024;
        for (name, among) in [(OURS, ""), (CONTAINER, ", in the container")] {
            if comparison.series(name).is_none() {
                continue;
            }
            let ratio = comparison
                .spread([name, FLOOR], |[it, floor]| Some(it.sample.millis(0.5) / floor.sample.millis(0.5)));
            let work = format!("bodies of {kib} KiB, p50 against broker alone{among}");
            goals.push(Goal::of(work, "≤ 1.3 ×", Bound::AtMost(1.3), "×").measured(ratio));
        }
    }
    let held = |comparison| {
        [OURS, CONTAINER].into_iter().filter_map(move |name| Comparison::series(comparison, name))
    };
    let p50s =
        findings.bodies.iter().flat_map(held).filter_map(|it| it.spread(|round| round.sample.millis(0.5)));
    if !findings.bodies.is_empty() {
        let slowest = p50s.max_by(|a, b| a.median.total_cmp(&b.median));
        let goal = Goal::of(
            "bodies of any size, slowest p50",
            "never near 40 ms",
            Bound::AtMost(STALL_MILLIS),
            "ms",
        );
        goals.push(goal.measured(slowest));
    }
    goals
}

pub(super) fn sharing(options: &Options, findings: &Findings) -> Vec<Goal> {
    if !options.wants(Suite::Sharing) {
        return Vec::new();
    }
    let counts = findings.sharing.as_ref().map(|sharing| sharing.counts.as_slice()).unwrap_or_default();
    let count = |name| counts.iter().find(|(known, _)| *known == name).and_then(|(_, count)| *count);
    let (foreign, parsed) = (count(FOREIGN), count(FOREIGN_PARSED));
    // Of nothing read, nothing parsed says nothing.
    let figure = parsed.filter(|_| foreign.is_some_and(|foreign| foreign > 0.0));
    let remark = match (foreign, figure) {
        (Some(foreign), Some(_)) => format!("of {foreign:.0} read"),
        _ => format!("the gateways show no {FOREIGN} above 0 and {FOREIGN_PARSED}"),
    };
    let work = "6 gateways on 3 response partitions, values of others' replies that were parsed";
    let goal = Goal::of(work, "0", Bound::AtMost(0.0), "").measured(Spread::of(figure));
    vec![Goal { remark: Some(remark), ..goal }]
}

pub(super) fn workers(options: &Options, findings: &Findings) -> Vec<Goal> {
    if !options.wants(Suite::Workers) {
        return Vec::new();
    }
    let of = |count: u32| {
        let (one, many) = (workers::series(1), workers::series(count as usize));
        let growth = findings.workers.as_ref().and_then(|comparison| {
            comparison.spread([&many, &one], |[many, one]| {
                Some(many.sample.rate() / one.sample.rate() / f64::from(count))
            })
        });
        let work = format!(
            "requests/s of {count} workers with a handler of 5 ms against {count} times those of one"
        );
        Goal::of(work, "≥ 0.9 ×", Bound::AtLeast(0.9), "×").measured(growth)
    };
    vec![of(2), of(3)]
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::bench::comparison::tests::{round, series};
    use crate::bench::findings::Sharing;
    use crate::bench::goals::Verdict;

    fn options(suite: &str) -> Options {
        Options::parse_from(["bench", "--suite", suite])
    }

    fn comparison(names: [&str; 2], counts: [u64; 2], millis: [u64; 2]) -> Comparison {
        let of = |n: usize| series(names[n], vec![round(counts[n], millis[n])]);
        Comparison { in_flight: 1, data_bytes: 9 * 1024 - AROUND_DATA, series: vec![of(0), of(1)] }
    }

    #[test]
    fn bodies_are_judged_size_by_size_and_by_the_slowest() {
        let judged = |measured| bodies(&Findings { bodies: measured, ..Findings::default() });
        let goals = judged(vec![comparison([FLOOR, OURS], [10, 10], [10, 40])]);
        assert_eq!(goals[0].work, "bodies of 9 KiB, p50 against broker alone");
        assert!(goals.iter().all(|goal| goal.verdict() == Verdict::Missed), "{goals:?}");
        assert!(judged(Vec::new()).is_empty());
    }

    #[test]
    fn workers_are_judged_by_their_number() {
        let three = comparison(["1 worker", "3 workers"], [100, 285], [1, 1]);
        let findings = Findings { workers: Some(three), ..Findings::default() };
        let goals = workers(&options("workers"), &findings);
        assert_eq!(goals[0].verdict(), Verdict::NotMeasured);
        assert!((goals[1].figure.unwrap().median - 0.95).abs() < 1e-9);
    }

    #[test]
    fn nothing_read_of_others_is_no_proof() {
        let verdict = |foreign, parsed| {
            let comparison = comparison(["a", "b"], [1, 1], [1, 1]);
            let sharing = Sharing { comparison, counts: vec![(FOREIGN, foreign), (FOREIGN_PARSED, parsed)] };
            let findings = Findings { sharing: Some(sharing), ..Findings::default() };
            super::sharing(&options("sharing"), &findings)[0].verdict()
        };
        assert_eq!(verdict(Some(9.0), Some(0.0)), Verdict::Met);
        assert_eq!(verdict(Some(9.0), Some(1.0)), Verdict::Missed);
        assert_eq!(verdict(Some(0.0), Some(0.0)), Verdict::NotMeasured);
        assert_eq!(verdict(None, Some(0.0)), Verdict::NotMeasured);
    }
}
