use clap::Parser as _;

use super::*;
use crate::bench::comparison::tests::{round, series};
use crate::bench::comparison::{Comparison, FLOOR, OURS, PLAIN};
use crate::bench::goals::{self, Bound};
use crate::bench::spread::Spread;

fn machine() -> Machine {
    let text = |text: &str| text.to_owned();
    Machine {
        began: text("2026-01-01 00:00 UTC"),
        build: text("0.1.0 (abc), release build"),
        hardware: text("2 × Fast 9000"),
        load_average: text("0.10"),
        broker: text("embedded"),
    }
}

fn findings() -> Findings {
    let comparison = Comparison {
        in_flight: 1,
        data_bytes: 100,
        series: vec![
            series(FLOOR, vec![round(100, 4), round(100, 4)]),
            series(PLAIN, vec![round(100, 1), round(200, 1)]),
            series(OURS, vec![round(50, 6), None]),
        ],
    };
    Findings { loads: vec![comparison], ..Findings::default() }
}

fn report<T>(look: impl FnOnce(Report<'_>) -> T) -> T {
    let options = Options::parse_from(["bench", "--in-flight", "1"]);
    let (machine, findings) = (machine(), findings());
    let goals = goals::judge(&options, &findings);
    look(Report { options: &options, machine: &machine, findings: &findings, goals: &goals })
}

#[test]
fn the_report_has_header_series_goals_and_failures() {
    let text = report(|report| report.markdown());
    for part in [
        "2 × Fast 9000",
        "| 1         | broker alone       |",
        "150 (100–200)",
        "**missed**",
        "**gateway and worker failed:** broken",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
}

#[test]
fn the_json_has_every_round() {
    let json: serde_json::Value = report(|report| serde_json::from_str(&report.json().unwrap()).unwrap());
    let ours = &json["findings"]["loads"][0]["series"][2];
    assert_eq!(ours["name"], OURS);
    assert_eq!(ours["rounds"][0]["answers"], 50);
    assert_eq!(ours["rounds"][0]["spent"][0]["cpu_seconds"], 0.5);
    assert!(ours["rounds"][1].is_null());
    assert_eq!(json["goals"][0]["verdict"], "missed");
    assert_eq!(json["goals"][0]["bound"]["at_most"], 30.0);
}

#[test]
fn a_goal_without_a_figure_says_why() {
    let goal = |figure, remark: Option<&str>| {
        let remark = remark.map(str::to_owned);
        let (work, bound) = ("w".to_owned(), Bound::AtMost(1.0));
        goals(&[Goal { work, goal: "≤ 1".into(), bound, unit: "ms", figure, remark }]).text()
    };
    assert!(goal(None, Some("nobody tells")).contains("| nobody tells | not measured |"));
    assert!(goal(None, None).contains("| –        | not measured |"));
    assert!(goal(Spread::of([0.5]), Some("of 3")).contains("| 0.5 ms, of 3 | met    |"));
}
