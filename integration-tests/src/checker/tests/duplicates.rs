//! G6 against forged histories.

use super::super::*;
use super::run::{Run, answer, data, id, seconds};
use Guarantee::G6HarmlessDuplicates;

#[test]
fn replies_that_differ_are_reported_with_their_places() {
    let mut run = Run::new();
    let number = run.answered();
    let first = run.found(Topic::Responses, number);
    let second = run.reply(number, Content::Error("failed".into()));
    run.counters(1).duplicate += 1;
    run.answered();
    let violation = run.breaks(G6HarmlessDuplicates);
    assert_eq!((violation.ids, violation.records), (vec![id(1, number)], vec![first, second]));
}

#[test]
fn errors_of_two_codes_differ() {
    let mut run = Run::new();
    run.fault();
    let number = run.unanswered();
    run.now += seconds(15);
    run.reply(number, Content::Error("failed".into()));
    run.reply(number, Content::Error("rejected".into()));
    run.counters(1).late += 2;
    run.answered();
    assert_eq!(run.breaks(G6HarmlessDuplicates).ids, [id(1, number)]);
}

/// A request that was answered, executed once more after the response topic was deleted and made anew; what is answered
/// then.
fn executed_again_on_a_new_topic(code: &str) -> (Run, u64) {
    let mut run = Run::new();
    let number = run.answered();
    run.delete(Topic::Responses);
    run.reply(number, Content::Error(code.into()));
    run.counters(1).duplicate += 1;
    run.answered();
    (run, number)
}

/// Looks bad: a hash, and then an error. But the reply partition is gone that the request names.
#[test]
fn a_reply_partition_may_be_gone_with_its_topic() {
    let (run, _) = executed_again_on_a_new_topic("bad_reply_header");
    assert_eq!(run.holds().surplus, 1);
}

#[test]
fn a_topic_made_anew_excuses_no_other_error() {
    let (run, number) = executed_again_on_a_new_topic("failed");
    assert_eq!(run.breaks(G6HarmlessDuplicates).ids, [id(1, number)]);
}

#[test]
fn a_reply_partition_is_not_gone_while_its_topic_stays() {
    let mut run = Run::new();
    let number = run.answered();
    run.reply(number, Content::Error("bad_reply_header".into()));
    run.counters(1).duplicate += 1;
    run.answered();
    assert_eq!(run.breaks(G6HarmlessDuplicates).ids, [id(1, number)]);
}

/// It was there in the new topic, too: the reply between the two says so.
#[test]
fn a_reply_partition_of_the_new_topic_is_not_gone_either() {
    let mut run = Run::new();
    let number = run.answered();
    run.delete(Topic::Responses);
    run.reply(number, Content::Hash(data(number)));
    run.now += seconds(1);
    run.reply(number, Content::Error("bad_reply_header".into()));
    run.counters(1).duplicate += 2;
    run.answered();
    assert_eq!(run.breaks(G6HarmlessDuplicates).ids, [id(1, number)]);
}

#[test]
fn a_partition_that_is_gone_excuses_no_other_reply() {
    let mut run = Run::new();
    let number = run.answered();
    run.delete(Topic::Responses);
    run.reply(number, Content::Error("bad_reply_header".into()));
    run.now += seconds(1);
    run.reply(number, Content::Error("rejected".into()));
    run.counters(1).duplicate += 2;
    run.answered();
    assert_eq!(run.breaks(G6HarmlessDuplicates).ids, [id(1, number)]);
}

#[test]
fn a_duplicate_that_was_not_counted_is_reported_with_its_gateway() {
    let mut run = Run::new();
    run.start_gateway(2);
    let number = run.answered();
    run.reply(number, Content::Hash(data(number)));
    run.answered();
    run.answered_by(2);
    let violation = run.breaks(G6HarmlessDuplicates);
    assert_eq!((violation.instances, violation.ids), (vec![Instance::gateway(1)], vec![id(1, number)]));
}

#[test]
fn counting_what_is_not_there_is_reported() {
    let mut run = Run::new();
    run.answered();
    run.counters(1).unknown += 1;
    assert_eq!(run.breaks(G6HarmlessDuplicates).instances, [Instance::gateway(1)]);
}

#[test]
fn a_gateway_that_ended_cannot_have_counted_more_than_there_was() {
    let mut run = Run::new();
    run.start_gateway(2);
    run.answered();
    run.counters(1).late += 1;
    run.gateway(1).death = run.death(Ending::Stopped);
    run.now += seconds(1);
    run.answered_by(2);
    assert_eq!(run.breaks(G6HarmlessDuplicates).instances, [Instance::gateway(1)]);
}

/// Two gateways share a partition, one of them counts.
#[test]
fn each_gateway_counts_its_own() {
    let mut run = Run::new();
    run.start_gateway(2);
    let number = run.answered_by(2);
    run.answered();
    run.reply(number, Content::Hash(data(number)));
    run.counters(2).duplicate += 1;
    run.answered_by(2);
    run.answered();
    let figures = run.holds();
    assert_eq!((figures.surplus, figures.counted_exactly), (1, 2));
}

/// Looks bad: a duplicate that nobody counted. But the gateway had moved to another partition meanwhile.
#[test]
fn a_gateway_that_moved_may_miss_what_comes_to_the_old_partition() {
    let mut run = Run::new();
    let number = run.answered();
    run.names.insert(1, 1);
    run.answered();
    run.names.insert(1, 0);
    run.reply(number, Content::Hash(data(number)));
    run.names.insert(1, 1);
    run.answered();
    let figures = run.holds();
    assert_eq!((figures.counted_exactly, figures.counted_within), (0, 1));
}

