//! Faults on demand.

use std::time::{Duration, Instant};

use embedded_broker::{ResponseError, Times};
use kafka_protocol::messages::{FetchRequest, MetadataRequest};
use tokio::{io::AsyncReadExt, net::TcpStream, time::timeout};

use crate::support::*;

#[tokio::test]
async fn produce_fails_as_often_as_asked_and_appends_nothing() {
    let broker = start().await;
    broker.create_topic("t", 1).unwrap();
    broker.create_topic("other", 1).unwrap();
    let mut connection = Connection::open(&broker).await;
    broker.faults().fail_produce(Some("t"), ResponseError::NotEnoughReplicas, Times::Next(2));
    assert_eq!(connection.produce("other", "x").await, Ok(0));
    for _ in 0..2 {
        assert_eq!(connection.produce("t", "x").await, Err(ResponseError::NotEnoughReplicas));
    }
    assert_eq!(connection.produce("t", "x").await, Ok(0));
    broker.stop().await;
}

#[tokio::test]
async fn an_acknowledgement_can_fail_or_get_lost_after_the_append() {
    let broker = start().await;
    broker.create_topic("t", 1).unwrap();
    let mut connection = Connection::open(&broker).await;
    broker.faults().fail_acknowledgement(None, ResponseError::RequestTimedOut, Times::Next(1));
    assert_eq!(connection.produce("t", "x").await, Err(ResponseError::RequestTimedOut));
    assert_eq!(broker.log_end("t", 0), Some(1));
    broker.faults().lose_acknowledgement(Some("t"), Times::Next(1));
    assert!(connection.try_call(&produce_request("t", 0, batch(&["x"])), 8).await.is_err());
    assert_eq!(broker.log_end("t", 0), Some(2));
    broker.stop().await;
}

#[tokio::test]
async fn a_full_disk_and_missing_replicas_are_answered_as_kafka_does() {
    let broker = start().await;
    broker.create_topic("t", 1).unwrap();
    let mut connection = Connection::open(&broker).await;
    for refused in [ResponseError::KafkaStorageError, ResponseError::NotEnoughReplicas] {
        broker.faults().fail_produce(Some("t"), refused, Times::Next(1));
        assert_eq!(connection.produce("t", "x").await, Err(refused));
        assert_eq!(broker.log_end("t", 0), Some(0));
    }
    let unconfirmed = ResponseError::NotEnoughReplicasAfterAppend;
    broker.faults().fail_acknowledgement(Some("t"), unconfirmed, Times::Next(1));
    broker.faults().fail_produce(Some("t"), ResponseError::KafkaStorageError, Times::Next(1));
    assert_eq!(connection.produce("t", "x").await, Err(ResponseError::KafkaStorageError));
    assert_eq!(connection.produce("t", "x").await, Err(unconfirmed), "only an append has what can fail so");
    assert_eq!(broker.log_end("t", 0), Some(1));
    broker.stop().await;
}

#[tokio::test]
async fn a_partition_can_lose_its_leader_and_get_it_back() {
    let broker = start().await;
    broker.create_topic("t", 2).unwrap();
    let (mut connection, mut parked) = (Connection::open(&broker).await, Connection::open(&broker).await);
    let not_leader = ResponseError::NotLeaderOrFollower;
    parked.send(&fetch_request("t", 0, PATIENCE), 11).await.unwrap();
    connection.call(&MetadataRequest::default(), 1).await;
    broker.faults().take_leader("t", 0);
    let woken = parked.receive::<FetchRequest>(11, 1);
    assert_eq!(fetched(&timeout(PATIENCE / 2, woken).await.unwrap().unwrap()), Err(not_leader));
    assert_eq!(connection.produce("t", "x").await, Err(not_leader));
    assert_eq!(connection.fetch("t", 0, PATIENCE).await, Err(not_leader));
    let other = connection.call(&produce_request("t", 1, batch(&["x"])), 8).await;
    assert_eq!(produced(&other), Ok(0), "the other partition is led");
    assert_eq!(leaders(&mut connection).await, [(5, -1), (0, 1)]);

    broker.faults().return_leader("t", 0);
    assert_eq!(leaders(&mut connection).await, [(0, 1), (0, 1)]);
    assert_eq!(connection.produce("t", "x").await, Ok(0));
    broker.faults().take_leader("t", 1);
    broker.faults().clear();
    assert_eq!(leaders(&mut connection).await, [(0, 1), (0, 1)]);
    broker.stop().await;
}

/// Error and leader of each partition of the only topic.
async fn leaders(connection: &mut Connection) -> Vec<(i16, i32)> {
    let answer = connection.call(&MetadataRequest::default().with_topics(None), 8).await;
    answer.topics[0].partitions.iter().map(|found| (found.error_code, found.leader_id.0)).collect()
}

