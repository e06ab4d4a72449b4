//! Single steps on the way of a member, each of them one sentence of the design.

use super::*;

const STICKY: Assignor = Assignor::CooperativeSticky;

#[test]
fn it_joins_when_coordinator_and_topic_are_known() {
    let mut bench = Bench::new(STICKY);
    assert_eq!(bench.give(Input::Tick), [Action::FindCoordinator]);
    assert_eq!(bench.give(Input::Coordinator(Ok(()))), []);
    let actions = bench.give(Input::Partitions(3));
    assert_eq!(actions[0], Action::CountPartitions(3));
    assert_eq!(join_of(&actions), Some(("", &set([]), -1)));
}

#[test]
fn it_comes_again_with_the_id_it_was_given() {
    let mut bench = Bench::found(STICKY, 3);
    let actions = bench.give(Input::Joined(Ok(JoinAnswer::MemberId("me".to_owned()))));
    assert_eq!(join_of(&actions), Some(("me", &set([]), -1)));
    assert!(!actions.contains(&Action::Beat(identity(-1))), "there is no generation to beat for");
}

#[test]
fn partitions_are_announced_once_their_offsets_are_known() {
    let mut bench = Bench::found(STICKY, 3);
    let actions = bench.complete(1, None);
    assert!(actions.contains(&Action::Sync { by: identity(1), shares: BTreeMap::new() }));
    assert!(bench.machine.commits_as().is_none(), "a commit before the sync would be refused");
    assert_eq!(bench.synced(set([0, 2])), [Action::FetchOffsets(set([0, 2]))]);
    assert_eq!(bench.give(Input::Offsets(Err(Verdict::Passing))), []);
    assert_eq!(bench.after(Duration::from_secs(1)), [Action::FetchOffsets(set([0, 2]))]);
    assert_eq!(bench.offsets(&set([0, 2])), [announced(&set([0, 2]))]);
    assert_eq!(bench.machine.commits_as(), Some(&identity(1)));
}

#[test]
fn the_leader_shares_out_and_a_follower_does_not() {
    let candidate = |id: &str| Candidate { id: id.to_owned(), owned: set([]), generation: -1 };
    let mut bench = Bench::found(Assignor::Range, 3);
    let actions = bench.complete(1, Some(vec![candidate("me"), candidate("you")]));
    let shares = BTreeMap::from([("me".to_owned(), set([0, 1])), ("you".to_owned(), set([2]))]);
    assert!(actions.contains(&Action::Sync { by: identity(1), shares }));
}

#[test]
fn a_rebalance_takes_nothing_from_a_cooperative_member_that_keeps_its_partitions() {
    let mut bench = Bench::stable(STICKY, set([0, 1]));
    bench.after(Duration::from_secs(1));
    let actions = bench.beat(Err(Verdict::Rebalancing));
    assert_eq!(join_of(&actions), Some(("me", &set([0, 1]), 1)));
    assert_eq!(bench.machine.commits_as(), Some(&identity(1)), "work goes on");
    bench.complete(2, None);
    assert_eq!(bench.synced(set([0, 1])), []);
    assert_eq!(bench.machine.state(), State::Stable);
    assert_eq!(bench.machine.commits_as(), Some(&identity(2)));
}

#[test]
fn what_has_to_move_is_drained_committed_released_and_then_offered_again() {
    let mut bench = Bench::stable(STICKY, set([0, 1]));
    bench.after(Duration::from_secs(1));
    bench.beat(Err(Verdict::Rebalancing));
    bench.complete(2, None);
    assert_eq!(bench.synced(set([0])), [Action::Revoke { revocation: 1, partitions: set([1]) }]);
    assert_eq!(bench.machine.owned(), &set([0, 1]), "until it is drained");
    bench.after(Duration::from_secs(1));
    assert_eq!(bench.beat(Err(Verdict::Rebalancing)), [], "it joins when it has drained");
    assert_eq!(bench.give(Input::Drained(0)), []);
    assert_eq!(bench.give(Input::Drained(1)), [Action::Flush]);
    assert_eq!(bench.machine.flushing(), Some(&set([1])));
    let actions = bench.give(Input::Flushed);
    assert_eq!(actions[0], Action::Release(set([1])));
    assert_eq!(join_of(&actions), Some(("me", &set([0]), 2)));
}

