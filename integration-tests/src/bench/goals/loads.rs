//! Goals of what is driven beside the broker alone and HTTP alone.

use super::{Bound, Goal};
use crate::bench::comparison::{Comparison, FLOOR, OURS, PLAIN, Round};
use crate::bench::findings::Findings;
use crate::bench::options::{CPU_IN_FLIGHT, Options, Suite};
use crate::bench::spread::Spread;

/// What ours may add to the broker and HTTP, in microseconds.
const ADDED_MICROS: f64 = 30.0;

/// Shares of HTTP alone's requests/s, by requests in flight.
const OF_PLAIN: [(usize, f64); 3] = [(64, 0.40), (256, 0.60), (1024, 0.80)];

/// Goals beside another series, by its name: what is better, and by how much at which requests in flight.
const OTHERS: [(&str, &[usize], f64); 3] = [
    ("prototype", &[64, 256, 1024], 0.95),
    ("musl", &[CPU_IN_FLIGHT], 1.0),
    ("traces", &[CPU_IN_FLIGHT], 0.95),
];

pub(super) fn latency(options: &Options, findings: &Findings) -> Vec<Goal> {
    if !options.loads().contains(&1) {
        return Vec::new();
    }
    let load = findings.load(1);
    let added = load.and_then(|load| {
        load.spread([OURS, FLOOR, PLAIN], |[ours, floor, plain]| {
            let p50 = |round: &Round| round.sample.millis(0.5);
            Some((p50(ours) - p50(floor) - p50(plain)) * 1e3)
        })
    });
    let tail = load.and_then(|load| {
        load.spread([OURS, FLOOR], |[ours, floor]| Some(ours.sample.millis(0.99) / floor.sample.millis(0.99)))
    });
    let words = format!("≤ floor + plain + {ADDED_MICROS:.0} µs");
    vec![
        Goal::of(
            "1 in flight, p50 beyond broker alone and HTTP alone",
            words,
            Bound::AtMost(ADDED_MICROS),
            "µs",
        )
        .measured(added),
        Goal::of("1 in flight, p99 against broker alone", "≤ 1.3 ×", Bound::AtMost(1.3), "×").measured(tail),
    ]
}

pub(super) fn throughput(options: &Options, findings: &Findings) -> Vec<Goal> {
    let loads = options.loads();
    let mut goals = Vec::new();
    for (in_flight, share) in OF_PLAIN.iter().filter(|(in_flight, _)| loads.contains(in_flight)) {
        let work = format!("requests/s at {in_flight} in flight against HTTP alone");
        let goal = Goal::of(work, format!("≥ {share:.2} ×"), Bound::AtLeast(*share), "×");
        goals.push(goal.measured(findings.load(*in_flight).and_then(|load| rates(load, OURS, PLAIN))));
    }
    if loads.contains(&CPU_IN_FLIGHT) {
        let ours = findings.load(CPU_IN_FLIGHT).and_then(|load| load.series(OURS));
        let tail =
            ours.and_then(|ours| ours.spread(|round| round.sample.millis(0.99) / round.sample.millis(0.5)));
        let work = format!("p99 at {CPU_IN_FLIGHT} in flight against its own p50");
        goals.push(Goal::of(work, "≤ 2 ×", Bound::AtMost(2.0), "×").measured(tail));
    }
    goals
}

/// The goals of series that are judged by their name.
pub(super) fn other_builds(options: &Options, findings: &Findings) -> Vec<Goal> {
    let given = |name: &str| {
        options.stack.iter().any(|stack| stack.name == name)
            || options.gateway.iter().any(|it| it.name == name)
    };
    let mut goals = Vec::new();
    for (name, loads, share) in OTHERS.iter().filter(|(name, ..)| given(name)) {
        for in_flight in loads.iter().filter(|in_flight| options.loads().contains(in_flight)) {
            // Ours is held to the prototype; the other builds are held to ours.
            let (judged, against) = if *name == "prototype" { (OURS, *name) } else { (*name, OURS) };
            let work = format!("requests/s at {in_flight} in flight, {judged} against {against}");
            let goal = Goal::of(work, format!("≥ {share:.2} ×"), Bound::AtLeast(*share), "×");
            goals
                .push(goal.measured(findings.load(*in_flight).and_then(|load| rates(load, judged, against))));
        }
    }
    goals
}

