//! G7 against forged histories.

use std::time::Duration;

use super::super::*;
use super::run::{Run, answer, data, refusal, refusal_of, seconds};
use Guarantee::G7Recovery;

#[test]
fn an_error_after_the_bound_is_reported() {
    let mut run = Run::new();
    run.answered();
    run.fault();
    run.now += seconds(3) + Duration::from_millis(1);
    let number = run.call(refusal("no_workers"));
    run.answered();
    assert_eq!(run.breaks(G7Recovery).calls, [number]);
}

#[test]
fn an_error_without_any_fault_is_reported() {
    let mut run = Run::new();
    run.answered();
    let number = run.unanswered();
    *run.expired(1) += 1;
    assert_eq!(run.breaks(G7Recovery).calls, [number]);
}

#[test]
fn a_planned_change_excuses_no_error() {
    let mut run = Run::new();
    run.answered();
    run.fault_with(None);
    let number = run.call(refusal("shutting_down"));
    run.now += seconds(5);
    run.answered();
    assert_eq!(run.breaks(G7Recovery).calls, [number]);
}

#[test]
fn a_fault_timed_from_its_beginning_excuses_only_as_long() {
    let mut run = Run::new();
    run.answered();
    run.fault();
    run.history.faults[0].since = Since::Began;
    run.history.faults[0].ended += seconds(60);
    run.now += seconds(1);
    run.call(refusal("no_workers"));
    run.now += seconds(1);
    let number = run.call(refusal("no_workers"));
    run.now += seconds(60);
    run.answered();
    assert_eq!(run.breaks(G7Recovery).calls, [number]);
}

/// Looks bad: an error long after a fault. But its call had been waiting since.
#[test]
fn a_call_that_was_open_within_the_bound_is_excused() {
    let mut run = Run::new();
    run.answered();
    run.fault();
    run.now += seconds(2);
    let number = run.unanswered();
    *run.expired(1) += 1;
    assert_eq!(run.of(number).ended.as_secs(), 12);
    run.now += seconds(15);
    run.answered();
    assert_eq!(run.holds().excused_errors, 1);
}

#[test]
fn a_recovery_that_nobody_saw_is_none() {
    let mut run = Run::new();
    run.answered();
    run.fault();
    run.answered();
    let violation = run.breaks(G7Recovery);
    assert!(violation.sentence.contains("broker frozen"), "{violation}");
}

#[test]
fn what_stays_pending_is_reported_with_its_process() {
    for (instance, index) in [(Instance::gateway(1), 2), (Instance::worker(1), 3)] {
        let mut run = Run::new();
        run.answered();
        run.rest();
        run.history.samples[index].pending = 1;
        let verdict = judge(&run.history);
        assert_eq!(verdict.count(G7Recovery), 1, "{verdict}");
        assert_eq!(verdict.violations()[0].instances, [instance]);
    }
}

#[test]
fn growth_beyond_the_terms_is_reported_and_growth_within_is_not() {
    let terms = Terms::default();
    for (sockets, bytes, violations) in [
        (terms.more_sockets, terms.more_rss_bytes, 0),
        (terms.more_sockets + 1, 0, 1),
        (0, terms.more_rss_bytes + 1, 1),
    ] {
        let mut run = Run::new();
        run.answered();
        run.rest();
        run.history.samples[2].sockets += sockets;
        run.history.samples[2].rss_bytes += bytes;
        assert_eq!(judge(&run.history).count(G7Recovery), violations);
    }
}

#[test]
fn a_process_that_ends_by_itself_is_reported() {
    let mut run = Run::new();
    run.start_worker(2);
    run.answered();
    run.worker(2).death = run.death(Ending::Failed);
    assert_eq!(run.breaks(G7Recovery).instances, [Instance::worker(2)]);
}

#[test]
fn workers_that_are_behind_at_the_end_are_reported_with_the_partition() {
    for (offset, is_behind) in [(None, true), (Some(0), true), (Some(1), false)] {
        let mut run = Run::new();
        run.answered();
        run.rest();
        let position = |offset| Position { partition: 1, offset };
        run.history.committed = offset.map(position).into_iter().collect();
        let verdict = judge(&run.history);
        assert_eq!(verdict.count(G7Recovery) == 1, is_behind, "{verdict}");
        let partition = verdict.violations().first().map(|violation| violation.records[0].partition);
        assert_eq!(partition, is_behind.then_some(1));
    }
}

#[test]
fn a_gateway_that_was_frozen_may_say_that_the_deadline_is_past() {
    let mut run = Run::new();
    run.answered();
    run.fault_with(None);
    let number = run.unanswered();
    *run.expired(1) += 1;
    let frozen = Span { from: run.of(number).sent, to: run.of(number).ended };
    run.now += seconds(20);
    run.answered();
    let error = run.breaks_unless(|run| run.gateway(1).freezes.push(frozen));
    assert_eq!((error.guarantee, error.calls), (G7Recovery, vec![number]));
}

/// Looks bad: everything fails, for a minute. But two faults follow each other, and the errors are honest.
#[test]
fn faults_that_overlap_excuse_together() {
    let mut run = Run::new();
    run.answered();
    for _ in 0..20 {
        run.fault();
        run.call(refusal("kafka_unavailable"));
        run.now += seconds(2);
        run.call(refusal("no_workers"));
    }
    run.now += seconds(5);
    run.answered();
    assert_eq!(run.holds().excused_errors, 40);
}

#[test]
fn a_failure_of_the_workers_own_is_an_error_too() {
    let mut run = Run::new();
    run.answered();
    let number = run.asked(1, |number| refusal_of(1, number, "worker_failed"));
    run.reply(number, Content::Error("failed".into()));
    assert_eq!(run.breaks(G7Recovery).calls, [number]);
}

#[test]
fn another_error_than_the_provoked_one_is_an_error() {
    let mut run = Run::new();
    run.answered();
    let number = run.call(refusal("overloaded"));
    run.of(number).provokes = Some("payload_too_large");
    assert_eq!(run.breaks(G7Recovery).calls, [number]);
    assert_ne!(answer(1, 1), answer(1, 2));
    assert_ne!(data(1), data(2));
}

#[test]
fn an_honest_error_of_a_gateway_that_is_killed_is_an_error() {
    let mut run = Run::new();
    run.start_gateway(2);
    run.answered_by(2);
    let number = run.call(refusal("no_workers"));
    let Span { from, to } = run.of(number).span();
    run.gateway(1).death = Some(Death { began: from, ended: to, by: Ending::Killed });
    run.answered_by(2);
    assert_eq!(run.breaks(G7Recovery).calls, [number]);
}

#[test]
fn growth_is_measured_from_the_first_rest() {
    let mut run = Run::new();
    let busy = Sample { is_quiet: false, sockets: 10_000, ..run.history.samples[0] };
    run.history.samples.insert(0, busy);
    run.answered();
    run.rest();
    run.history.samples[3].sockets = 1_000;
    let verdict = judge(&run.history);
    assert_eq!(verdict.count(G7Recovery), 1, "{verdict}");
    assert_eq!(verdict.violations()[0].instances, [Instance::gateway(1)]);
}
