//! Histories that cannot be judged.

use super::super::*;
use super::run::{Run, data, id, seconds};
use Guarantee::Evidence;

#[test]
fn a_run_without_answers_shows_nothing() {
    let verdict = judge(&History::default());
    assert_eq!(verdict.count(Evidence), 1);
    assert!(!verdict.holds());
}

#[test]
fn a_record_that_the_tail_overlooked_is_reported_before_what_follows_from_it() {
    let mut run = Run::new();
    let numbers = [run.answered(), run.answered(), run.answered()];
    let overlooked = run.found(Topic::Responses, numbers[1]);
    run.history.records.retain(|record| record.at != overlooked);
    let verdict = run.verdict();
    let first = &verdict.violations()[0];
    assert_eq!((first.guarantee, first.records[0].offset), (Evidence, overlooked.offset + 1), "{verdict}");
}

#[test]
fn a_log_that_was_not_tailed_to_its_end_is_reported() {
    let mut run = Run::new();
    let number = run.answered();
    run.rest();
    let request = run.found(Topic::Requests, number);
    let log = run.history.logs.iter_mut().find(|log| log.partition == request.partition).unwrap();
    log.end += 2;
    let verdict = judge(&run.history);
    assert_eq!(verdict.count(Evidence), 1, "{verdict}");
    assert!(verdict.violations()[0].sentence.contains("last 2 records"));
}

#[test]
fn a_record_seen_twice_or_in_no_tailed_log_is_reported() {
    let mut run = Run::new();
    run.answered();
    let again = run.history.records[0].clone();
    run.history.records.push(again);
    let violation = run.also_breaks(Evidence);
    assert!(violation.sentence.contains("seen twice"), "{violation}");

    let mut run = Run::new();
    run.answered();
    run.history.logs.retain(|log| log.topic != Topic::DeadLetters);
    let number = run.answered();
    let at = Coordinates { topic: Topic::DeadLetters, incarnation: 0, partition: 0, offset: 0 };
    let content = Content::DeadLetter { reason: "failed".into(), origin: None };
    run.history.records.push(Seen { at, seen: seconds(1), id: Some(id(1, number)), content });
    assert_eq!(run.breaks(Evidence).records, [at]);
}

#[test]
fn calls_that_cannot_be_told_apart_are_reported() {
    let mut run = Run::new();
    let (one, other) = (run.answered(), run.answered());
    run.of(one).data = data(other);
    assert_eq!(run.also_breaks(Evidence).calls, [one]);

    let mut run = Run::new();
    run.answered();
    let number = run.answered();
    run.of(number).number = 1;
    assert_eq!(run.also_breaks(Evidence).calls, [1]);

    let mut run = Run::new();
    let number = run.answered();
    let call = run.of(number);
    std::mem::swap(&mut call.sent, &mut call.ended);
    assert_eq!(run.breaks(Evidence).calls, [number]);
}

#[test]
fn a_call_to_a_gateway_that_never_was_is_reported() {
    let mut run = Run::new();
    run.answered();
    let number = run.answered();
    run.of(number).gateway = Instance::gateway(9);
    assert_eq!(run.also_breaks(Evidence).calls, [number]);
}

#[test]
fn a_process_that_was_not_measured_at_rest_is_reported() {
    let mut run = Run::new();
    run.answered();
    run.rest();
    run.history.samples[3].is_quiet = false;
    let verdict = judge(&run.history);
    assert_eq!(verdict.count(Evidence), 1, "{verdict}");
    assert_eq!(verdict.violations()[0].instances, [Instance::worker(1)]);
}

#[test]
fn a_gateway_that_was_not_asked_for_its_counters_is_reported() {
    let mut run = Run::new();
    run.answered();
    run.gateway(1).counters = None;
    assert_eq!(run.breaks(Evidence).instances, [Instance::gateway(1)]);
}
