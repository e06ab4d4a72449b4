//! What is refused, and with which of the protocol's errors.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use embedded_broker::{Broker, Config, ResponseError};
use kafka_protocol::messages::{
    ApiVersionsRequest, ConsumerGroupDescribeRequest, CreateTopicsRequest, FetchRequest,
    InitProducerIdRequest, MetadataRequest, ProduceRequest, TransactionalId,
    create_topics_request::CreatableTopic, metadata_request::MetadataRequestTopic,
};
use tokio::time::timeout;

use crate::support::*;

#[tokio::test]
async fn an_unknown_version_of_api_versions_is_answered_in_version_0() {
    let broker = start().await;
    let mut connection = Connection::open(&broker).await;
    // Version 99, as a client from the future would ask; its header is as long as version 3's.
    let mut frame = vec![0, 0, 0, 14, 0, 18, 0, 99, 0, 0, 0, 5, 0xff, 0xff, 0, 1, 1, 0];
    use tokio::io::AsyncWriteExt;
    connection.socket.write_all(&frame).await.unwrap();
    let offered = connection.receive::<ApiVersionsRequest>(0, 5).await.unwrap();
    assert_eq!(offered.error_code, ResponseError::UnsupportedVersion.code());
    assert!(!offered.api_keys.is_empty());
    // The connection stays usable.
    frame[7] = 0;
    connection.socket.write_all(&frame).await.unwrap();
    assert_eq!(connection.receive::<ApiVersionsRequest>(0, 5).await.unwrap().error_code, 0);
    broker.stop().await;
}

#[tokio::test]
async fn what_was_not_advertised_closes_the_connection_that_asked() {
    let broker = start().await;
    broker.create_topic("t", 1).unwrap();
    let mut bystander = Connection::open(&broker).await;
    let mut unknown_api = Connection::open(&broker).await;
    assert!(unknown_api.try_call(&ConsumerGroupDescribeRequest::default(), 0).await.is_err());
    let mut unknown_version = Connection::open(&broker).await;
    assert!(unknown_version.try_call(&MetadataRequest::default(), 12).await.is_err());
    bystander.produce("t", "x").await.unwrap();
    broker.stop().await;
}

#[tokio::test]
async fn produce_errors() {
    let broker = start().await;
    broker.create_topic("t", 1).unwrap();
    let small = BTreeMap::from([("max.message.bytes".to_owned(), "100".to_owned())]);
    broker.create_topic_with("small", 1, &small).unwrap();
    let mut connection = Connection::open(&broker).await;
    let sound = batch(&["value"]);
    let mut corrupt = sound.to_vec();
    *corrupt.last_mut().unwrap() ^= 1;
    let large = batch(&[&"x".repeat(1_048_588)]);
    let cases = [
        ("t", 1, sound.clone(), ResponseError::UnknownTopicOrPartition),
        ("t", -1, sound.clone(), ResponseError::UnknownTopicOrPartition),
        ("missing", 0, sound.clone(), ResponseError::UnknownTopicOrPartition),
        ("t", 0, corrupt.into(), ResponseError::CorruptMessage),
        ("t", 0, large, ResponseError::MessageTooLarge),
        ("small", 0, batch(&[&"x".repeat(100)]), ResponseError::MessageTooLarge),
        ("t", 0, Bytes::new(), ResponseError::InvalidRecord),
    ];
    for (name, partition, records, error) in cases {
        let response = connection.call(&produce_request(name, partition, records), 8).await;
        assert_eq!(produced(&response), Err(error), "{name}/{partition}");
    }
    let acks = produce_request("t", 0, sound.clone()).with_acks(2);
    assert_eq!(produced(&connection.call(&acks, 8).await), Err(ResponseError::InvalidRequiredAcks));
    let transactional = Some(TransactionalId(text("tx")));
    let in_transaction = produce_request("t", 0, sound).with_transactional_id(transactional.clone());
    assert_eq!(produced(&connection.call(&in_transaction, 8).await), Err(ResponseError::InvalidTxnState));
    let producer = InitProducerIdRequest::default().with_transactional_id(transactional);
    assert_eq!(connection.call(&producer, 1).await.error_code, ResponseError::InvalidRequest.code());
    assert_eq!(broker.log_end("t", 0), Some(0), "nothing of it was appended");
    broker.stop().await;
}

#[tokio::test]
async fn no_answer_is_written_for_acks_0() {
    let broker = start().await;
    broker.create_topic("t", 1).unwrap();
    let mut connection = Connection::open(&broker).await;
    connection.send(&produce_request("t", 0, batch(&["a"])).with_acks(0), 8).await.unwrap();
    // The next answer on the connection is the next request's.
    assert_eq!(connection.produce("t", "b").await, Ok(1));
    broker.stop().await;
}