#[test]
fn a_gateway_that_moved_and_came_back_may_have_missed_what_came_meanwhile() {
    for counted in [0, 1] {
        let mut run = Run::new();
        let number = run.answered();
        run.names.insert(1, 1);
        run.answered();
        run.names.insert(1, 0);
        run.reply(number, Content::Hash(data(number)));
        run.answered();
        run.counters(1).duplicate = counted;
        assert_eq!(run.holds().counted_within, 1);
    }
}

#[test]
fn what_came_before_the_move_has_to_be_counted() {
    let mut run = Run::new();
    let number = run.answered();
    run.reply(number, Content::Hash(data(number)));
    run.answered();
    run.names.insert(1, 1);
    run.answered();
    assert_eq!(run.breaks(G6HarmlessDuplicates).ids, [id(1, number)]);
}

/// Looks bad: three late replies, uncounted. But the gateway was killed.
#[test]
fn the_dead_count_nothing() {
    let mut run = Run::new();
    run.start_gateway(2);
    run.fault();
    let number = run.call(Outcome::Broken("reset".into()));
    run.request(number);
    run.gateway(1).death = run.death(Ending::Killed);
    run.of(number).ended = run.now;
    run.gateway(1).counters = None;
    for _ in 0..3 {
        run.reply(number, Content::Hash(data(number)));
    }
    run.now += seconds(20);
    run.answered_by(2);
    let figures = run.holds();
    assert_eq!((figures.severed, figures.uncounted, figures.surplus), (1, 1, 3));
}

/// Whether a reply woke a request whose client has gone cannot be seen.
#[test]
fn the_reply_to_a_client_that_left_may_count_or_not() {
    for counted in [0, 1] {
        let mut run = Run::new();
        run.fault();
        let number = run.call(Outcome::TimedOut);
        run.of(number).ended += seconds(12);
        run.gateway(1).freezes.push(Span { from: seconds(1), to: seconds(11) });
        run.request(number);
        run.reply(number, Content::Hash(data(number)));
        run.counters(1).late += counted;
        run.now += seconds(20);
        run.answered();
        assert_eq!(run.holds().counted_within, 1);
    }
}

#[test]
fn a_gateway_that_stopped_may_have_read_more_than_it_told() {
    let mut run = Run::new();
    run.start_gateway(2);
    let number = run.answered();
    run.reply(number, Content::Hash(data(number)));
    run.answered();
    run.gateway(1).death = run.death(Ending::Stopped);
    run.now += seconds(1);
    run.answered_by(2);
    assert_eq!(run.holds().counted_within, 1);
}

/// Only a reply that woke its request proves that everything before it was read.
#[test]
fn a_late_reply_proves_no_reading() {
    let mut run = Run::new();
    run.fault();
    let number = run.answered();
    run.reply(number, Content::Hash(data(number)));
    let late = run.unanswered();
    run.reply(late, Content::Hash(data(late)));
    run.now += seconds(20);
    run.names.insert(1, 1);
    run.answered();
    assert_eq!(run.holds().counted_within, 1);
}

#[test]
fn of_replies_in_two_partitions_it_is_not_known_which_was_read() {
    let mut run = Run::new();
    let number = run.answered();
    run.reply(number, Content::Hash(data(number)));
    let other = run.answered();
    run.record(Topic::Responses, 1, Some(id(1, other)), Content::Hash(data(other)));
    assert_eq!(run.holds().counted_within, 1);
}

#[test]
fn a_partition_that_was_not_named_may_not_have_been_read_all_along() {
    let mut run = Run::new();
    for replies in [2, 1] {
        let number = run.asked(1, |number| answer(1, number));
        for _ in 0..replies {
            run.record(Topic::Responses, 1, Some(id(1, number)), Content::Hash(data(number)));
        }
    }
    assert_eq!(run.holds().counted_within, 1);
}

/// Routing `any`: no partition is named, all are read.
#[test]
fn a_gateway_that_reads_all_partitions_counts_in_each() {
    let mut run = Run::new();
    run.names.clear();
    for partition in [0, 0, 1, 1] {
        let number = run.asked(1, |number| answer(1, number));
        for _ in 0..2 {
            run.record(Topic::Responses, partition, Some(id(1, number)), Content::Hash(data(number)));
        }
    }
    // The last one of each partition is proved by nothing.
    run.counters(1).duplicate = 1;
    let violation = run.breaks(G6HarmlessDuplicates);
    assert!(violation.sentence.contains("2 to 4"), "{violation}");
}

/// A gateway of two shards is two readers, each with a partition of its own.
#[test]
fn what_one_shard_read_proves_nothing_of_another() {
    let mut run = Run::new();
    let number = run.answered();
    run.reply(number, Content::Hash(data(number)));
    // The first shard has moved by now. The second one, of another tag, still reads there.
    let other = Id::from("00000002-0000-8000-8000-000000000002");
    let number = run.call(Outcome::Answered { id: other.clone(), hash: data(2) });
    let content = Content::Request { data: data(number), reply_partition: Some(0) };
    run.record(Topic::Requests, 0, Some(other.clone()), content);
    run.record(Topic::Responses, 0, Some(other), Content::Hash(data(number)));
    assert_eq!(run.holds().counted_within, 1);
}
