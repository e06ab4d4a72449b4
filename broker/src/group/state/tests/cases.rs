//! One test for each rule.

use super::*;

#[test]
fn the_first_member_leads_alone_at_once() {
    let mut scene = Scene::new(Duration::ZERO);
    let (ticket, answers) = scene.join("a", false);
    let [Answer::Join(answered, Ok(joined))] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!(*answered, ticket);
    assert_eq!((joined.generation, joined.leader.as_str(), joined.members.len()), (1, "a", 1));
    assert_eq!(joined.protocol, "sticky", "the leader's first wish");
}

#[test]
fn a_second_member_waits_until_the_first_has_joined_again() {
    let mut scene = Scene::new(Duration::ZERO);
    scene.join("a", false);
    scene.sync("a", 1, &[("a", "all")]);
    let (_, answers) = scene.join("b", false);
    assert!(answers.is_empty());
    assert_eq!(scene.heartbeat("a", 1), Err(ResponseError::RebalanceInProgress));
    let (_, answers) = scene.join("a", true);
    assert_eq!(answers.len(), 2);
    for answer in answers {
        let Answer::Join(_, Ok(joined)) = answer else { panic!("{answer:?}") };
        assert_eq!(joined.members.len(), if joined.member_id == "a" { 2 } else { 0 });
    }
}

#[test]
fn an_id_that_was_given_out_is_waited_for_until_it_lapses() {
    let mut scene = Scene::new(Duration::ZERO);
    let (_, answers) = scene.join_with(&Join { must_know_id: true, ..join() }, "a");
    assert_eq!(error(&answers[0]), Some(ResponseError::MemberIdRequired));
    let (_, answers) = scene.join("b", false);
    assert!(answers.is_empty(), "a may be on its way");
    assert_eq!(scene.pass(SESSION).len(), 1, "it did not come");
    let (_, answers) = scene.join("a", true);
    assert_eq!(error(&answers[0]), Some(ResponseError::UnknownMemberId));
}

#[test]
fn the_first_rebalance_waits_for_more_but_not_for_ever() {
    let mut scene = Scene::new(3 * SECOND);
    scene.join("a", false);
    assert!(scene.pass(2 * SECOND).is_empty());
    scene.join("b", false);
    assert!(scene.pass(2 * SECOND).is_empty(), "b came, so it waits on");
    scene.join("c", false);
    scene.pass(2 * SECOND);
    scene.join("d", false);
    scene.pass(2 * SECOND);
    scene.join("e", false);
    let answers = scene.pass(2 * SECOND);
    assert_eq!(answers.len(), 5, "no longer than a rebalance may take");
}

#[test]
fn members_that_do_not_join_again_in_time_are_out() {
    let mut scene = Scene::of_two();
    scene.join("a", true);
    for _ in 0..9 {
        assert!(scene.pass(SECOND).is_empty());
        assert_eq!(scene.heartbeat("b", 2), Err(ResponseError::RebalanceInProgress));
    }
    let answers = scene.pass(SECOND);
    let [Answer::Join(_, Ok(joined))] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!((joined.generation, joined.members.len()), (3, 1));
    assert_eq!(scene.heartbeat("b", 2), Err(ResponseError::UnknownMemberId));
}

#[test]
fn silence_ends_a_membership_and_waiting_does_not() {
    let mut scene = Scene::of_two();
    let (_, answers) = scene.join("a", true);
    assert!(answers.is_empty());
    let answers = scene.pass(SESSION);
    let [Answer::Join(_, Ok(joined))] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!((joined.member_id.as_str(), joined.members.len()), ("a", 1), "b was silent, a waited");
}

