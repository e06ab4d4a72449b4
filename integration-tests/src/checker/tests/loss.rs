//! G4 against forged histories.

use super::super::*;
use super::run::{LIMIT, Run, data, id, refusal_of, seconds};
use Guarantee::G4NoLoss;

/// One answered call, then a fault that excuses errors for a while.
fn in_trouble() -> Run {
    let mut run = Run::new();
    run.answered();
    run.fault();
    run
}

/// The trouble is over, and somebody is answered.
fn over(mut run: Run) -> Run {
    run.now += seconds(20);
    run.answered();
    run
}

#[test]
fn a_request_that_the_workers_have_not_passed_is_lost() {
    let mut run = in_trouble();
    let number = run.expires();
    let request = run.found(Topic::Requests, number);
    let mut run = over(run);
    run.rest();
    for position in &mut run.history.committed {
        if position.partition == request.partition {
            position.offset = request.offset;
        }
    }
    let verdict = judge(&run.history);
    assert_eq!(verdict.count(G4NoLoss), 1, "{verdict}");
    let violation = verdict.violations().iter().find(|violation| violation.guarantee == G4NoLoss).unwrap();
    assert_eq!((&*violation.ids, &*violation.records), (&[id(1, number)][..], &[request][..]));
}

#[test]
fn a_request_that_was_passed_before_it_could_expire_is_lost() {
    let mut run = in_trouble();
    let number = run.expires();
    run.of(number).limit = seconds(10_000);
    let request = run.found(Topic::Requests, number);
    assert_eq!(over(run).breaks(G4NoLoss).records, [request]);
}

#[test]
fn more_requests_gone_than_expired_is_a_loss() {
    let mut run = in_trouble();
    let numbers = [run.expires(), run.unanswered()];
    let violation = over(run).breaks(G4NoLoss);
    assert_eq!(violation.ids, numbers.map(|number| id(1, number)));
    assert!(violation.sentence.contains("2 requests"), "{violation}");
}

#[test]
fn a_request_appended_twice_and_answered_once_is_a_loss() {
    let mut run = in_trouble();
    let number = run.answered();
    let content = Content::Request { data: data(number), reply_partition: Some(0) };
    let second = run.record(Topic::Requests, 0, Some(id(1, number)), content);
    assert!(second < run.found(Topic::Requests, number), "it is the later one by time alone");
    assert_eq!(over(run).breaks(G4NoLoss).records, [second]);
}

#[test]
fn a_request_without_an_id_is_owed_a_dead_letter() {
    let mut run = in_trouble();
    let number = run.call(refusal_of(1, 2, "outcome_unknown"));
    let content = Content::Request { data: data(number), reply_partition: Some(0) };
    let request = run.record(Topic::Requests, 1, None, content);
    run.rest();
    run.now -= seconds(90);
    let mut kept = over(in_trouble());
    let mut lost = over(run);
    lost.rest();
    assert_eq!(judge(&lost.history).violations()[0].records, [request]);

    let number = kept.call(refusal_of(1, 3, "outcome_unknown"));
    let content = Content::Request { data: data(number), reply_partition: Some(0) };
    let request = kept.record(Topic::Requests, 1, None, content);
    kept.dead_letter(number, request);
    kept.history.faults[0].ended = kept.now;
    over(kept).holds();
}

#[test]
fn the_notice_of_a_dead_letter_answers_no_other_record() {
    let mut run = in_trouble();
    let number = run.asked(1, |number| refusal_of(1, number, "worker_failed"));
    let first = run.found(Topic::Requests, number);
    let second = run.request(number);
    run.dead_letter(number, first);
    run.reply(number, Content::Error("failed".into()));
    assert_eq!(over(run).breaks(G4NoLoss).records, [second]);
}

/// Looks bad: HTTP said 504 to all of them.
#[test]
fn replies_late_dead_letters_and_expiry_are_ends() {
    let mut run = in_trouble();
    run.expires();
    let late = run.unanswered();
    let kept = run.unanswered();
    let request = run.found(Topic::Requests, kept);
    run.dead_letter(kept, request);
    run.now += seconds(15);
    run.reply(late, Content::Hash(data(late)));
    run.counters(1).late += 1;
    let figures = over(run).holds();
    assert_eq!((figures.expired, figures.dead_letters, figures.surplus), (1, 1, 1));
}

#[test]
fn a_killed_worker_may_have_counted_what_expired_before() {
    let mut run = in_trouble();
    run.start_worker(2);
    run.unanswered();
    run.now += seconds(15);
    run.worker(2).death = run.death(Ending::Killed);
    let mut run = over(run);
    run.holds();

    run = in_trouble();
    run.start_worker(2);
    run.worker(2).death = run.death(Ending::Killed);
    run.now += seconds(1);
    let number = run.unanswered();
    assert_eq!(over(run).breaks(G4NoLoss).ids, [id(1, number)], "it was dead before the deadline");
}

#[test]
fn a_worker_whose_clock_is_ahead_may_expire_a_backlog_early() {
    let mut run = in_trouble();
    run.start_worker(2);
    run.worker(2).clock_ahead_ms = 30_000;
    run.unanswered();
    run.now += seconds(1);
    run.worker(2).death = run.death(Ending::Stopped);
    over(run).holds();
}

/// Looks bad: requests without any end. But their topic, or that of their replies, was deleted.
#[test]
fn requests_may_end_with_a_topic() {
    let mut run = in_trouble();
    run.unanswered();
    run.delete(Topic::Requests);
    assert_eq!(over(run).holds().lost_with_topics, 1);

    let mut run = in_trouble();
    run.unanswered();
    run.delete(Topic::Responses);
    assert_eq!(over(run).holds().lost_with_topics, 1);

    let mut run = in_trouble();
    run.delete(Topic::Requests);
    run.fault();
    let number = run.unanswered();
    assert_eq!(over(run).breaks(G4NoLoss).ids, [id(1, number)], "it was written afterwards");
}

#[test]
fn what_was_over_long_before_a_deletion_did_not_end_with_it() {
    for topic in [Topic::Responses, Topic::DeadLetters] {
        let mut run = in_trouble();
        let number = run.unanswered();
        run.now += LIMIT + seconds(9);
        run.delete(topic);
        assert_eq!(over(run).holds().lost_with_topics, 1);

        let mut run = in_trouble();
        let later = run.unanswered();
        run.now += LIMIT + seconds(11);
        run.delete(topic);
        assert_eq!((over(run).breaks(G4NoLoss).ids, number), (vec![id(1, later)], later));
    }
}
