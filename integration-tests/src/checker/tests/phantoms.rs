//! G3 against forged histories.

use super::super::*;
use super::run::{Run, answer, data, id, refusal_of, seconds};
use Guarantee::G3NoPhantom;

#[test]
fn an_answer_without_a_request_is_reported() {
    let mut run = Run::new();
    let number = run.answered();
    let request = run.found(Topic::Requests, number);
    run.undo(request);
    let verdict = run.verdict();
    // The answer has no request, and neither has the reply.
    assert_eq!(verdict.count(G3NoPhantom), 2, "{verdict}");
    assert_eq!(verdict.violations()[1].calls, [number]);
    assert!(verdict.violations().iter().all(|violation| violation.ids == [id(1, number)]));
}

#[test]
fn an_answer_without_a_reply_is_reported() {
    let mut run = Run::new();
    run.answered();
    let number = run.asked(1, |number| answer(1, number));
    let violation = run.also_breaks(G3NoPhantom);
    assert_eq!((violation.calls, violation.ids), (vec![number], vec![id(1, number)]));
}

#[test]
fn an_answer_whose_reply_says_something_else_is_reported() {
    let mut run = Run::new();
    run.answered();
    let number = run.asked(1, |number| answer(1, number));
    let reply = run.reply(number, Content::Error("failed".into()));
    let violation = run.breaks(G3NoPhantom);
    assert_eq!((violation.calls, violation.records), (vec![number], vec![reply]));
}

#[test]
fn an_error_in_a_workers_name_needs_a_workers_reply() {
    let mut run = Run::new();
    run.answered();
    run.fault();
    let number = run.asked(1, |number| refusal_of(1, number, "worker_failed"));
    *run.expired(1) += 1;
    run.now += seconds(5);
    run.answered();
    assert_eq!(run.breaks(G3NoPhantom).calls, [number]);
}

#[test]
fn a_request_that_nobody_made_is_reported() {
    let mut run = Run::new();
    let number = run.answered();
    let content = Content::Request { data: data(99), reply_partition: Some(0) };
    let request = run.record(Topic::Requests, 1, Some(id(1, 99)), content);
    run.record(Topic::Responses, 0, Some(id(1, 99)), Content::Hash(data(99)));
    run.counters(1).unknown += 1;
    let violation = run.breaks(G3NoPhantom);
    assert_eq!((violation.records, number), (vec![request], 1));
}

#[test]
fn a_reply_to_nothing_is_reported() {
    let mut run = Run::new();
    run.answered();
    let reply = run.record(Topic::Responses, 0, Some(id(1, 99)), Content::Hash(data(99)));
    run.counters(1).unknown += 1;
    let violation = run.breaks(G3NoPhantom);
    assert_eq!((violation.records, violation.ids), (vec![reply], vec![id(1, 99)]));
}

/// Looks bad: answers whose records are nowhere. But both topics were deleted while the calls were open.
#[test]
fn records_may_go_with_their_topic() {
    let mut run = Run::new();
    run.answered();
    let no_trace = run.call(answer(1, 2));
    let no_request = run.call(answer(1, 3));
    run.reply(no_request, Content::Hash(data(no_request)));
    for number in [no_trace, no_request] {
        run.of(number).ended += seconds(1);
    }
    run.delete(Topic::Requests);
    run.delete(Topic::Responses);
    run.of(no_trace).ended += seconds(2);
    run.answered();
    assert_eq!(run.holds().uncounted, 1);
}

#[test]
fn a_deletion_excuses_no_other_time_and_no_other_topic() {
    let mut run = Run::new();
    run.asked(1, |number| answer(1, number));
    run.delete(Topic::DeadLetters);
    run.now += seconds(30);
    run.delete(Topic::Responses);
    run.now += seconds(30);
    run.answered();
    assert_eq!(run.also_breaks(G3NoPhantom).calls, [1]);
}
