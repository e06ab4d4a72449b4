//! Members come, stay and go.

use std::time::{Duration, Instant};

use kafka::group::Assignor;

use crate::{
    stand::Stand,
    worker::{Worker, shared_out},
};

const STICKY: Assignor = Assignor::CooperativeSticky;

#[tokio::test]
async fn two_share_and_a_third_takes_one_partition_without_disturbing_the_others() {
    let stand = Stand::any().await;
    stand.create_topic(3).await;
    let mut first = Worker::start(&stand.kafka, stand.config(STICKY));
    let mut second = Worker::start(&stand.kafka, stand.config(STICKY));
    shared_out(&mut [&mut first, &mut second], 3).await;
    let before = [first.log(), second.log()];

    let mut third = Worker::start(&stand.kafka, stand.config(STICKY));
    shared_out(&mut [&mut first, &mut second, &mut third], 3).await;
    let moved: Vec<i32> = third.held().into_iter().collect();
    let mut revoked = Vec::new();
    for (worker, before) in [&first, &second].into_iter().zip(before) {
        let log = worker.log();
        assert!(log.lost.is_empty());
        revoked.extend(log.revoked[before.revoked.len()..].iter().copied());
    }
    assert_eq!(revoked, moved, "nothing was taken but what had to move");
}

#[tokio::test]
async fn who_leaves_hands_over_at_once() {
    let stand = Stand::any().await;
    stand.create_topic(3).await;
    let mut stays = Worker::start(&stand.kafka, stand.config(STICKY));
    let mut leaves = Worker::start(&stand.kafka, stand.config(STICKY));
    shared_out(&mut [&mut stays, &mut leaves], 3).await;
    let began = Instant::now();
    leaves.leave(Duration::from_secs(2)).await;
    assert!(leaves.log().ended);
    shared_out(&mut [&mut stays], 3).await;
    assert!(began.elapsed() < Duration::from_secs(1), "took {:?}", began.elapsed());
    assert!(stays.log().lost.is_empty());
}

#[tokio::test]
async fn who_dies_without_a_word_is_replaced_after_its_session() {
    let stand = Stand::any().await;
    stand.create_topic(3).await;
    let session = stand.config(STICKY).session_timeout;
    let mut stays = Worker::start(&stand.kafka, stand.config(STICKY));
    let mut dies = Worker::start(&stand.kafka, stand.config(STICKY));
    shared_out(&mut [&mut stays, &mut dies], 3).await;
    let began = Instant::now();
    dies.vanish().await;
    shared_out(&mut [&mut stays], 3).await;
    let took = began.elapsed();
    assert!(took > session / 2, "took {took:?}: it cannot have died");
    assert!(took < session + Duration::from_secs(2), "took {took:?}");
}

#[tokio::test]
async fn what_moves_is_drained_first_and_goes_on_where_it_was_left() {
    let stand = Stand::any().await;
    stand.create_topic(2).await;
    // Whoever has to give up a partition is through with its last record only half a second later.
    let drain = Duration::from_millis(500);
    let hand_over = move |commits: &kafka::group::Commits, partitions: &[i32]| {
        for partition in partitions {
            assert!(commits.commit(*partition, 40 + i64::from(*partition)));
        }
        drain
    };
    let mut owner = Worker::draining(&stand.kafka, stand.config(STICKY), Box::new(hand_over));
    shared_out(&mut [&mut owner], 2).await;
    let mut heir = Worker::start(&stand.kafka, stand.config(STICKY));
    let log = heir.until("a partition", |log| !log.held.is_empty()).await;
    let (partition, committed) = log.committed.first_key_value().unwrap();
    assert_eq!(*committed, Some(40 + i64::from(*partition)), "the owner's last position");
    assert_eq!(owner.log().revoked, [*partition], "the owner was through before");
    shared_out(&mut [&mut owner, &mut heir], 2).await;
}

#[tokio::test]
async fn an_owner_that_does_not_drain_in_time_loses_the_partition_all_the_same() {
    let stand = Stand::any().await;
    stand.create_topic(2).await;
    let mut config = stand.config(STICKY);
    config.revoke_timeout = Duration::from_millis(300);
    let mut stuck = Worker::draining(&stand.kafka, config.clone(), Box::new(|_, _| Duration::from_secs(4)));
    stuck.until("two partitions", |log| log.held.len() == 2).await;
    let mut heir = Worker::start(&stand.kafka, config);
    let log = heir.until("a partition", |log| !log.held.is_empty()).await;
    assert!(stuck.log().revoked.is_empty(), "it still believes that it drains");
    let moved = *log.held.first().unwrap();
    assert!(!stuck.commits.commit(moved, 99), "but its commits are no longer taken");
}

#[tokio::test]
async fn ranges_are_shared_out_and_who_gets_none_stays_a_member() {
    let stand = Stand::any().await;
    stand.create_topic(2).await;
    let config = stand.config(Assignor::Range);
    let mut members: Vec<_> = (0..3).map(|_| Worker::start(&stand.kafka, config.clone())).collect();
    let [a, b, c] = &mut members[..] else { unreachable!() };
    shared_out(&mut [a, b, c], 2).await;
    let began = Instant::now();
    loop {
        let mut statuses = Vec::new();
        for member in &members {
            statuses.push(member.until_stable().await);
        }
        let idle = statuses.iter().filter(|status| status.assigned.is_empty()).count();
        if idle == 1 && statuses.iter().all(|status| status.generation == statuses[0].generation) {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "three in one generation: {statuses:?}");
    }
    for member in &members {
        member.leave(Duration::from_secs(2)).await;
    }
}

#[tokio::test]
async fn an_owner_that_takes_no_events_stays_a_member() {
    let stand = Stand::any().await;
    stand.create_topic(3).await;
    let config = stand.config(STICKY);
    let deaf = kafka::group::Member::join(stand.kafka.clone(), config.clone()).unwrap();
    let mut worker = Worker::start(&stand.kafka, config.clone());
    // Both are in: the worker has its share, and keeps it for longer than a session.
    worker.until("its share", |log| log.held.len() < 3 && !log.held.is_empty()).await;
    let share = worker.held();
    tokio::time::sleep(config.session_timeout + Duration::from_millis(500)).await;
    assert_eq!(worker.held(), share);
    assert_eq!(deaf.status().assigned.len() + share.len(), 3);
    deaf.leave(Duration::from_secs(2)).await;
    shared_out(&mut [&mut worker], 3).await;
}
