//! A broker to test against, and topics and groups of one's own on it.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use embedded_broker::Broker;
use kafka::{
    Config, Kafka,
    group::{Assignor, GroupConfig},
    wire::{self, Connection},
};
use kafka_protocol::{
    messages::{
        CreatePartitionsRequest, CreateTopicsRequest, TopicName,
        create_partitions_request::CreatePartitionsTopic, create_topics_request::CreatableTopic,
    },
    protocol::StrBytes,
};

/// Sessions are short, so that tests are; a real broker insists on 6 s.
pub(crate) const SHORT_SESSION: Duration = Duration::from_millis(1500);
const TIMEOUT: Duration = Duration::from_secs(3);

pub(crate) struct Stand {
    pub(crate) broker: Option<Broker>,
    pub(crate) kafka: Kafka,
    name: String,
}

impl Stand {
    /// Whichever broker the environment asks for.
    pub(crate) async fn any() -> Self {
        match std::env::var("TEST_BROKER") {
            Ok(address) if address.contains(':') => Self::at(None, address),
            _ => Self::embedded().await,
        }
    }

    pub(crate) async fn embedded() -> Self {
        let settings = embedded_broker::Config {
            min_session_timeout: Duration::from_millis(100),
            ..embedded_broker::Config::default()
        };
        let broker = Broker::start(settings).await.unwrap();
        let address = broker.bootstrap();
        Self::at(Some(broker), address)
    }

    fn at(broker: Option<Broker>, address: String) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let name = format!("group-test-{started}-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let config = Config {
            brokers: vec![address],
            client_id: "group-test".to_owned(),
            timeout: TIMEOUT,
            security: kafka::Security::default(),
        };
        Self { broker, kafka: Kafka::new(config), name }
    }

    pub(crate) fn broker(&self) -> &Broker {
        self.broker.as_ref().expect("an embedded broker")
    }

    /// The topic and the group have the same name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Heartbeats are quick, so that news of a rebalance is.
    pub(crate) fn config(&self, assignor: Assignor) -> GroupConfig {
        let mut config = GroupConfig::new(self.name(), self.name(), assignor);
        config.heartbeat_interval = Duration::from_millis(100);
        config.commit_interval = Duration::from_millis(50);
        config.partition_poll_interval = Duration::from_millis(200);
        if self.broker.is_some() {
            config.session_timeout = SHORT_SESSION;
        }
        config
    }

    pub(crate) async fn create_topic(&self, partitions: i32) {
        let topic = CreatableTopic::default()
            .with_name(TopicName(StrBytes::from_string(self.name.clone())))
            .with_num_partitions(partitions)
            .with_replication_factor(1);
        let request = CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(3000);
        let mut connection = self.connect().await;
        let version = connection.version::<CreateTopicsRequest>(6).unwrap();
        let answer = connection.call(&request, version, TIMEOUT).await.unwrap();
        assert_eq!(answer.topics[0].error_code, 0);
        self.wait_for_partitions(&mut connection, partitions).await;
    }

    pub(crate) async fn grow_topic(&self, partitions: i32) {
        let topic = CreatePartitionsTopic::default()
            .with_name(TopicName(StrBytes::from_string(self.name.clone())))
            .with_count(partitions)
            .with_assignments(None);
        let request = CreatePartitionsRequest::default().with_topics(vec![topic]).with_timeout_ms(3000);
        let mut connection = self.connect().await;
        let version = connection.version::<CreatePartitionsRequest>(3).unwrap();
        let answer = connection.call(&request, version, TIMEOUT).await.unwrap();
        assert_eq!(answer.results[0].error_code, 0);
        self.wait_for_partitions(&mut connection, partitions).await;
    }

    async fn connect(&self) -> Connection {
        wire::bootstrap(self.kafka.config()).await.unwrap()
    }

    /// A broker answers before it knows itself what it has created.
    async fn wait_for_partitions(&self, connection: &mut Connection, count: i32) {
        for _ in 0..100 {
            let view = wire::metadata(connection, Some(&[self.name()]), self.kafka.config()).await.unwrap();
            let there = view.topic(self.name()).map_or(0, |topic| topic.partitions.len());
            if there == usize::try_from(count).unwrap() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{} did not get {count} partitions in 5 s", self.name());
    }
}
