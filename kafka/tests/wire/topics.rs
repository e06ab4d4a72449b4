//! Finding and creating topics.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::Result;
use kafka::{
    Kafka,
    topics::{self, TopicError, TopicSpec},
    wire::ResponseError,
};
use kafka_protocol::{
    messages::{
        BrokerId, CreateTopicsRequest, CreateTopicsResponse, MetadataRequest, MetadataResponse, TopicName,
        create_topics_response::CreatableTopicResult,
        metadata_response::{MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic},
    },
    protocol::{Request, StrBytes},
};

use crate::{
    Broker, config,
    scripted::{answering, put_answer},
    unique,
};

const RETENTION: Duration = Duration::from_mins(10);

fn spec(name: &str, partitions: i32) -> TopicSpec {
    TopicSpec { name: name.to_owned(), partitions, retention: RETENTION }
}

#[tokio::test]
async fn creates_what_is_missing_and_leaves_what_is_there() -> Result<()> {
    let broker = Broker::start().await?;
    let specs = [spec(&unique("requests"), 3), spec(&unique("replies"), 5)];
    let states = topics::ensure(&broker.kafka, &specs, true).await?;
    for (state, spec) in states.iter().zip(&specs) {
        assert_eq!((&state.name, state.partitions, state.created), (&spec.name, spec.partitions, true));
        assert_eq!(state.warnings, Vec::<String>::new());
        assert_eq!(topics::partition_count(&broker.kafka, &spec.name).await?, spec.partitions);
    }
    let again = topics::ensure(&broker.kafka, &specs, true).await?;
    assert!(again.iter().all(|state| !state.created && state.warnings.is_empty()), "{again:?}");
    let only_checked = topics::ensure(&broker.kafka, &specs, false).await?;
    assert_eq!(only_checked, again);
    Ok(())
}

#[tokio::test]
async fn says_how_an_existing_topic_differs() -> Result<()> {
    let broker = Broker::start().await?;
    let name = unique("different");
    topics::ensure(&broker.kafka, &[spec(&name, 2)], true).await?;
    let wanted = TopicSpec { retention: Duration::from_hours(24), ..spec(&name, 3) };
    let states = topics::ensure(&broker.kafka, &[wanted], true).await?;
    assert_eq!(states[0].partitions, 2);
    assert!(!states[0].created);
    let [partitions, retention] = &states[0].warnings[..] else { panic!("{:?}", states[0].warnings) };
    assert!(partitions.contains("2 partitions where 3"), "{partitions}");
    assert!(
        retention.contains("retention.ms 600000 where this program would have set 86400000"),
        "{retention}"
    );
    Ok(())
}

#[tokio::test]
async fn names_what_is_missing_when_it_may_not_create() -> Result<()> {
    let broker = Broker::start().await?;
    let (first, second) = (unique("missing"), unique("missing"));
    let error = topics::ensure(&broker.kafka, &[spec(&first, 1), spec(&second, 1)], false).await.unwrap_err();
    assert!(!error.is_transient());
    assert!(error.to_string().contains(&first) && error.to_string().contains(&second), "{error}");
    let error = topics::partition_count(&broker.kafka, &first).await.unwrap_err();
    assert!(matches!(error, TopicError::Missing { .. }), "{error:?}");
    Ok(())
}

#[tokio::test]
async fn two_that_create_the_same_topic_both_succeed() -> Result<()> {
    let broker = Broker::start().await?;
    for _ in 0..5 {
        let specs = [spec(&unique("race"), 3)];
        let ensure = || topics::ensure(&broker.kafka, &specs, true);
        let (a, b, c) = tokio::try_join!(ensure(), ensure(), ensure())?;
        assert_eq!([&a, &b, &c].iter().filter(|states| states[0].created).count(), 1);
        assert!([a, b, c].iter().all(|states| states[0].partitions == 3));
    }
    Ok(())
}

#[tokio::test]
async fn passes_on_why_a_topic_is_refused() -> Result<()> {
    let broker = Broker::start().await?;
    let error = topics::ensure(&broker.kafka, &[spec(&unique("none"), 0)], true).await.unwrap_err();
    assert!(matches!(&error, TopicError::Refused { action: "create", .. }), "{error:?}");
    assert!(!error.is_transient(), "{error}");
    Ok(())
}

/// As where ZooKeeper keeps the cluster: a broker that is not the controller does not pass the request on.
#[tokio::test]
async fn goes_to_the_controller_if_the_broker_is_not() -> Result<()> {
    const APIS: &[(i16, i16)] = &[(MetadataRequest::KEY, 8), (CreateTopicsRequest::KEY, 4)];
    let is_created = Arc::new(AtomicBool::new(false));
    let creates = is_created.clone();
    let (controller, _controller) = answering(APIS, move |asked, answer| {
        assert_eq!(asked.key, CreateTopicsRequest::KEY);
        creates.store(true, Ordering::Relaxed);
        put_answer(asked, &creation(None), answer)
    })
    .await?;
    let port = controller.rsplit(':').next().unwrap().parse()?;
    let (other, _other) = answering(APIS, move |asked, answer| {
        if asked.key == CreateTopicsRequest::KEY {
            put_answer(asked, &creation(Some(ResponseError::NotController)), answer)
        } else {
            put_answer(asked, &cluster(port, is_created.load(Ordering::Relaxed)), answer)
        }
    })
    .await?;
    let states = topics::ensure(&Kafka::new(config([other])), &[spec("requests", 1)], true).await?;
    assert!(states[0].created, "{states:?}");
    Ok(())
}

fn creation(error: Option<ResponseError>) -> CreateTopicsResponse {
    let result = CreatableTopicResult::default()
        .with_name(TopicName(StrBytes::from_static_str("requests")))
        .with_error_code(error.map_or(0, |error| error.code()));
    CreateTopicsResponse::default().with_topics(vec![result])
}

/// One broker, the controller at `port`, and the topic if it is there.
fn cluster(port: i32, is_created: bool) -> MetadataResponse {
    let id = BrokerId(7);
    let broker = MetadataResponseBroker::default()
        .with_node_id(id)
        .with_host(StrBytes::from_static_str("127.0.0.1"))
        .with_port(port);
    let missing = if is_created { 0 } else { ResponseError::UnknownTopicOrPartition.code() };
    let partition = MetadataResponsePartition::default().with_leader_id(id).with_replica_nodes(vec![id]);
    let topic = MetadataResponseTopic::default()
        .with_name(Some(TopicName(StrBytes::from_static_str("requests"))))
        .with_error_code(missing)
        .with_partitions(if is_created { vec![partition] } else { Vec::new() });
    MetadataResponse::default().with_brokers(vec![broker]).with_controller_id(id).with_topics(vec![topic])
}
