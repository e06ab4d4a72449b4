//! Brokers that tell of the past: cut off from the others, or not yet told the news.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Result, bail};
use chrono::Utc;
use kafka::{
    Config, Kafka,
    reader::{Reader, Start},
    topics::{TopicSpec, ensure},
    wire::{self, Broker as Node},
};
use kafka_protocol::{
    messages::{
        ApiVersionsRequest, BrokerId, FetchRequest, FetchResponse, ListOffsetsRequest, ListOffsetsResponse,
        MetadataRequest, MetadataResponse, TopicName,
        fetch_response::{FetchableTopicResponse, PartitionData},
        list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse},
        metadata_response::{MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic},
    },
    protocol::{Request, StrBytes},
};
use rskafka::{
    client::{error::ProtocolError, partition::Compression},
    record::Record,
};
use tokio::{task::JoinSet, time::timeout};

use crate::{
    Broker,
    scripted::{answering, put_answer},
};

const PATIENCE: Duration = Duration::from_secs(30);
const APIS: &[(i16, i16)] = &[
    (MetadataRequest::KEY, 9),
    (ListOffsetsRequest::KEY, 3),
    (FetchRequest::KEY, 4),
    (ApiVersionsRequest::KEY, 3),
];

/// A broker that takes itself for the leader of a partition, and in whose copy nothing happens.
struct Stale {
    node: Node,
    fetches: Arc<AtomicUsize>,
    _tasks: JoinSet<Result<()>>,
}

fn view(brokers: &[&Node], topic: &TopicName, leader: i32) -> MetadataResponse {
    let broker = |node: &&Node| {
        MetadataResponseBroker::default()
            .with_node_id(BrokerId(node.id))
            .with_host(StrBytes::from_string(node.host.clone()))
            .with_port(i32::from(node.port))
    };
    let partition = MetadataResponsePartition::default().with_leader_id(BrokerId(leader));
    let topic =
        MetadataResponseTopic::default().with_name(Some(topic.clone())).with_partitions(vec![partition]);
    MetadataResponse::default().with_brokers(brokers.iter().map(broker).collect()).with_topics(vec![topic])
}

fn node(id: i32, address: &str) -> Result<Node> {
    let (host, port) = address.rsplit_once(':').expect("host:port");
    Ok(Node { id, host: host.to_owned(), port: port.parse()? })
}

impl Stale {
    async fn start(id: i32, topic: &TopicName) -> Result<Self> {
        let fetches = Arc::new(AtomicUsize::new(0));
        let own_port = Arc::new(AtomicUsize::new(0));
        let (counter, port, topic) = (fetches.clone(), own_port.clone(), topic.clone());
        let (address, tasks) = answering(APIS, move |request, body| match request.key {
            MetadataRequest::KEY => {
                let port = u16::try_from(port.load(Ordering::Relaxed))?;
                let itself = Node { id, host: "127.0.0.1".to_owned(), port };
                put_answer(request, &view(&[&itself], &topic, id), body)
            }
            ListOffsetsRequest::KEY => {
                let partition = ListOffsetsPartitionResponse::default().with_offset(0);
                let answer = ListOffsetsTopicResponse::default()
                    .with_name(topic.clone())
                    .with_partitions(vec![partition]);
                put_answer(request, &ListOffsetsResponse::default().with_topics(vec![answer]), body)
            }
            FetchRequest::KEY => {
                counter.fetch_add(1, Ordering::Relaxed);
                let partition = PartitionData::default().with_records(Some(bytes::Bytes::new()));
                let answer = FetchableTopicResponse::default()
                    .with_topic(topic.clone())
                    .with_partitions(vec![partition]);
                put_answer(request, &FetchResponse::default().with_responses(vec![answer]), body)
            }
            other => bail!("asked for {other}"),
        })
        .await?;
        let node = node(id, &address)?;
        own_port.store(usize::from(node.port), Ordering::Relaxed);
        Ok(Self { node, fetches, _tasks: tasks })
    }
}

#[tokio::test]
async fn a_reader_leaves_a_leader_that_does_not_know_that_it_has_been_replaced() -> Result<()> {
    let broker = Broker::start().await?;
    let topic = crate::unique("replaced");
    let spec = TopicSpec { name: topic.clone(), partitions: 1, retention: PATIENCE };
    ensure(&broker.kafka, &[spec], true).await?;
    let mut connection = wire::bootstrap(broker.kafka.config()).await?;
    let seen = wire::metadata(&mut connection, Some(&[&topic]), broker.kafka.config()).await?;
    let successor = seen.leader(&topic, 0).expect("it has a leader").clone();
    let name = TopicName(StrBytes::from_string(topic.clone()));
    let stale = Stale::start(successor.id + 1, &name).await?;

    let (fetches, itself, other) = (stale.fetches.clone(), stale.node.clone(), successor.clone());
    let (front, _tasks) = answering(APIS, move |request, body| {
        let view = if fetches.load(Ordering::Relaxed) > 0 {
            view(&[&other], &name, other.id)
        } else {
            view(&[&itself], &name, itself.id)
        };
        put_answer(request, &view, body)
    })
    .await?;
    let config = Config { timeout: PATIENCE, ..crate::config([front]) };
    let mut reader = Reader::open(&Kafka::new(config), &topic, 0, Start::Earliest).await?;

    let record =
        Record { key: None, value: Some(b"news".to_vec()), headers: <_>::default(), timestamp: Utc::now() };
    let writer = broker.kafka.connect(&topic, 0).await?;
    writer.produce(vec![record], Compression::NoCompression).await?;
    let first = timeout(PATIENCE, async {
        loop {
            if let Some(first) = reader.next().await.records.into_iter().next() {
                return first;
            }
        }
    });
    assert_eq!(first.await?.record.value.as_deref(), Some(&b"news"[..]));
    assert!(
        stale.fetches.load(Ordering::Relaxed) > 0,
        "it was read from the one that had been replaced first"
    );
    Ok(())
}

#[tokio::test]
async fn connecting_does_not_create_a_topic_that_is_gone_though_a_broker_still_tells_of_it() -> Result<()> {
    let settings =
        embedded_broker::Config { auto_create_partitions: Some(1), ..embedded_broker::Config::default() };
    let broker = embedded_broker::Broker::start(settings).await?;
    let direct = Kafka::new(crate::config([broker.bootstrap()]));
    let mut connection = wire::bootstrap(direct.config()).await?;
    let seen = wire::metadata(&mut connection, Some(&[]), direct.config()).await?;
    let leader = seen.brokers.first().expect("itself").clone();
    let name = TopicName(StrBytes::from_static_str("gone"));
    let (front, _tasks) =
        answering(APIS, move |request, body| put_answer(request, &view(&[&leader], &name, leader.id), body))
            .await?;
    let error = Kafka::new(crate::config([front])).connect("gone", 0).await.expect_err("it is gone");
    assert_eq!(error.kafka(), Some(ProtocolError::UnknownTopicOrPartition), "{error}");
    assert!(broker.topic_names().is_empty(), "it was created");
    Ok(())
}
