//! Reading a range from a leader that never sends a whole batch.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use anyhow::Result;
use bytes::Bytes;
use kafka::{
    Config, Kafka,
    batch::{RangeReader, RawRecord, encode},
    wire::WireError,
};
use kafka_protocol::{
    messages::{
        ApiVersionsRequest, BrokerId, FetchRequest, FetchResponse, MetadataRequest, MetadataResponse,
        TopicName,
        fetch_response::{FetchableTopicResponse, PartitionData},
        metadata_response::{MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic},
    },
    protocol::{Request, StrBytes},
};
use tokio::time::timeout;

use crate::scripted::{answering, put_answer};

const APIS: &[(i16, i16)] =
    &[(MetadataRequest::KEY, 9), (FetchRequest::KEY, 11), (ApiVersionsRequest::KEY, 3)];
const TOPIC: StrBytes = StrBytes::from_static_str("topic");
const LEADER: BrokerId = BrokerId(1);

fn names_itself(address: &str) -> MetadataResponse {
    let (host, port) = address.rsplit_once(':').expect("host:port");
    let broker = MetadataResponseBroker::default()
        .with_node_id(LEADER)
        .with_host(StrBytes::from_string(host.to_owned()))
        .with_port(port.parse().expect("a port"));
    let partition = MetadataResponsePartition::default().with_leader_id(LEADER);
    let topic =
        MetadataResponseTopic::default().with_name(Some(TopicName(TOPIC))).with_partitions(vec![partition]);
    MetadataResponse::default().with_brokers(vec![broker]).with_topics(vec![topic])
}

fn holds(records: Bytes) -> FetchResponse {
    let partition = PartitionData::default().with_high_watermark(9).with_records(Some(records));
    let topic =
        FetchableTopicResponse::default().with_topic(TopicName(TOPIC)).with_partitions(vec![partition]);
    FetchResponse::default().with_responses(vec![topic])
}

#[tokio::test]
async fn a_leader_that_never_sends_a_whole_batch_is_not_asked_for_ever() -> Result<()> {
    let whole = encode(&[RawRecord { value: Some(Bytes::from_static(b"value")), ..RawRecord::default() }])?;
    let half = whole.slice(..whole.len() / 2);
    let own_address = Arc::new(OnceLock::<String>::new());
    let named = own_address.clone();
    let (address, _tasks) = answering(APIS, move |asked, body| match asked.key {
        FetchRequest::KEY => put_answer(asked, &holds(half.clone()), body),
        _ => put_answer(asked, &names_itself(named.get().expect("it is set by now")), body),
    })
    .await?;
    own_address.set(address.clone()).expect("it is set once");
    let limit = Duration::from_secs(1);
    let kafka = Kafka::new(Config {
        brokers: vec![address],
        client_id: "range-test".to_owned(),
        timeout: limit,
        security: kafka::Security::default(),
    });
    let mut reader = RangeReader::new(&kafka, "topic", 0, 0..9);
    let read = timeout(20 * limit, reader.next()).await.expect("it ends");
    assert!(matches!(read, Err(WireError::Broken { .. })), "{read:?}");
    Ok(())
}
