//! G1 against forged histories.

use std::time::Duration;

use super::super::*;
use super::run::{LIMIT, Run, data, refusal, seconds};
use Guarantee::G1Totality;

fn broken() -> Outcome {
    Outcome::Broken("connection reset".into())
}

/// Gateway 1 was told to stop now, and was gone a second later; gateway 2 serves on.
fn stopping() -> Run {
    let mut run = Run::new();
    run.start_gateway(2);
    run.answered();
    let began = run.now;
    run.gateway(1).death = Some(Death { began, ended: began + seconds(1), by: Ending::Stopped });
    run
}

#[test]
fn a_call_without_a_response_is_reported_by_its_number() {
    for outcome in [
        broken(),
        Outcome::TimedOut,
        Outcome::NotConnected("refused".into()),
        Outcome::Garbled("<html>".into()),
    ] {
        let mut run = Run::new();
        run.answered();
        run.fault();
        let number = run.call(outcome);
        run.now += seconds(5);
        run.answered();
        let violation = run.breaks(G1Totality);
        assert_eq!(violation.calls, [number]);
        assert_eq!(violation.instances, [Instance::gateway(1)]);
    }
}

#[test]
fn a_response_after_deadline_and_grace_is_late_and_one_within_is_not() {
    let mut run = Run::new();
    let number = run.answered();
    let allowed = run.of(number).sent + LIMIT + Duration::from_millis(500);
    run.of(number).ended = allowed;
    run.holds();
    let mut run = Run::new();
    let number = run.answered();
    run.of(number).ended = allowed + Duration::from_millis(1);
    assert_eq!(run.breaks(G1Totality).calls, [number]);
}

#[test]
fn an_honest_error_is_a_response() {
    let mut run = Run::new();
    run.answered();
    run.fault();
    run.call(refusal("kafka_unavailable"));
    run.now += seconds(5);
    run.answered();
    assert_eq!(run.holds().excused_errors, 1);
}

#[test]
fn calls_that_were_open_when_their_gateway_was_killed_are_severed_and_later_ones_go_to_nobody() {
    let mut run = Run::new();
    run.start_gateway(2);
    let number = run.call(broken());
    run.gateway(1).death = Some(Death {
        began: Duration::from_millis(10),
        ended: Duration::from_millis(30),
        by: Ending::Killed,
    });
    run.now = seconds(1);
    run.call(Outcome::NotConnected("refused".into()));
    run.answered_by(2);
    run.gateway(1).counters = None;
    let figures = run.holds();
    assert_eq!((figures.severed, figures.gone, number), (1, 1, 1));
}

#[test]
fn a_call_that_ended_before_its_gateway_was_killed_is_owed_its_response() {
    let mut run = Run::new();
    run.start_gateway(2);
    run.answered_by(2);
    run.fault();
    let number = run.call(broken());
    run.now += seconds(1);
    run.gateway(1).death = run.death(Ending::Killed);
    run.now += seconds(5);
    run.answered_by(2);
    assert_eq!(run.breaks(G1Totality).calls, [number]);
}

#[test]
fn a_frozen_gateway_may_answer_late() {
    let mut run = Run::new();
    let number = run.answered();
    run.of(number).ended += seconds(30);
    let frozen = Span { from: Duration::from_millis(10), to: seconds(29) };
    run.gateway(1).freezes.push(frozen);
    assert_eq!(run.holds().severed, 1);
}

#[test]
fn a_freeze_of_another_time_or_another_gateway_excuses_nothing() {
    let mut run = Run::new();
    run.start_gateway(2);
    let number = run.answered();
    run.of(number).ended += seconds(30);
    run.gateway(1).freezes.push(Span { from: seconds(40), to: seconds(50) });
    run.gateway(2).freezes.push(Span { from: Duration::ZERO, to: seconds(50) });
    assert_eq!(run.breaks(G1Totality).calls, [number]);
}

#[test]
fn an_idle_connection_may_be_cut_in_the_moment_when_a_stopped_gateway_closes_it() {
    let mut run = stopping();
    let idle_since = run.now - Duration::from_millis(10);
    run.now += Duration::from_millis(600);
    let number = run.call(broken());
    run.of(number).connection = Connection::KeptAlive { idle_since };
    run.answered_by(2);
    assert_eq!(run.holds().cut, 1);
}

