//! The handle that everything in this crate starts from, and the way to a partition's leader.
//!
//! ```text
//!   connect(topic, partition)
//!      │ look up the leader over a connection of our own   never creates a topic, tells where brokers listen
//!      │ this runtime's rskafka client                     built from the broker that answered, replaced when stale
//!      │ partition client ─▶ its own socket                one request at a time: one for each lane and reader
//!      │ ask for the log's end                             proves that the socket works
//!      ▼ NODELAY
//! ```

mod backoff;
mod call;
mod clients;
mod trouble;

use std::sync::Arc;

use rskafka::client::partition::{OffsetAt, PartitionClient, UnknownTopicHandling};
use tokio::time::timeout;

pub use backoff::Backoff;
pub use call::CallError;
pub(crate) use call::bounded;
pub(crate) use trouble::Trouble;

use crate::{
    Config, Health, nodelay,
    wire::{self, WireError},
};

/// A cluster as one process sees it. Cheap to clone; never touches the network by itself.
#[derive(Clone, Debug)]
pub struct Kafka {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    config: Config,
    health: Health,
    clients: clients::Clients,
}

impl Kafka {
    /// A handle on the cluster that `config` names.
    pub fn new(config: Config) -> Self {
        let (health, clients) = (Health::default(), clients::Clients::default());
        Self { shared: Arc::new(Shared { config, health, clients }) }
    }

    /// What this handle was made from.
    pub fn config(&self) -> &Config {
        &self.shared.config
    }

    /// Whether the cluster answers, as the lanes and readers of this handle see it.
    pub fn health(&self) -> &Health {
        &self.shared.health
    }

    /// A connection of its own to the leader of a partition, known to work. Tries once, for at most the configured
    /// timeout; it is driven by the runtime that this is called on. After any failed call but a refusal it should be
    /// dropped and another one made.
    pub async fn connect(&self, topic: &str, partition: i32) -> Result<PartitionClient, CallError> {
        let limit = self.config().timeout;
        let connected = timeout(limit, self.connect_unbounded(topic, partition)).await;
        connected.unwrap_or(Err(CallError::Timeout { call: "connect", limit }))
    }

    async fn connect_unbounded(&self, topic: &str, partition: i32) -> Result<PartitionClient, CallError> {
        let config = self.config();
        let mut connection = wire::bootstrap(config).await?;
        let view = wire::metadata(&mut connection, Some(&[topic]), config).await?;
        let answering = connection.address().to_owned();
        drop(connection);
        view.leader(topic, partition).map_err(|error| {
            let what = format!("the look-up of the leader of {topic}/{partition}");
            WireError::Kafka { what, error }
        })?;
        let lease = self.shared.clients.get(config, answering).await?;
        let opening = lease.client().partition_client(topic, partition, UnknownTopicHandling::Error);
        let client = bounded("connect", config.timeout, opening).await?;
        let end = client.get_offset(OffsetAt::Latest);
        bounded("the question for the log's end", config.timeout, end).await?;
        lease.proves_to_work();
        nodelay::set_towards(&view.brokers.iter().map(|broker| broker.port).collect::<Vec<_>>());
        Ok(client)
    }
}