pub(super) fn cpu(options: &Options, findings: &Findings) -> Vec<Goal> {
    if !options.wants(Suite::Cpu) {
        return Vec::new();
    }
    let ratio = findings.load(CPU_IN_FLIGHT).and_then(|load| {
        load.spread([OURS, PLAIN], |[ours, plain]| Some(ours.cpu_per_10_000()? / plain.cpu_per_10_000()?))
    });
    let work = format!(
        "CPU of gateway plus worker for 10,000 requests at {CPU_IN_FLIGHT} in flight against HTTP alone"
    );
    vec![Goal::of(work, "≤ 1.8 ×", Bound::AtMost(1.8), "×").measured(ratio)]
}

fn rates(load: &Comparison, judged: &str, against: &str) -> Option<Spread> {
    load.spread([judged, against], |[judged, against]| Some(judged.sample.rate() / against.sample.rate()))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::bench::comparison::tests::{round, series};
    use crate::bench::goals::Verdict;

    fn findings(in_flight: usize) -> Findings {
        let comparison = Comparison {
            in_flight,
            data_bytes: 100,
            series: vec![
                series(FLOOR, vec![round(100, 4)]),
                series(PLAIN, vec![round(100, 1)]),
                series(OURS, vec![round(50, 6)]),
                series("musl", vec![round(40, 6)]),
            ],
        };
        Findings { loads: vec![comparison], ..Findings::default() }
    }

    fn options(arguments: &[&str]) -> Options {
        Options::parse_from([&["bench"], arguments].concat())
    }

    #[test]
    fn latency_is_judged_by_what_is_added() {
        let goals = latency(&options(&["--in-flight", "1"]), &findings(1));
        let figures: Vec<f64> = goals.iter().map(|goal| goal.figure.unwrap().median).collect();
        assert!((figures[0] - 1000.0).abs() < 10.0, "{figures:?}");
        assert!((figures[1] - 1.5).abs() < 0.01, "{figures:?}");
        assert!(goals.iter().all(|goal| goal.verdict() == Verdict::Missed));
    }

    #[test]
    fn throughput_is_a_share_of_http_alone() {
        let goals = throughput(&options(&["--in-flight", "64"]), &findings(64));
        assert_eq!(goals.len(), 1);
        assert_eq!((goals[0].figure.unwrap().median, goals[0].verdict()), (0.5, Verdict::Met));
    }

    #[test]
    fn another_build_is_judged_by_its_name() {
        let goals = other_builds(&options(&["--in-flight", "256", "--stack", "musl=/"]), &findings(256));
        assert_eq!(goals.len(), 1);
        assert_eq!((goals[0].figure.unwrap().median, goals[0].verdict()), (0.8, Verdict::Missed));
        assert!(other_builds(&options(&["--in-flight", "256"]), &findings(256)).is_empty());
    }

    #[test]
    fn cpu_is_that_of_the_same_number_of_requests() {
        let goals = cpu(&options(&["--suite", "cpu"]), &findings(256));
        assert_eq!(goals[0].figure.unwrap().median, 2.0);
        assert!(cpu(&options(&[]), &findings(256)).is_empty());
    }

    #[test]
    fn what_was_asked_for_and_failed_is_not_measured() {
        let goals = throughput(&options(&[]), &Findings::default());
        assert_eq!(goals.len(), 4);
        assert!(goals.iter().all(|goal| goal.verdict() == Verdict::NotMeasured));
    }
}