#[test]
fn an_owner_that_does_not_drain_holds_up_nobody() {
    let mut bench = Bench::stable(STICKY, set([0, 1]));
    bench.after(Duration::from_secs(1));
    bench.beat(Err(Verdict::Rebalancing));
    bench.complete(2, None);
    bench.synced(set([]));
    for _ in 0..3 {
        bench.after(Duration::from_millis(990));
        bench.beat(Ok(()));
    }
    assert_eq!(bench.machine.state(), State::Releasing);
    assert!(bench.after(Duration::from_millis(30)).contains(&Action::Flush));
    bench.beat(Ok(()));
    let actions = bench.after(Duration::from_secs(1));
    assert_eq!(actions[0], Action::Release(set([0, 1])));
    assert_eq!(join_of(&actions), Some(("me", &set([]), 2)));
}

#[test]
fn a_range_member_changes_over_at_once() {
    let mut bench = Bench::stable(Assignor::Range, set([0, 1]));
    bench.after(Duration::from_secs(1));
    let actions = bench.beat(Err(Verdict::Rebalancing));
    assert_eq!(join_of(&actions), Some(("me", &set([]), 1)), "range knows no claims");
    bench.complete(2, None);
    let actions = bench.synced(set([1, 2]));
    let revoke = Action::Revoke { revocation: 1, partitions: set([0]) };
    assert_eq!(actions, [revoke, Action::Release(set([0])), Action::FetchOffsets(set([2]))]);
    assert_eq!(bench.machine.state(), State::Stable);
}

#[test]
fn an_old_generation_is_joined_anew_with_the_same_id_and_partitions() {
    let mut bench = Bench::stable(STICKY, set([0]));
    bench.after(Duration::from_secs(1));
    let actions = bench.beat(Err(Verdict::OldGeneration));
    assert_eq!(join_of(&actions), Some(("me", &set([0]), 1)));
    assert_eq!(bench.complete(3, None), [Action::Sync { by: identity(3), shares: BTreeMap::new() }]);
    let actions = bench.give(Input::Synced { sent: bench.now, answer: Err(Verdict::OldGeneration) });
    assert_eq!(actions, []);
    assert_eq!(join_of(&bench.after(Duration::from_secs(1))), Some(("me", &set([0]), 1)));
}

#[test]
fn an_unknown_member_loses_its_partitions_and_its_id() {
    let mut bench = Bench::stable(STICKY, set([0, 1]));
    bench.after(Duration::from_secs(1));
    assert_eq!(bench.beat(Err(Verdict::UnknownMember)), [Action::Lose(set([0, 1]))]);
    assert_eq!(join_of(&bench.after(Duration::from_secs(1))), Some(("", &set([]), -1)));
}

#[test]
fn an_unknown_member_that_is_joining_gives_up_that_join() {
    let mut bench = Bench::stable(STICKY, set([0]));
    bench.after(Duration::from_secs(1));
    bench.beat(Err(Verdict::Rebalancing));
    bench.after(Duration::from_secs(1));
    assert_eq!(bench.beat(Err(Verdict::UnknownMember)), [Action::AbandonJoin, Action::Lose(set([0]))]);
}

#[test]
fn a_session_without_an_answer_loses_the_partitions_but_not_the_id() {
    let mut bench = Bench::stable(STICKY, set([0, 1]));
    bench.after(Duration::from_secs(1));
    let actions = bench.beat(Err(Verdict::Elsewhere));
    assert_eq!(actions, [Action::FindCoordinator]);
    bench.give(Input::Coordinator(Err(Verdict::Elsewhere)));
    assert_eq!(bench.after(Duration::from_millis(4900)), [Action::FindCoordinator]);
    assert_eq!(bench.machine.owned(), &set([0, 1]), "not before the session is over");
    assert_eq!(bench.after(Duration::from_millis(100)), [Action::Lose(set([0, 1]))]);
    let actions = bench.give(Input::Coordinator(Ok(())));
    assert_eq!(join_of(&actions), Some(("me", &set([]), -1)));
    assert!(actions.contains(&Action::Beat(identity(1))));
}

#[test]
fn a_session_is_counted_from_when_the_answered_heartbeat_was_sent() {
    let mut bench = Bench::stable(STICKY, set([0]));
    let sent = bench.now + Duration::from_secs(1);
    bench.after(Duration::from_secs(1));
    bench.now += Duration::from_secs(20);
    let actions = bench.give(Input::Beat { by: identity(1), sent, answer: Ok(()) });
    assert!(actions.contains(&Action::Lose(set([0]))), "we slept for 20 s and only then saw the answer");
}

#[test]
fn a_coordinator_that_moves_inside_a_session_costs_nothing() {
    let mut bench = Bench::stable(STICKY, set([0]));
    bench.after(Duration::from_secs(1));
    assert_eq!(bench.beat(Err(Verdict::Elsewhere)), [Action::FindCoordinator]);
    bench.now += Duration::from_secs(2);
    assert_eq!(bench.give(Input::Coordinator(Ok(()))), [Action::Beat(identity(1))]);
    bench.beat(Ok(()));
    assert_eq!(bench.machine.state(), State::Stable);
}