#[tokio::test]
async fn fetch_fails_until_cleared() {
    let broker = start().await;
    broker.create_topic("t", 1).unwrap();
    let mut connection = Connection::open(&broker).await;
    connection.produce("t", "x").await.unwrap();
    broker.faults().fail_fetch(None, ResponseError::NotLeaderOrFollower, Times::Every);
    for _ in 0..3 {
        assert_eq!(connection.fetch("t", 0, PATIENCE).await, Err(ResponseError::NotLeaderOrFollower));
    }
    broker.faults().clear();
    assert_eq!(connection.fetch("t", 0, PATIENCE).await.unwrap(), ["x"]);
    broker.stop().await;
}

#[tokio::test]
async fn a_throttled_connection_is_told_and_rests() {
    let broker = start().await;
    broker.create_topic("t", 1).unwrap();
    let mut connection = Connection::open(&broker).await;
    let pause = Duration::from_millis(200);
    broker.faults().throttle(pause, Times::Next(1));
    let began = Instant::now();
    let response = connection.call(&produce_request("t", 0, batch(&["x"])), 8).await;
    assert_eq!((produced(&response), response.throttle_time_ms), (Ok(0), 200));
    assert_eq!(connection.produce("t", "x").await, Ok(1));
    assert!(began.elapsed() >= pause);
    broker.stop().await;
}

#[tokio::test]
async fn a_frozen_broker_takes_connections_and_answers_once_thawed() {
    let broker = start().await;
    broker.create_topic("t", 1).unwrap();
    let mut before = Connection::open(&broker).await;
    before.send(&fetch_request("t", 0, PATIENCE), 11).await.unwrap();
    broker.faults().freeze();
    let mut after = Connection::open(&broker).await;
    let everything = MetadataRequest::default().with_topics(None);
    let mut asked = Box::pin(after.call(&everything, 1));
    assert!(timeout(Duration::from_millis(100), &mut asked).await.is_err(), "it answers nothing");
    broker.faults().thaw();
    assert_eq!(asked.await.topics.len(), 1);
    broker.stop().await;
}

#[tokio::test]
async fn a_frozen_broker_still_stops() {
    let broker = start().await;
    let mut connection = Connection::open(&broker).await;
    broker.faults().freeze();
    connection.send(&MetadataRequest::default(), 1).await.unwrap();
    let broker = timeout(PATIENCE, broker.stop()).await.unwrap().start().await.unwrap();
    Connection::open(&broker).await.call(&MetadataRequest::default(), 1).await;
    broker.stop().await;
}

#[tokio::test]
async fn answers_can_be_delayed() {
    let broker = start().await;
    let mut connection = Connection::open(&broker).await;
    let delay = Duration::from_millis(100);
    broker.faults().delay(delay);
    let began = Instant::now();
    connection.call(&MetadataRequest::default(), 1).await;
    assert!(began.elapsed() >= delay);
    broker.stop().await;
}

#[tokio::test]
async fn open_connections_can_be_reset_and_new_ones_refused() {
    let broker = start().await;
    let mut connection = Connection::open(&broker).await;
    connection.call(&MetadataRequest::default(), 1).await;
    broker.faults().drop_connections();
    let error = timeout(PATIENCE, connection.socket.read_u8()).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    Connection::open(&broker).await.call(&MetadataRequest::default(), 1).await;

    broker.faults().refuse_connections();
    // The reset may come before or after the client knows that it is connected.
    if let Ok(mut refused) = TcpStream::connect(broker.addr()).await {
        assert!(timeout(PATIENCE, refused.read_u8()).await.unwrap().is_err());
    }
    broker.faults().accept_connections();
    Connection::open(&broker).await.call(&MetadataRequest::default(), 1).await;
    broker.stop().await;
}

#[tokio::test]
async fn partitions_can_be_added_and_poison_appended() {
    let broker = start().await;
    broker.create_topic("t", 1).unwrap();
    broker.faults().add_partitions("t", 3).unwrap();
    assert_eq!(broker.partition_count("t"), Some(3));
    assert_eq!(broker.faults().add_partitions("t", 3), Err(ResponseError::InvalidPartitions));
    assert_eq!(broker.append_batch("t", 2, &batch(&["raw"])), Ok(0));
    assert_eq!(broker.append_batch("t", 2, &bytes::Bytes::new()), Err(ResponseError::CorruptMessage));
    assert_eq!(broker.append_batch("t", 3, &batch(&["raw"])), Err(ResponseError::UnknownTopicOrPartition));
    broker.stop().await;
}