#[tokio::test]
async fn fetch_errors() {
    let broker = start().await;
    broker.create_topic("t", 1).unwrap();
    let mut connection = Connection::open(&broker).await;
    assert_eq!(connection.fetch("missing", 0, PATIENCE).await, Err(ResponseError::UnknownTopicOrPartition));
    assert_eq!(connection.fetch("t", 7, PATIENCE).await, Err(ResponseError::OffsetOutOfRange));
    let in_session = fetch_request("t", 0, Duration::ZERO).with_session_id(9).with_session_epoch(3);
    let error = connection.call(&in_session, 11).await.error_code;
    assert_eq!(error, ResponseError::FetchSessionIdNotFound.code());
    broker.stop().await;
}

#[tokio::test]
async fn a_deleted_topic_ends_the_fetch_that_waits_on_it() {
    let broker = start().await;
    broker.create_topic("t", 1).unwrap();
    let mut connection = Connection::open(&broker).await;
    connection.send(&fetch_request("t", 0, PATIENCE), 11).await.unwrap();
    assert!(broker.faults().delete_topic("t"));
    let response = connection.receive::<FetchRequest>(11, 1).await.unwrap();
    assert_eq!(fetched(&response), Err(ResponseError::UnknownTopicOrPartition));
    broker.stop().await;
}

#[tokio::test]
async fn answers_come_in_the_order_of_requests_even_behind_a_parked_fetch() {
    let broker = start().await;
    broker.create_topic("t", 1).unwrap();
    let (mut one, mut other) = (Connection::open(&broker).await, Connection::open(&broker).await);
    one.send(&fetch_request("t", 0, PATIENCE), 11).await.unwrap();
    one.send(&produce_request("t", 0, batch(&["mine"])), 8).await.unwrap();
    // Another connection is not held up, and its record ends the wait.
    assert_eq!(timeout(PATIENCE, other.produce("t", "theirs")).await.unwrap(), Ok(0));
    let first = one.receive::<FetchRequest>(11, 1).await.unwrap();
    assert_eq!(fetched(&first).unwrap(), ["theirs"]);
    assert_eq!(produced(&one.receive::<ProduceRequest>(8, 2).await.unwrap()), Ok(1));
    broker.stop().await;
}

#[tokio::test]
async fn topic_creation_errors() {
    let broker = start().await;
    let mut connection = Connection::open(&broker).await;
    let wanted = |name: &str, partitions, replication| {
        CreatableTopic::default()
            .with_name(topic(name))
            .with_num_partitions(partitions)
            .with_replication_factor(replication)
    };
    let cases = [
        (wanted("a b", 1, 1), ResponseError::InvalidTopicException),
        (wanted("t", 0, 1), ResponseError::InvalidPartitions),
        (wanted("t", 1, 3), ResponseError::InvalidReplicationFactor),
        (wanted("t", 1, 0), ResponseError::InvalidReplicationFactor),
        (wanted("t", i32::MAX, 1), ResponseError::PolicyViolation),
    ];
    for (wanted, error) in cases {
        let request = CreateTopicsRequest::default().with_topics(vec![wanted]);
        let result = &connection.call(&request, 4).await.topics[0];
        assert_eq!(result.error_code, error.code());
        assert!(result.error_message.as_ref().is_some_and(|message| !message.is_empty()));
    }
    let twice = CreateTopicsRequest::default().with_topics(vec![wanted("t", 1, 1), wanted("t", 1, 1)]);
    let codes: Vec<_> = connection.call(&twice, 4).await.topics.iter().map(|one| one.error_code).collect();
    assert_eq!(codes, [ResponseError::InvalidRequest.code(); 2]);
    let dry = CreateTopicsRequest::default().with_topics(vec![wanted("t", 1, 1)]).with_validate_only(true);
    assert_eq!(connection.call(&dry, 4).await.topics[0].error_code, 0);
    assert!(broker.topic_names().is_empty());
    broker.stop().await;
}

#[tokio::test]
async fn looking_creates_a_topic_only_where_both_sides_allow_it() {
    let config = Config { auto_create_partitions: Some(4), ..Config::default() };
    let broker = Broker::start(config).await.unwrap();
    let mut connection = Connection::open(&broker).await;
    let look = |name: &str, allow| {
        let wanted = MetadataRequestTopic::default().with_name(Some(topic(name)));
        MetadataRequest::default().with_topics(Some(vec![wanted])).with_allow_auto_topic_creation(allow)
    };
    assert_eq!(connection.call(&look("t", false), 8).await.topics[0].error_code, 3);
    assert_eq!(connection.call(&look("t", true), 8).await.topics[0].partitions.len(), 4);
    assert_eq!(connection.call(&look("a b", true), 8).await.topics[0].error_code, 17);
    assert_eq!(broker.topic_names(), ["t"]);
    broker.stop().await;
}
