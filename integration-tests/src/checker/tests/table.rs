//! The table against forged histories.

use std::time::Duration;

use super::super::*;
use super::run::{Run, data, refusal, seconds};

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn table(mut run: Run) -> Table {
    run.rest();
    tabulate(&run.history)
}

/// From 30 ms on for a second, with two more to recover.
fn in_trouble() -> Run {
    let mut run = Run::new();
    run.answered();
    run.fault();
    run
}

#[test]
fn calls_are_counted_by_what_became_of_them() {
    let mut run = in_trouble();
    run.call(refusal("no_workers"));
    run.call(refusal("no_workers"));
    run.call(refusal("kafka_unavailable"));
    let late = run.unanswered();
    run.expires();
    run.call(Outcome::Broken("reset".into()));
    let wrong = run.answered();
    if let Outcome::Answered { hash, .. } = &mut run.of(wrong).outcome {
        *hash = data(99);
    }
    let provoked = run.call(refusal("payload_too_large"));
    run.of(provoked).provokes = Some("payload_too_large");
    run.now += seconds(11);
    run.reply(late, Content::Hash(data(late)));
    let slow = run.answered();
    run.of(slow).sent = seconds(2);
    run.now += seconds(20);
    run.answered();
    let table = table(run);
    let Incident { cost, recovery, is_within_bound, .. } = &table.incidents[0];
    assert_eq!((cost.calls, cost.lost, cost.wrong, cost.unknown, cost.late_replies), (9, 1, 1, 2, 1));
    let refused: Vec<_> = cost.refused.iter().map(|(code, count)| (&**code, *count)).collect();
    assert_eq!(refused, [("kafka_unavailable", 1), ("no_workers", 2)]);
    assert!(cost.slowest_answer > seconds(9) && cost.slowest_answer < seconds(10), "{cost:?}");
    assert_eq!((table.undisturbed.calls, table.undisturbed.lost), (2, 0));
    assert!(*recovery > Some(seconds(9)) && !is_within_bound, "the first answer came then: {recovery:?}");
}

#[test]
fn recovery_is_timed_to_the_first_answer_of_an_unbroken_run() {
    let mut run = in_trouble();
    run.now = seconds(1) + ms(500);
    run.answered(); // Not yet: an error follows.
    run.call(refusal("no_workers"));
    run.now = seconds(2);
    run.answered();
    run.answered();
    let table = table(run);
    // It ended at 1.030 s, and the answer came at 2.020 s.
    let Incident { recovery, bound, is_within_bound, .. } = table.incidents[0];
    assert_eq!((recovery, bound, is_within_bound), (Some(ms(990)), Some(seconds(2)), true));
}

#[test]
fn a_fault_timed_from_its_beginning_counts_from_there() {
    let mut run = in_trouble();
    run.history.faults[0].since = Since::Began;
    run.now = seconds(2);
    run.answered();
    assert_eq!(table(run).incidents[0].recovery, Some(ms(1_990)));
}

#[test]
fn an_error_after_the_bound_is_the_last_faults_doing() {
    let mut run = in_trouble();
    run.answered();
    run.now = seconds(6);
    run.call(refusal("no_workers"));
    run.answered();
    let Incident { recovery, is_within_bound, .. } = table(run).incidents[0];
    assert_eq!((recovery, is_within_bound), (Some(ms(5_020)), false));
}

#[test]
fn an_error_of_the_next_fault_is_not_the_last_ones() {
    let mut run = in_trouble();
    run.now = seconds(2);
    run.answered();
    run.now = seconds(6);
    run.fault();
    run.call(refusal("no_workers"));
    run.now = seconds(8);
    run.answered();
    let table = table(run);
    let within: Vec<_> = table.incidents.iter().map(|incident| incident.is_within_bound).collect();
    assert_eq!(within, [true, true]);
    assert_eq!(table.incidents[1].recovery, Some(ms(1_020)));
}

/// A planned change, and then a fault that meets a call which was sent so long before.
fn met_by_the_next_fault(sent_before: Duration) -> Vec<bool> {
    let mut run = Run::new();
    run.answered();
    run.fault_with(None);
    run.now = seconds(2);
    run.answered();
    run.now = seconds(6);
    run.fault();
    run.now = seconds(6) - sent_before;
    let number = run.call(refusal("no_workers"));
    run.of(number).ended = seconds(6) + ms(200);
    run.now = seconds(8);
    run.answered();
    table(run).incidents.iter().map(|incident| incident.is_within_bound).collect()
}

#[test]
fn a_call_that_was_under_way_when_the_next_fault_came_is_not_the_last_ones() {
    assert_eq!(met_by_the_next_fault(ms(40)), [true, true]);
}

#[test]
fn a_call_that_had_waited_for_long_when_the_next_fault_came_is_the_last_ones() {
    assert_eq!(met_by_the_next_fault(seconds(3)), [false, true]);
}

#[test]
fn a_fault_that_comes_within_the_bound_of_the_last_one_answers_for_itself() {
    let mut run = in_trouble();
    run.now = seconds(2);
    run.answered();
    run.fault();
    run.call(refusal("no_workers"));
    run.now = seconds(5);
    run.answered();
    let table = table(run);
    let within: Vec<_> = table.incidents.iter().map(|incident| incident.is_within_bound).collect();
    assert_eq!(within, [true, true]);
}