#[test]
fn a_parked_join_is_begun_anew_at_a_coordinator_that_was_found_anew() {
    let mut bench = Bench::stable(STICKY, set([0]));
    bench.after(Duration::from_secs(1));
    bench.beat(Err(Verdict::Rebalancing));
    bench.after(Duration::from_secs(1));
    bench.beat(Err(Verdict::Elsewhere));
    let actions = bench.give(Input::Coordinator(Ok(())));
    assert_eq!(actions[0], Action::AbandonJoin);
    assert_eq!(join_of(&actions), Some(("me", &set([0]), 1)));
}

#[test]
fn what_was_lost_during_a_join_that_claimed_it_is_not_withheld_for_ever() {
    let mut bench = Bench::stable(STICKY, set([0, 1]));
    bench.after(Duration::from_secs(1));
    bench.beat(Err(Verdict::Rebalancing));
    assert!(bench.after(Duration::from_secs(7)).contains(&Action::Lose(set([0, 1]))));
    bench.complete(2, None);
    let actions = bench.synced(set([0]));
    assert_eq!(
        join_of(&actions),
        Some(("me", &set([0]), 2)),
        "1 was withheld: it must be told that 1 is free"
    );
}

#[test]
fn a_commit_that_meets_a_rebalance_waits_for_the_sync() {
    for verdict in [Verdict::Rebalancing, Verdict::OldGeneration] {
        let mut bench = Bench::stable(STICKY, set([0]));
        let actions = bench.give(Input::CommitRefused { by: identity(1), verdict });
        assert_eq!(join_of(&actions), Some(("me", &set([0]), 1)));
        assert_eq!(bench.machine.commits_as(), None);
        bench.complete(2, None);
        bench.synced(set([0]));
        assert_eq!(bench.machine.commits_as(), Some(&identity(2)));
    }
}

#[test]
fn a_refusal_of_an_older_generation_is_no_news() {
    let mut bench = Bench::stable(STICKY, set([0]));
    bench.after(Duration::from_secs(1));
    bench.beat(Err(Verdict::Rebalancing));
    bench.complete(2, None);
    bench.synced(set([0]));
    assert_eq!(bench.give(Input::CommitRefused { by: identity(1), verdict: Verdict::OldGeneration }), []);
    assert_eq!(bench.machine.commits_as(), Some(&identity(2)));
    let sent = bench.now - Duration::from_millis(1);
    let early = Input::Beat { by: identity(2), sent, answer: Err(Verdict::Rebalancing) };
    assert!(join_of(&bench.give(early)).is_none(), "that was the rebalance that is over");
}

#[test]
fn offsets_from_before_a_loss_are_not_taken_for_those_after_it() {
    let mut bench = Bench::found(STICKY, 3);
    bench.complete(1, None);
    bench.synced(set([0]));
    bench.beat(Err(Verdict::UnknownMember));
    bench.after(Duration::from_secs(1));
    bench.complete(2, None);
    bench.beat(Ok(()));
    bench.synced(set([0]));
    assert_eq!(bench.offsets(&set([0])), [Action::FetchOffsets(set([0]))], "asks once more");
    assert_eq!(bench.offsets(&set([0])), [announced(&set([0]))]);
}

#[test]
fn what_was_never_announced_goes_without_a_word() {
    let mut bench = Bench::found(STICKY, 3);
    bench.complete(1, None);
    bench.beat(Ok(()));
    bench.synced(set([0, 1]));
    bench.after(Duration::from_secs(1));
    bench.beat(Err(Verdict::Rebalancing));
    bench.complete(2, None);
    let mut actions = bench.synced(set([0]));
    actions.extend(bench.after(Duration::from_millis(50)));
    assert_eq!(join_of(&actions), Some(("me", &set([0]), 2)));
    assert!(!actions.iter().any(|a| matches!(a, Action::Revoke { .. })));
}

#[test]
fn the_leader_calls_for_a_rebalance_when_the_topic_grows_and_a_follower_does_not() {
    let me = Candidate { id: "me".to_owned(), owned: set([]), generation: -1 };
    for (lead, joins) in [(Some(vec![me]), true), (None, false)] {
        let mut bench = Bench::found(STICKY, 3);
        bench.complete(1, lead);
        bench.synced(set([0, 1, 2]));
        let actions = bench.give(Input::Partitions(5));
        assert_eq!(actions[0], Action::CountPartitions(5));
        assert_eq!(join_of(&actions).is_some(), joins);
        assert_eq!(bench.give(Input::Partitions(0)), [], "a topic that is out of sight is no reason to act");
    }
}

