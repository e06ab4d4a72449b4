//! The coordinator goes away, comes back, moves, freezes, refuses.

use std::time::{Duration, Instant};

use embedded_broker::{ResponseError, Times};
use kafka::group::Assignor;

use crate::{
    stand::{SHORT_SESSION, Stand},
    worker::{Worker, shared_out},
};

const STICKY: Assignor = Assignor::CooperativeSticky;
const SOON: Duration = Duration::from_secs(3);

/// A stand with two workers that share three partitions.
async fn shared() -> (Stand, Worker, Worker) {
    let stand = Stand::embedded().await;
    stand.create_topic(3).await;
    let mut first = Worker::start(&stand.kafka, stand.config(STICKY));
    let mut second = Worker::start(&stand.kafka, stand.config(STICKY));
    shared_out(&mut [&mut first, &mut second], 3).await;
    (stand, first, second)
}

/// Both still hold what they held, and their commits get through.
async fn undisturbed(stand: &Stand, workers: [&mut Worker; 2]) {
    let mut held = Vec::new();
    for worker in workers {
        let log = worker.log();
        assert!(log.lost.is_empty(), "{log:?}");
        for partition in &log.held {
            assert!(worker.commits.commit(*partition, 5));
        }
        worker.commits.flush(SOON).await.unwrap();
        held.extend(log.held);
    }
    held.sort_unstable();
    assert_eq!(held, [0, 1, 2]);
    assert_eq!(stand.broker().member_count(stand.name()), 2);
}

#[tokio::test]
async fn a_restart_of_the_coordinator_inside_a_session_is_survived() {
    let (mut stand, mut first, mut second) = shared().await;
    let stopped = stand.broker.take().unwrap().stop().await;
    assert!(first.commits.commit(*first.held().first().unwrap(), 3));
    tokio::time::sleep(SHORT_SESSION / 3).await;
    stand.broker = Some(stopped.start().await.unwrap());
    tokio::time::sleep(SHORT_SESSION * 2).await;
    undisturbed(&stand, [&mut first, &mut second]).await;
}

#[tokio::test]
async fn a_coordinator_away_for_longer_than_a_session_costs_the_partitions_but_not_the_id() {
    let (mut stand, mut first, mut second) = shared().await;
    let before = first.status().await.member_id;
    let began = Instant::now();
    let stopped = stand.broker.take().unwrap().stop().await;
    for worker in [&mut first, &mut second] {
        worker.until("the loss", |log| log.held.is_empty()).await;
    }
    assert!(began.elapsed() > SHORT_SESSION - Duration::from_millis(600), "lost too early");
    assert!(began.elapsed() < SHORT_SESSION + Duration::from_millis(500), "lost too late");
    assert!(!first.status().await.coordinator_reachable);
    stand.broker = Some(stopped.start().await.unwrap());
    shared_out(&mut [&mut first, &mut second], 3).await;
    assert_eq!(first.status().await.member_id, before);
    assert_eq!(stand.broker().member_count(stand.name()), 2, "no ghosts");
}

#[tokio::test]
async fn broken_connections_cost_nothing() {
    let (stand, mut first, mut second) = shared().await;
    for _ in 0..5 {
        stand.broker().faults().drop_connections();
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    undisturbed(&stand, [&mut first, &mut second]).await;
}

#[tokio::test]
async fn a_coordinator_that_moves_or_loads_costs_nothing() {
    let (stand, mut first, mut second) = shared().await;
    for error in [
        ResponseError::NotCoordinator,
        ResponseError::CoordinatorLoadInProgress,
        ResponseError::CoordinatorNotAvailable,
        ResponseError::RequestTimedOut,
    ] {
        stand.broker().faults().fail_group(Some(stand.name()), error, Times::Next(6));
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    stand.broker().faults().clear();
    undisturbed(&stand, [&mut first, &mut second]).await;
}

#[tokio::test]
async fn a_coordinator_frozen_for_less_than_a_session_costs_nothing() {
    let (stand, mut first, mut second) = shared().await;
    stand.broker().faults().freeze();
    tokio::time::sleep(SHORT_SESSION * 2 / 3).await;
    stand.broker().faults().thaw();
    tokio::time::sleep(SHORT_SESSION).await;
    undisturbed(&stand, [&mut first, &mut second]).await;
}

#[tokio::test]
async fn an_unknown_member_starts_over() {
    let (stand, mut first, mut second) = shared().await;
    stand.broker().faults().fail_group(Some(stand.name()), ResponseError::UnknownMemberId, Times::Next(4));
    let lost = async {
        first.until("the loss of its partitions", |log| !log.lost.is_empty()).await;
    };
    let also_lost = async {
        second.until("the loss of its partitions", |log| !log.lost.is_empty()).await;
    };
    tokio::select! { () = lost => {}, () = also_lost => {} }
    shared_out(&mut [&mut first, &mut second], 3).await;
}

#[tokio::test]
async fn a_group_that_refuses_us_is_joined_once_it_does_not() {
    let stand = Stand::embedded().await;
    stand.create_topic(1).await;
    stand.broker().faults().fail_group(
        Some(stand.name()),
        ResponseError::GroupAuthorizationFailed,
        Times::Next(1),
    );
    let mut worker = Worker::start(&stand.kafka, stand.config(STICKY));
    let began = Instant::now();
    worker.until("its partition", |log| log.held.len() == 1).await;
    assert!(began.elapsed() > Duration::from_secs(4), "a refusal is tried again slowly");
}

#[tokio::test]
async fn leaving_is_bounded_when_nobody_answers() {
    let (stand, first, second) = shared().await;
    assert!(first.commits.commit(*first.held().first().unwrap(), 3));
    stand.broker().faults().freeze();
    let began = Instant::now();
    first.leave(Duration::from_secs(1)).await;
    assert!(began.elapsed() < Duration::from_millis(1700), "took {:?}", began.elapsed());
    let stopped = stand.broker.unwrap().stop().await;
    let began = Instant::now();
    second.leave(Duration::from_secs(1)).await;
    assert!(began.elapsed() < Duration::from_millis(1700), "took {:?}", began.elapsed());
    drop(stopped);
}

#[tokio::test]
async fn a_member_without_a_broker_waits_for_one() {
    let mut stand = Stand::embedded().await;
    stand.create_topic(1).await;
    let stopped = stand.broker.take().unwrap().stop().await;
    let mut worker = Worker::start(&stand.kafka, stand.config(STICKY));
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!worker.status().await.coordinator_reachable);
    stand.broker = Some(stopped.start().await.unwrap());
    worker.until("its partition", |log| log.held.len() == 1).await;
}