#[test]
fn who_never_answers_again_has_not_recovered() {
    let mut run = in_trouble();
    run.now = seconds(2);
    run.call(refusal("no_workers"));
    let table = table(run);
    assert_eq!((table.incidents[0].recovery, table.is_within_bounds()), (None, false));
    assert!(table.to_string().contains("never"), "{table}");
}

#[test]
fn calls_to_the_killed_do_not_delay_the_recovery_of_the_rest() {
    let mut run = Run::new();
    run.start_gateway(2);
    run.answered();
    run.fault_with(None);
    run.history.faults[0].since = Since::Began;
    run.gateway(1).death = run.death(Ending::Killed);
    run.call(Outcome::Broken("reset".into()));
    run.answered_by(2);
    let table = table(run);
    let Incident { cost, is_within_bound, .. } = &table.incidents[0];
    assert_eq!((cost.severed, cost.lost, *is_within_bound), (1, 0, true));
}

#[test]
fn faults_of_one_kind_share_a_row_with_median_and_longest() {
    let mut run = Run::new();
    for recovery in [700, 100, 1_900] {
        run.fault();
        run.call(refusal("no_workers"));
        run.now = run.history.faults.last().unwrap().ended + ms(recovery - 20);
        run.answered();
        run.now += seconds(30);
    }
    let table = table(run);
    let [row] = &table.rows()[..] else { panic!("{table}") };
    assert_eq!((row.times, row.within, row.cost.refused["no_workers"]), (3, 3, 3));
    assert_eq!((row.median, row.longest), (Some(ms(700)), Some(ms(1_900))));
}

#[test]
fn it_prints_as_text_and_as_markdown() {
    let mut run = in_trouble();
    run.call(refusal("no_workers"));
    run.now = seconds(2);
    run.answered();
    run.now += seconds(10);
    run.answered();
    let table = table(run);
    let text = table.to_string();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines[0].starts_with("Fault          times  calls  lost"), "{text}");
    assert!(lines[1].starts_with("broker frozen      1      2     0"), "{text}");
    assert!(
        lines[1].ends_with("1 no_workers          0.02 s            0.99 s   0.99 s  2.00 s     yes"),
        "{text}"
    );
    assert!(lines[2].starts_with("(none)                    2     0"), "{text}");
    let markdown = table.markdown().to_string();
    let bars: Vec<_> = markdown.lines().map(|line| line.matches('|').count()).collect();
    assert_eq!(bars, [15; 4], "{markdown}");
    assert!(markdown.contains("| broker frozen | 1 | 2 | 0 |"), "{markdown}");
}

#[test]
fn a_call_that_had_been_open_before_is_counted() {
    let mut run = Run::new();
    let number = run.answered();
    run.now = seconds(9);
    run.fault();
    run.of(number).ended = run.now;
    run.now = seconds(15);
    run.answered();
    assert_eq!(table(run).incidents[0].cost.slowest_answer, seconds(9));
}

#[test]
fn a_planned_change_may_show_no_error() {
    for (refused, is_within) in [(0, true), (1, false)] {
        let mut run = Run::new();
        // An error of an earlier fault, with a call that had been open for long.
        run.fault();
        let number = run.call(refusal("no_workers"));
        run.of(number).ended += seconds(11);
        run.now = seconds(10);
        run.fault_with(None);
        (0..refused).for_each(|_| {
            run.call(refusal("shutting_down"));
        });
        run.now = seconds(12);
        run.answered();
        assert_eq!(table(run).incidents[1].is_within_bound, is_within);
    }
}

#[test]
fn a_planned_change_is_answerable_until_the_next_fault() {
    let mut run = Run::new();
    run.fault_with(None);
    run.now = seconds(2);
    run.answered();
    run.now = seconds(3);
    run.fault();
    run.call(refusal("no_workers"));
    run.now = seconds(5);
    run.answered();
    let incident = &table(run).incidents[0];
    assert_eq!(
        (incident.during.to, incident.cost.calls),
        (seconds(3), 2),
        "the second was open in that moment"
    );
    assert!(!incident.is_within_bound || incident.cost.refused.len() == 1);
}

#[test]
fn an_error_that_a_longer_fault_excuses_is_not_the_shorter_ones() {
    let mut run = in_trouble();
    run.history.faults[0].ended = seconds(20);
    run.now = seconds(5);
    run.fault();
    run.now = seconds(7);
    run.answered();
    run.now = seconds(15);
    run.call(refusal("no_workers"));
    run.now = seconds(21);
    run.answered();
    let within: Vec<_> = table(run).incidents.iter().map(|incident| incident.is_within_bound).collect();
    assert_eq!(within, [true, true]);
}

#[test]
fn never_is_longer_than_any_time() {
    let mut run = in_trouble();
    run.now = seconds(2);
    run.answered();
    run.now = seconds(20);
    run.fault();
    run.call(refusal("no_workers"));
    let rows = table(run).rows();
    assert_eq!((rows[0].times, rows[0].within, rows[0].longest), (2, 1, None));
}
