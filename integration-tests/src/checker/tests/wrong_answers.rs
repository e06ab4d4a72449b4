//! G2 against forged histories.

use super::super::*;
use super::run::{Run, data, id, seconds};
use Guarantee::G2NoWrongAnswer;

#[test]
fn a_hash_of_other_data_is_reported_with_its_call() {
    let mut run = Run::new();
    let (one, other) = (run.answered(), run.answered());
    run.of(one).outcome = Outcome::Answered { id: id(1, one), hash: data(other) };
    let verdict = run.verdict();
    let [wrong, phantom] = verdict.violations() else { panic!("{verdict}") };
    assert_eq!((wrong.guarantee, phantom.guarantee), (G2NoWrongAnswer, Guarantee::G3NoPhantom));
    assert_eq!((&*wrong.calls, &*wrong.ids), (&[one][..], &[id(1, one)][..]));
}

#[test]
fn two_calls_with_one_id_are_reported_both() {
    let mut run = Run::new();
    let one = run.answered();
    let other = run.call(Outcome::Answered { id: id(1, one), hash: data(2) });
    let violation = run.also_breaks(G2NoWrongAnswer);
    assert_eq!((violation.calls, violation.ids), (vec![other, one], vec![id(1, one)]));
}

#[test]
fn an_id_under_which_other_data_was_written_is_not_the_calls_own() {
    let mut run = Run::new();
    let one = run.answered();
    let other = run.answered();
    run.of(one).outcome = Outcome::Answered { id: id(1, other), hash: data(one) };
    run.of(other).outcome = Outcome::Answered { id: id(1, one), hash: data(other) };
    let verdict = run.verdict();
    assert_eq!(verdict.count(G2NoWrongAnswer), 2, "right hashes, exchanged ids:\n{verdict}");
}

#[test]
fn two_requests_under_one_id_are_reported_with_their_places() {
    let mut run = Run::new();
    let one = run.answered();
    let first = run.found(Topic::Requests, one);
    let number = run.answered();
    let second = run.found(Topic::Requests, number);
    let record = run.history.records.iter_mut().find(|record| record.at == second).unwrap();
    record.id = Some(id(1, one));
    let violation = run.also_breaks(G2NoWrongAnswer);
    assert_eq!((violation.ids, violation.records), (vec![id(1, one)], vec![first, second]));
}

#[test]
fn a_wrong_reply_that_nobody_received_is_wrong_as_well() {
    let mut run = Run::new();
    run.fault();
    let number = run.unanswered();
    let request = run.found(Topic::Requests, number);
    run.now += seconds(20);
    let reply = run.reply(number, Content::Hash(data(99)));
    run.counters(1).late += 1;
    run.answered();
    let violation = run.breaks(G2NoWrongAnswer);
    assert_eq!((violation.ids, violation.records), (vec![id(1, number)], vec![request, reply]));
}

#[test]
fn a_reply_that_contradicts_itself_is_reported() {
    let mut run = Run::new();
    let number = run.answered();
    let reply = run.reply(number, Content::Unfit("for another id".into()));
    run.counters(1).duplicate += 1;
    run.answered();
    assert_eq!(run.also_breaks(G2NoWrongAnswer).records, [reply]);
}

/// Looks bad: one request in the topic three times, and its answer four times.
#[test]
fn the_same_right_answer_may_come_often() {
    let mut run = Run::new();
    let number = run.answered();
    run.request(number);
    run.request(number);
    for _ in 0..3 {
        run.reply(number, Content::Hash(data(number)));
    }
    run.counters(1).duplicate += 3;
    run.answered();
    assert_eq!(run.holds().surplus, 3);
}