/// Its answer was under way when the signal came.
#[test]
fn a_connection_that_was_answered_just_after_the_signal_may_be_cut_as_well() {
    let mut run = stopping();
    let idle_since = run.now + Duration::from_millis(150);
    run.now += Duration::from_millis(600);
    let number = run.call(broken());
    run.of(number).connection = Connection::KeptAlive { idle_since };
    run.answered_by(2);
    assert_eq!(run.holds().cut, 1);
}

#[test]
fn a_connection_used_during_the_last_call_should_have_been_told_to_close() {
    let mut run = stopping();
    let idle_since = run.now + Duration::from_millis(300);
    run.now += Duration::from_millis(600);
    let number = run.call(broken());
    run.of(number).connection = Connection::KeptAlive { idle_since };
    run.answered_by(2);
    assert_eq!(run.also_breaks(G1Totality).calls, [number]);
}

#[test]
fn a_stopping_gateway_owes_its_last_call_a_response() {
    // Sent during the last call, whenever the connection ended; or so shortly before its end that it ended too early.
    for (sent, ended) in [(100, 120), (100, 700), (450, 470)] {
        let mut run = stopping();
        let (began, idle_since) = (run.now, run.now - Duration::from_millis(10));
        let number = run.call(broken());
        let call = run.of(number);
        call.connection = Connection::KeptAlive { idle_since };
        call.sent = began + Duration::from_millis(sent);
        call.ended = began + Duration::from_millis(ended);
        run.answered_by(2);
        assert_eq!(run.also_breaks(G1Totality).calls, [number], "{sent} to {ended}");
    }
}

#[test]
fn a_stopping_gateway_may_not_answer_late() {
    let mut run = stopping();
    run.now += Duration::from_millis(600);
    let number = run.answered();
    run.of(number).ended += seconds(30);
    run.answered_by(2);
    assert_eq!(run.breaks(G1Totality).calls, [number]);
}

#[test]
fn what_is_no_response_is_excused_by_nothing() {
    let mut run = Run::new();
    run.answered();
    run.fault();
    let number = run.call(Outcome::Garbled("<html>".into()));
    let frozen = run.of(number).span();
    run.gateway(1).freezes.push(frozen);
    run.now += seconds(5);
    run.answered();
    assert_eq!(run.breaks(G1Totality).calls, [number]);
}

#[test]
fn a_connection_used_after_the_last_call_is_not_idle() {
    let mut run = stopping();
    run.now += Duration::from_millis(700);
    let idle_since = run.now - Duration::from_millis(10);
    let number = run.call(broken());
    run.of(number).connection = Connection::KeptAlive { idle_since };
    run.answered_by(2);
    assert_eq!(run.also_breaks(G1Totality).calls, [number]);
}

#[test]
fn a_crash_excuses_nothing() {
    let mut run = Run::new();
    run.start_gateway(2);
    run.fault();
    let number = run.call(broken());
    run.gateway(1).death = Some(Death { began: Duration::ZERO, ended: seconds(1), by: Ending::Failed });
    run.now += seconds(5);
    run.answered_by(2);
    let verdict = run.verdict();
    assert_eq!((verdict.count(G1Totality), verdict.count(Guarantee::G7Recovery)), (1, 1), "{verdict}");
    assert_eq!(verdict.violations()[0].instances, [Instance::gateway(1)]);
    assert!(verdict.violations().iter().any(|violation| violation.calls == [number]));
}

#[test]
fn while_the_observer_did_not_run_it_saw_no_response() {
    let mut run = Run::new();
    let number = run.answered();
    run.of(number).ended += seconds(12);
    run.history.stalls.push(Span { from: seconds(1), to: seconds(4) });
    run.holds();
}

#[test]
fn data_is_what_it_is_told_by() {
    assert_ne!(data(1), data(2));
    assert_eq!(Digest::parse(&data(1).to_string()), Some(data(1)));
    assert_eq!(Digest::parse(&data(1).to_string().to_uppercase()), None);
    assert_eq!(Digest::parse("00"), None);
}