#[test]
fn a_topic_that_appears_later_is_shared_out_then() {
    let mut bench = Bench::found(STICKY, 0);
    let me = Candidate { id: "me".to_owned(), owned: set([]), generation: -1 };
    bench.complete(1, Some(vec![me]));
    assert_eq!(bench.synced(set([])), []);
    assert!(join_of(&bench.give(Input::Partitions(3))).is_some());
}

#[test]
fn a_refusal_is_tried_again_slowly() {
    let mut bench = Bench::found(STICKY, 3);
    assert_eq!(bench.give(Input::Joined(Err(Verdict::Refused))), []);
    assert_eq!(bench.after(Duration::from_millis(4900)), []);
    assert!(join_of(&bench.after(Duration::from_millis(100))).is_some());
}

#[test]
fn tries_against_a_coordinator_that_is_loading_get_slower() {
    let mut bench = Bench::found(STICKY, 3);
    let mut waits = Vec::new();
    for _ in 0..7 {
        assert_eq!(bench.give(Input::Joined(Err(Verdict::Elsewhere))), []);
        let began = bench.now;
        let mut actions = Vec::new();
        while join_of(&actions).is_none() {
            bench.now = bench.machine.wake_at().unwrap();
            actions = bench.give(Input::Tick);
            if actions == [Action::FindCoordinator] {
                actions = bench.give(Input::Coordinator(Ok(())));
            }
        }
        waits.push((bench.now - began).as_millis());
    }
    assert_eq!(waits, [50, 100, 200, 400, 500, 500, 500]);
}

/// Lets 5 s pass in steps of a millisecond, beginning with what is `due`; counts what is asked and answered.
fn asked_in_5_s(bench: &mut Bench, mut due: Vec<Action>, answer: impl Fn(&Action) -> Option<Input>) -> usize {
    let mut asked = 0;
    for _ in 0..5_000 {
        let answers: Vec<_> = due.iter().filter_map(&answer).collect();
        asked += answers.len();
        due = answers.into_iter().flat_map(|input| bench.give(input)).collect();
        due.extend(bench.after(Duration::from_millis(1)));
    }
    asked
}

#[test]
fn a_coordinator_that_moves_at_every_call_is_not_chased_as_fast_as_it_answers() {
    let mut bench = Bench::stable(STICKY, set([0]));
    let asked = asked_in_5_s(&mut bench, Vec::new(), |action| match action {
        Action::FindCoordinator => Some(Input::Coordinator(Ok(()))),
        Action::Beat(by) => {
            let (by, sent) = (by.clone(), Instant::now());
            Some(Input::Beat { by, sent, answer: Err(Verdict::Elsewhere) })
        }
        _ => None,
    });
    assert!((10..50).contains(&asked), "{asked} questions in 5 s");
}

#[test]
fn a_group_that_lets_nobody_in_is_not_asked_as_fast_as_it_answers() {
    let refusals: [fn() -> Input; 4] = [
        || Input::Joined(Ok(JoinAnswer::MemberId("another".to_owned()))),
        || Input::Joined(Err(Verdict::OldGeneration)),
        || Input::Joined(Err(Verdict::UnknownMember)),
        || Input::Joined(Err(Verdict::Elsewhere)),
    ];
    for refusal in refusals {
        let mut bench = Bench::found(STICKY, 3);
        let due = bench.give(refusal());
        let asked = asked_in_5_s(&mut bench, due, |action| match action {
            Action::FindCoordinator => Some(Input::Coordinator(Ok(()))),
            Action::Join { .. } => Some(refusal()),
            _ => None,
        });
        assert!((5..50).contains(&asked), "{asked} questions in 5 s after {:?}", refusal());
    }
}

#[test]
fn a_rebalance_that_never_ends_is_not_joined_as_fast_as_it_answers() {
    let mut bench = Bench::stable(STICKY, set([0]));
    bench.beat(Err(Verdict::Rebalancing));
    bench.complete(2, None);
    let sent = bench.now;
    let due = bench.give(Input::Synced { sent, answer: Err(Verdict::Rebalancing) });
    let asked = asked_in_5_s(&mut bench, due, |action| match action {
        Action::Join { .. } => Some(Input::Joined(Ok(JoinAnswer::Complete { by: identity(3), lead: None }))),
        Action::Sync { .. } => Some(Input::Synced { sent, answer: Err(Verdict::Rebalancing) }),
        _ => None,
    });
    assert!((50..=220).contains(&asked), "{asked} questions in 5 s");
}
