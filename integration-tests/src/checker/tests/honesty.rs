//! G5 against forged histories.

use super::super::*;
use super::run::{Run, data, id, refusal, refusal_of, seconds};
use Guarantee::G5HonestErrors;

fn after(mut run: Run) -> Run {
    run.now += seconds(20);
    run.answered();
    run
}

fn in_trouble() -> Run {
    let mut run = Run::new();
    run.answered();
    run.fault();
    run
}

#[test]
fn a_record_of_a_request_that_was_not_sent_is_reported() {
    for code in [
        "overloaded",
        "kafka_unavailable",
        "no_workers",
        "shutting_down",
        "payload_too_large",
        "invalid_request",
    ] {
        let mut run = in_trouble();
        let number = run.call(refusal(code));
        // Written long after the caller was told, and even executed.
        run.now += seconds(5);
        let request = run.request(number);
        run.reply(number, Content::Hash(data(number)));
        run.counters(1).unknown += 1;
        let violation = after(run).breaks(G5HonestErrors);
        assert_eq!((violation.calls, violation.ids), (vec![number], vec![id(1, number)]), "{code}");
        assert_eq!(violation.records, [request], "{code}");
    }
}

#[test]
fn an_unknown_outcome_that_calls_itself_safe_to_retry_is_reported() {
    let mut run = in_trouble();
    let number = run.call(refusal_of(1, 2, "outcome_unknown"));
    if let Outcome::Refused { retry_safe, .. } = &mut run.of(number).outcome {
        *retry_safe = true;
    }
    assert_eq!(after(run).breaks(G5HonestErrors).calls, [number]);
}

#[test]
fn an_error_under_another_name_or_status_is_reported() {
    for (status, code, retry_safe) in [
        (504, "kafka_unavailable", false),
        (504, "timeout", false),
        (503, "outcome_unknown", true),
        (503, "overloaded", false),
        (500, "internal", false),
    ] {
        let mut run = in_trouble();
        let number = run.call(Outcome::Refused { status, code: code.into(), retry_safe, id: None });
        assert_eq!(after(run).breaks(G5HonestErrors).calls, [number], "{status} {code}");
    }
}

/// Looks bad: a 504 whose request was executed, and one that left no record at all.
#[test]
fn an_unknown_outcome_promises_nothing() {
    let mut run = in_trouble();
    let executed = run.unanswered();
    run.now += seconds(11);
    run.reply(executed, Content::Hash(data(executed)));
    run.counters(1).late += 1;
    run.history.faults[0].ended += seconds(60);
    run.call(refusal_of(1, 3, "outcome_unknown"));
    run.now += seconds(60);
    after(run).holds();
}

/// Looks bad: an error while nothing was wrong. But the call was made to get it.
#[test]
fn a_call_may_provoke_its_error() {
    let mut run = Run::new();
    let number = run.call(refusal("payload_too_large"));
    run.of(number).provokes = Some("payload_too_large");
    run.answered();
    assert_eq!(run.holds().refused, 0);
}

#[test]
fn whatever_its_status_an_error_that_is_safe_to_retry_says_that_nothing_was_sent() {
    let mut run = in_trouble();
    let number = run.unanswered();
    if let Outcome::Refused { retry_safe, .. } = &mut run.of(number).outcome {
        *retry_safe = true;
    }
    *run.expired(1) += 1;
    let request = run.found(Topic::Requests, number);
    let verdict = after(run).verdict();
    let [_, lie] = verdict.violations() else { panic!("{verdict}") };
    assert_eq!((lie.guarantee, &*lie.records), (G5HonestErrors, &[request][..]));
}
