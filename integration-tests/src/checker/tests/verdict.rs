//! How a verdict reads.

use super::super::*;
use super::run::{Run, id, refusal};

#[test]
fn the_first_violation_comes_first_with_what_to_look_at() {
    let mut run = Run::new();
    let late = run.answered();
    let lie = run.call(refusal("no_workers"));
    let request = run.request(lie);
    run.of(late).ended += std::time::Duration::from_secs(20);
    run.answered();
    let verdict = run.verdict();
    let text = verdict.to_string();
    let first = text.lines().find(|line| line.starts_with("1. ")).unwrap();
    for part in ["G7 recovery", "call 2", "gateway 1", "503 no_workers"] {
        assert!(first.contains(part), "{part} is missing in\n{text}");
    }
    let lied = text.lines().find(|line| line.contains(". G5")).unwrap();
    for part in ["call 2".to_owned(), id(1, lie).to_string(), request.to_string()] {
        assert!(lied.contains(&part), "{part} is missing in\n{text}");
    }
    assert!(text.contains("G1 totality: violated 1 times"), "{text}");
}

#[test]
fn of_many_violations_the_first_few_are_kept_and_all_are_counted() {
    let mut run = Run::new();
    run.answered();
    for _ in 0..1_000 {
        run.call(refusal("no_workers"));
    }
    run.history.calls.reverse();
    let verdict = run.verdict();
    assert_eq!(verdict.count(Guarantee::G7Recovery), 1_000);
    let calls: Vec<_> = verdict.violations().iter().flat_map(|violation| violation.calls.clone()).collect();
    assert_eq!(calls, (2..22).collect::<Vec<_>>());
    let text = verdict.to_string();
    assert!(text.contains("… and 990 more"), "{text}");
    assert!(text.lines().count() < 20, "{text}");
}

#[test]
fn a_good_run_says_on_what_it_rests() {
    let mut run = Run::new();
    run.answered();
    let verdict = run.verdict();
    assert!(verdict.holds());
    let text = verdict.to_string();
    assert!(text.starts_with("G1 to G7 hold.\n1 calls: 1 answered"), "{text}");
}