#[test]
fn a_leader_that_brings_no_assignment_is_out() {
    let mut scene = Scene::of_two();
    scene.join("b", true);
    scene.join("a", true);
    scene.join("b", true);
    let (waiting, answers) = scene.sync("b", 3, &[]);
    assert!(answers.is_empty());
    for _ in 0..9 {
        assert!(scene.pass(SECOND).is_empty());
        assert_eq!(scene.heartbeat("a", 3), Ok(()));
    }
    let answers = scene.pass(SECOND);
    assert_eq!(answers, [Answer::Sync(waiting, Err(ResponseError::RebalanceInProgress))]);
    assert_eq!(scene.heartbeat("a", 3), Err(ResponseError::UnknownMemberId));
    let (_, answers) = scene.join("b", true);
    let [Answer::Join(_, Ok(joined))] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!((joined.leader.as_str(), joined.generation), ("b", 4));
}

#[test]
fn a_leaving_member_starts_a_rebalance_and_a_waiting_sync_is_told() {
    let mut scene = Scene::new(Duration::ZERO);
    scene.join("a", false);
    scene.sync("a", 1, &[("a", "all")]);
    scene.join("b", false);
    scene.join("a", true);
    let (waiting, _) = scene.sync("b", 2, &[]);
    let (left, answers) = scene.leave("a");
    assert_eq!(left, Ok(()));
    assert_eq!(answers, [Answer::Sync(waiting, Err(ResponseError::RebalanceInProgress))]);
    assert_eq!(scene.leave("a").0, Err(ResponseError::UnknownMemberId));
    let (_, answers) = scene.join("b", true);
    let [Answer::Join(_, Ok(joined))] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!((joined.leader.as_str(), joined.generation), ("b", 3));
}

#[test]
fn commits_are_fenced() {
    let mut scene = Scene::of_two();
    let now = scene.now;
    let mut check = |id, generation| scene.group.check_commit(now, id, generation);
    assert_eq!(check("a", 2), Ok(()));
    assert_eq!(check("a", 1), Err(ResponseError::IllegalGeneration));
    assert_eq!(check("x", 2), Err(ResponseError::UnknownMemberId));
    assert_eq!(check("", -1), Err(ResponseError::UnknownMemberId));
    scene.join("a", true);
    assert_eq!(
        scene.group.check_commit(now, "b", 2),
        Ok(()),
        "what was read may be committed before joining again"
    );
    scene.join("b", true);
    assert_eq!(scene.group.check_commit(now, "b", 3), Err(ResponseError::RebalanceInProgress));
}

#[test]
fn a_member_that_repeats_itself_is_told_again_and_disturbs_nobody() {
    let mut scene = Scene::of_two();
    let (_, answers) = scene.join("b", true);
    let [Answer::Join(_, Ok(joined))] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!(joined.generation, 2);
    assert_eq!(scene.group.state_name(), "Stable");
    let (_, answers) = scene.sync("b", 2, &[]);
    let [Answer::Sync(_, Ok(synced))] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!(synced.assignment, "right");
}

#[test]
fn a_dead_socket_takes_a_new_member_and_not_an_old_one() {
    let mut scene = Scene::of_two();
    let (ticket, _) = scene.join("c", false);
    scene.abandon(ticket);
    assert!(!scene.group.members().contains_key("c"));
    let (ticket, _) = scene.join("b", true);
    scene.abandon(ticket);
    assert!(scene.group.members().contains_key("b"), "it has its session to come again");
    let (first, _) = scene.join("b", true);
    let (_, answers) = scene.join("b", true);
    assert_eq!(answers.len(), 1);
    assert!(!scene.open.contains(&first), "the earlier join was answered");
}

#[test]
fn a_restart_brings_back_the_last_complete_rebalance() {
    let mut scene = Scene::of_two();
    scene.join("c", false);
    let later = scene.now + 60 * SECOND;
    let mut group = scene.group.restarted(later);
    assert_eq!(group.state_name(), "Stable");
    assert_eq!(group.members().keys().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(group.heartbeat(later, "b", 2), Ok(()));
    let mut answers = Answers::new();
    group.tick(later + SESSION, &mut answers);
    assert!(!group.members().contains_key("a"), "a was not heard of since");

    let empty = Scene::new(SECOND).group.restarted(later);
    assert_eq!((empty.state_name(), empty.is_empty()), ("Empty", true));
}
