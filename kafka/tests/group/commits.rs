//! Positions reach the group, and only from those who own the partition.

use std::{collections::BTreeMap, time::Duration};

use kafka::group::{Assignor, fetch_committed};

use crate::{
    stand::{SHORT_SESSION, Stand},
    worker::{Worker, shared_out},
};

const STICKY: Assignor = Assignor::CooperativeSticky;
const SOON: Duration = Duration::from_secs(3);

#[tokio::test]
async fn commits_are_read_back_by_tools_and_by_the_next_member() {
    let stand = Stand::any().await;
    stand.create_topic(3).await;
    let mut worker = Worker::start(&stand.kafka, stand.config(STICKY));
    shared_out(&mut [&mut worker], 3).await;
    assert!(worker.log().committed.values().all(Option::is_none), "nothing was committed yet");
    assert!(worker.commits.commit(0, 7));
    assert!(worker.commits.commit(1, 30));
    assert!(worker.commits.commit(1, 20), "taken, but not further on");
    worker.commits.flush(SOON).await.unwrap();
    assert_eq!(worker.commits.committed(1), Some(30));
    // The last ones go out when it leaves.
    assert!(worker.commits.commit(0, 8));
    worker.leave(SOON).await;
    assert!(!worker.commits.commit(0, 9), "nothing is taken any more");

    let committed = fetch_committed(&stand.kafka, stand.name(), stand.name(), &[0, 1, 2]).await.unwrap();
    assert_eq!(committed, BTreeMap::from([(0, Some(8)), (1, Some(30)), (2, None)]));
    let mut next = Worker::start(&stand.kafka, stand.config(STICKY));
    let log = next.until("all partitions", |log| log.held.len() == 3).await;
    assert_eq!(log.committed, committed);
}

#[tokio::test]
async fn positions_go_out_by_themselves() {
    let stand = Stand::any().await;
    stand.create_topic(1).await;
    let mut worker = Worker::start(&stand.kafka, stand.config(STICKY));
    shared_out(&mut [&mut worker], 1).await;
    for offset in 1..=20 {
        worker.commits.commit(0, offset);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let began = std::time::Instant::now();
    while worker.commits.committed(0) != Some(20) {
        assert!(began.elapsed() < SOON, "committed only {:?}", worker.commits.committed(0));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(worker.commits.rewind(0, 3), "the log was made anew");
    worker.commits.flush(SOON).await.unwrap();
    let committed = fetch_committed(&stand.kafka, stand.name(), stand.name(), &[0]).await.unwrap();
    assert_eq!(committed[&0], Some(3));
}

#[tokio::test]
async fn a_group_that_never_was_has_committed_nothing() {
    let stand = Stand::any().await;
    stand.create_topic(1).await;
    let committed = fetch_committed(&stand.kafka, "nobody-ever", stand.name(), &[0, 5]).await.unwrap();
    assert_eq!(committed, BTreeMap::from([(0, None), (5, None)]));
}

#[tokio::test]
async fn a_zombie_commits_nothing_and_learns_that_it_is_one() {
    let stand = Stand::embedded().await;
    stand.create_topic(2).await;
    let mut zombie = Worker::start(&stand.kafka, stand.config(STICKY));
    let mut heir = Worker::start(&stand.kafka, stand.config(STICKY));
    shared_out(&mut [&mut zombie, &mut heir], 2).await;
    let owned = *zombie.held().first().unwrap();

    // Its thread stands still for two sessions; its owner goes on working and has no idea.
    zombie.freeze(SHORT_SESSION * 2).await;
    heir.until("both partitions", |log| log.held.len() == 2).await;
    assert!(heir.commits.commit(owned, 10));
    heir.commits.flush(SOON).await.unwrap();
    assert!(zombie.commits.commit(owned, 999), "it does not know better");
    zombie.until("the news that its partition is lost", |log| !log.lost.is_empty()).await;
    assert!(!zombie.commits.commit(owned, 1000));

    shared_out(&mut [&mut zombie, &mut heir], 2).await;
    let committed = fetch_committed(&stand.kafka, stand.name(), stand.name(), &[owned]).await.unwrap();
    assert_eq!(committed[&owned], Some(10));
}

#[tokio::test]
async fn commits_that_meet_a_rebalance_are_made_after_it() {
    let stand = Stand::any().await;
    stand.create_topic(4).await;
    let mut steady = Worker::start(&stand.kafka, stand.config(STICKY));
    shared_out(&mut [&mut steady], 4).await;
    // Members come and go while positions move on, every few milliseconds.
    let commits = steady.commits.clone();
    let moving = tokio::spawn(async move {
        for offset in 1..=i64::MAX {
            for partition in 0..4 {
                commits.commit(partition, offset);
            }
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    });
    for _ in 0..3 {
        let mut guest = Worker::start(&stand.kafka, stand.config(STICKY));
        shared_out(&mut [&mut steady, &mut guest], 4).await;
        guest.leave(SOON).await;
        shared_out(&mut [&mut steady], 4).await;
    }
    moving.abort();
    let _ = moving.await;
    assert!(steady.log().lost.is_empty());
    for partition in 0..4 {
        steady.commits.commit(partition, 1_000_000);
    }
    steady.commits.flush(SOON).await.unwrap();
    let committed = fetch_committed(&stand.kafka, stand.name(), stand.name(), &[0, 1, 2, 3]).await.unwrap();
    assert!(committed.values().all(|offset| *offset == Some(1_000_000)));
}
