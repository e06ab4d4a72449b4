use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn taken(offsets: std::ops::Range<i64>) -> OffsetTracker {
    let mut tracker = OffsetTracker::starting_at(offsets.start);
    for offset in offsets {
        tracker.take(offset, 10, Debts::WORK);
    }
    tracker
}

fn in_flight(tracker: &OffsetTracker) -> (i64, usize, usize) {
    (tracker.committable(), tracker.in_flight(), tracker.in_flight_bytes())
}

#[test]
fn only_the_contiguous_finished_prefix_is_committable() {
    let mut tracker = taken(40..45);
    assert_eq!(tracker.committable(), 40);
    for offset in [41, 43] {
        tracker.settle(offset, Debt::Work);
    }
    assert_eq!(in_flight(&tracker), (40, 3, 30));
    tracker.settle(40, Debt::Work);
    assert_eq!(tracker.committable(), 42);
    tracker.settle(44, Debt::Work);
    tracker.settle(42, Debt::Work);
    assert_eq!(in_flight(&tracker), (45, 0, 0));
}

#[test]
fn what_is_finished_behind_an_unfinished_record_is_counted_until_it_can_be_committed() {
    let mut tracker = taken(40..45);
    for offset in 41..45 {
        tracker.settle(offset, Debt::Work);
    }
    assert_eq!((tracker.in_flight(), tracker.uncommitted()), (1, 5));
    tracker.settle(40, Debt::Work);
    assert_eq!((tracker.in_flight(), tracker.uncommitted()), (0, 0));
}

#[test]
fn a_slot_is_as_small_as_the_limit_on_them_takes_it_to_be() {
    assert!(size_of::<Slot>() <= 64, "{}", size_of::<Slot>());
}

#[test]
fn a_record_that_owes_reply_and_dead_letter_waits_for_both() {
    for [first, second] in [[Debt::Reply, Debt::DeadLetter], [Debt::DeadLetter, Debt::Reply]] {
        let mut tracker = taken(0..1);
        tracker.replace(0, Debts::dead_letter(Some(AwaitedReply::notice(None))));
        assert_eq!(tracker.dead_letters(), 1);
        for _ in 0..2 {
            tracker.settle(0, first);
            assert_eq!(tracker.committable(), 0, "settling one thing twice is settling one thing");
        }
        tracker.settle(0, second);
        assert_eq!((tracker.committable(), tracker.dead_letters()), (1, 0));
    }
}

#[test]
fn gaps_are_passed_once_all_before_them_is_finished() {
    let mut tracker = taken(5..6);
    tracker.skip_to(9);
    assert_eq!(tracker.committable(), 5);
    tracker.settle(5, Debt::Work);
    assert_eq!(tracker.committable(), 9);
}

#[test]
fn settling_what_is_not_owed_changes_nothing() {
    let mut tracker = taken(0..2);
    tracker.settle(1, Debt::Work);
    tracker.settle(1, Debt::Work);
    tracker.settle(0, Debt::Reply);
    tracker.settle(7, Debt::Work);
    assert_eq!(in_flight(&tracker), (0, 1, 10));
}

#[test]
fn a_reply_is_let_go_when_it_was_found_overdue_twice() {
    let now = Instant::now();
    let mut tracker = OffsetTracker::starting_at(0);
    tracker.take(0, 1, Debts::reply(AwaitedReply::answer("hash", Some(now))));
    tracker.take(1, 1, Debts::reply(AwaitedReply::answer("hash", Some(now + Duration::from_secs(1)))));
    tracker.take(2, 1, Debts::reply(AwaitedReply::answer("hash", None)));
    assert!(tracker.expire_replies(now).is_empty(), "it may have been handed to its writer just now");
    let expired = tracker.expire_replies(now);
    assert_eq!(expired.iter().map(|reply| reply.operation).collect::<Vec<_>>(), [Some("hash")]);
    assert!(!tracker.owes_reply(0) && tracker.owes_reply(1) && tracker.owes_reply(2));
    assert_eq!(tracker.committable(), 1);
}

#[derive(Debug, Clone)]
enum Step {
    Take { gap: i64, debts: (bool, bool, bool) },
    Replace { which: usize, debts: (bool, bool, bool) },
    Settle { which: usize, debt: usize },
    Skip { gap: i64 },
}

const DEBTS: [Debt; 3] = [Debt::Work, Debt::Reply, Debt::DeadLetter];

fn step() -> impl Strategy<Value = Step> {
    // At least one debt each.
    let debts = || any::<(bool, bool, bool)>().prop_map(|(a, b, c)| (a || !(b || c), b, c));
    prop_oneof![
        4 => (0..3_i64, debts()).prop_map(|(gap, debts)| Step::Take { gap, debts }),
        1 => (any::<usize>(), debts()).prop_map(|(which, debts)| Step::Replace { which, debts }),
        8 => (any::<usize>(), 0..3_usize).prop_map(|(which, debt)| Step::Settle { which, debt }),
        1 => (0..5_i64).prop_map(|gap| Step::Skip { gap }),
    ]
}

fn debts((work, reply, dead_letter): (bool, bool, bool)) -> Debts {
    Debts { work, reply: reply.then(|| AwaitedReply::notice(None)), dead_letter }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Against a model that keeps every offset and what it owes.
    #[test]
    fn commits_all_that_is_finished_and_nothing_else(steps in prop::collection::vec(step(), 1..120)) {
        let mut tracker = OffsetTracker::starting_at(100);
        let mut owed = BTreeMap::<i64, [bool; 3]>::new();
        let mut committed = 100;
        for step in steps {
            let nth = |which: usize| owed.keys().copied().nth(which % owed.len().max(1));
            match step {
                Step::Take { gap, debts: some } => {
                    let offset = tracker.taken_up_to + gap;
                    tracker.take(offset, 3, debts(some));
                    owed.insert(offset, some.into());
                }
                Step::Replace { which, debts: some } => if let Some(offset) = nth(which) {
                    tracker.replace(offset, debts(some));
                    owed.insert(offset, some.into());
                },
                Step::Settle { which, debt } => if let Some(offset) = nth(which) {
                    tracker.settle(offset, DEBTS[debt]);
                    let left = owed.get_mut(&offset).unwrap();
                    left[debt] = false;
                    if *left == [false; 3] {
                        owed.remove(&offset);
                    }
                },
                Step::Skip { gap } => tracker.skip_to(tracker.taken_up_to + gap),
            }
            let first_unfinished = owed.keys().next().copied();
            prop_assert_eq!(tracker.committable(), first_unfinished.unwrap_or(tracker.taken_up_to));
            prop_assert!(tracker.committable() >= committed, "a commit never goes back");
            committed = tracker.committable();
            prop_assert_eq!(tracker.in_flight(), owed.len());
            prop_assert_eq!(tracker.in_flight_bytes(), 3 * owed.len());
            prop_assert_eq!(tracker.dead_letters(), owed.values().filter(|owes| owes[2]).count());
        }
    }
}
