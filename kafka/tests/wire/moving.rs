//! Leaders and coordinators that become others while somebody waits for them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Result;
use kafka::{Config, Kafka, wire};
use kafka_protocol::{
    messages::{
        ApiVersionsRequest, BrokerId, FindCoordinatorRequest, FindCoordinatorResponse, MetadataRequest,
        MetadataResponse, TopicName,
        find_coordinator_response::Coordinator,
        metadata_response::{MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic},
    },
    protocol::{Request, StrBytes},
};
use rskafka::client::partition::OffsetAt;
use tokio::{net::TcpListener, time::timeout};

use crate::{
    Broker,
    scripted::{answering, put_answer},
};

/// Each connect and call may take so long, which nothing here does.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often the one who has gone is named before another is.
const NAMED_IN_VAIN: usize = 3;
const GONE: i32 = 77;

const APIS: &[(i16, i16)] =
    &[(MetadataRequest::KEY, 9), (FindCoordinatorRequest::KEY, 4), (ApiVersionsRequest::KEY, 3)];

fn host_and_port(address: &str) -> (StrBytes, i32) {
    let (host, port) = address.rsplit_once(':').expect("host:port");
    (StrBytes::from_string(host.to_owned()), port.parse().expect("a port"))
}

fn handle_on(address: String) -> Kafka {
    Kafka::new(Config {
        brokers: vec![address],
        client_id: "wire-tests".to_owned(),
        timeout: PATIENCE,
        security: kafka::Security::default(),
    })
}

#[tokio::test]
async fn a_coordinator_that_does_not_answer_is_given_up_for_the_next() -> Result<()> {
    let broker = Broker::start().await?;
    let live = broker.kafka.config().brokers[0].clone();
    // The operating system accepts for it.
    let hangs = TcpListener::bind("127.0.0.1:0").await?;
    let (gone, next) = (hangs.local_addr()?.to_string(), live.clone());
    let asked = Arc::new(AtomicUsize::new(0));
    let (front, _tasks) = answering(APIS, move |request, body| {
        let is_gone = asked.fetch_add(1, Ordering::Relaxed) < NAMED_IN_VAIN;
        let (id, (host, port)) =
            if is_gone { (GONE, host_and_port(&gone)) } else { (1, host_and_port(&next)) };
        let coordinator = Coordinator::default().with_node_id(BrokerId(id)).with_host(host).with_port(port);
        put_answer(request, &FindCoordinatorResponse::default().with_coordinators(vec![coordinator]), body)
    })
    .await?;
    let began = Instant::now();
    let found = timeout(PATIENCE, wire::open_coordinator(&handle_on(front), "group", None)).await??;
    assert_eq!(found.address(), live);
    assert!(began.elapsed() < PATIENCE / 2, "it waited for the one that is gone");
    Ok(())
}

#[tokio::test]
async fn a_leader_that_does_not_answer_is_given_up_for_the_next() -> Result<()> {
    let broker = Broker::start().await?;
    let topic = crate::unique("moving");
    let spec = kafka::topics::TopicSpec { name: topic.clone(), partitions: 1, retention: PATIENCE };
    kafka::topics::ensure(&broker.kafka, &[spec], true).await?;
    let mut connection = wire::bootstrap(broker.kafka.config()).await?;
    let view = wire::metadata(&mut connection, Some(&[&topic]), broker.kafka.config()).await?;
    let next = view.leader(&topic, 0).expect("it has a leader").clone();
    let hangs = TcpListener::bind("127.0.0.1:0").await?;
    let gone = hangs.local_addr()?.to_string();
    let asked = Arc::new(AtomicUsize::new(0));
    let name = TopicName(StrBytes::from_string(topic.clone()));
    let live = next.address();
    let (front, _tasks) = answering(APIS, move |request, body| {
        let is_gone = asked.fetch_add(1, Ordering::Relaxed) < NAMED_IN_VAIN;
        let broker = |id: i32, address: &str| {
            let (host, port) = host_and_port(address);
            MetadataResponseBroker::default().with_node_id(BrokerId(id)).with_host(host).with_port(port)
        };
        let partition = MetadataResponsePartition::default().with_leader_id(BrokerId(if is_gone {
            GONE
        } else {
            next.id
        }));
        let topic =
            MetadataResponseTopic::default().with_name(Some(name.clone())).with_partitions(vec![partition]);
        let response = MetadataResponse::default()
            .with_brokers(vec![broker(GONE, &gone), broker(next.id, &live)])
            .with_topics(vec![topic]);
        put_answer(request, &response, body)
    })
    .await?;
    let began = Instant::now();
    let leader = timeout(PATIENCE, handle_on(front).connect(&topic, 0)).await??;
    assert_eq!(leader.get_offset(OffsetAt::Latest).await?, 0);
    assert!(began.elapsed() < PATIENCE / 2, "it waited for the one that is gone");
    Ok(())
}
