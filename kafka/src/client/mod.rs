//! The handle that everything in this crate starts from, and the way to a partition's leader.
//!
//! ```text
//!   connect(topic, partition)
//!      │ look up the leader over a connection of our own   never creates a topic, tells where brokers listen
//!      │ this runtime's rskafka client                     built from the broker that answered, replaced when stale
//!      │ ask the leader itself                             it knows the topic: rskafka's own question may create one
//!      │ partition client ─▶ its own socket                one request at a time: one for each lane and reader
//!      │ ask for the log's end                             proves that the socket works
//!      ▼ NODELAY, keep-alive
//! ```
//!
//! # After a leader's death
//!
//! Lanes and readers are back within half a second of the first broker's naming a new leader. For that,
//!
//! - whom to ask takes turns among all brokers that are known, and is never the failed one first (`addresses`);
//! - rskafka's client keeps the leaders it knew when it was built, and goes on trying a dead one: it is built anew when
//!   our own look-up has seen the leader change since (`leaders`, `clients`);
//! - a connect or a call to a broker that neither answers nor refuses is given up when another leads (`leader`), and what
//!   rskafka's client asks over is not trusted after a call without an answer;
//! - a reader that is told of nothing new asks others whether its leader still leads: one that is cut off from the rest
//!   of the cluster does not know that it has been replaced;
//! - a socket whose peer has vanished without a word is closed by the kernel (`sockets`);
//! - tries are never more than half a second apart ([`Backoff`]).

mod addresses;
mod backoff;
mod call;
mod clients;
mod leader;
mod leaders;
mod trouble;

use std::sync::Arc;

use rskafka::client::partition::PartitionClient;
use tokio::time::Instant;

pub use backoff::Backoff;
pub use call::CallError;
use call::bounded;
pub(crate) use leader::Leader;
pub(crate) use trouble::Trouble;

use crate::{
    Config, Health,
    metrics::Tallies,
    wire::{self, Connection, Metadata, WireError},
};

/// Brokers that are asked in one look-up at most.
const LOOK_UP_TRIES: usize = 3;

/// A cluster as one process sees it. Cheap to clone; never touches the network by itself.
#[derive(Clone, Debug)]
pub struct Kafka {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    config: Config,
    health: Health,
    tallies: Tallies,
    clients: clients::Clients,
    addresses: addresses::Addresses,
    leaders: leaders::Leaders,
}

impl Kafka {
    /// A handle on the cluster that `config` names.
    pub fn new(config: Config) -> Self {
        let (health, clients) = (Health::default(), clients::Clients::default());
        let (addresses, leaders) = (addresses::Addresses::default(), leaders::Leaders::default());
        let tallies = Tallies::default();
        Self { shared: Arc::new(Shared { config, health, tallies, clients, addresses, leaders }) }
    }

    /// What this handle was made from.
    pub fn config(&self) -> &Config {
        &self.shared.config
    }

    /// Whether the cluster answers, as the lanes and readers of this handle see it.
    pub fn health(&self) -> &Health {
        &self.shared.health
    }

    /// What is counted through this handle, for [`KafkaMetrics`](crate::metrics::KafkaMetrics).
    pub(crate) fn tallies(&self) -> &Tallies {
        &self.shared.tallies
    }

    /// A connection of its own to the leader of a partition, known to work. Tries once, for at most the configured
    /// timeout; it is driven by the runtime that this is called on. After any failed call but a refusal it should be
    /// dropped and another one made.
    pub async fn connect(&self, topic: &str, partition: i32) -> Result<PartitionClient, CallError> {
        Ok(Leader::connect(self, topic, partition).await?.client)
    }

    /// A connection to any broker that answers, among those configured and those that the cluster has named.
    pub(crate) async fn any_broker(&self) -> Result<Connection, WireError> {
        self.any_broker_beside(None).await
    }

    /// The same; the one that is `in_question` is the last to be asked.
    pub(crate) async fn any_broker_beside(&self, in_question: Option<&str>) -> Result<Connection, WireError> {
        let addresses = self.shared.addresses.in_turn(&self.config().brokers, in_question, Instant::now());
        let answer = wire::first_to_answer(&addresses, self.config()).await;
        match &answer {
            Ok(_) => self.health().asked(None),
            Err(error) => self.health().asked(Some(&error.to_string())),
        }
        answer
    }

    /// What a broker says of a topic, and which it was. Keeps in mind what it says of brokers and leaders; one that
    /// tells of leaders of the past is passed over.
    pub(crate) async fn look_up(&self, topic: &str) -> Result<(String, Metadata), WireError> {
        self.look_up_beside(None, topic).await
    }

    /// The same; the broker that is `in_question` is the last to be asked.
    async fn look_up_beside(
        &self,
        in_question: Option<&str>,
        topic: &str,
    ) -> Result<(String, Metadata), WireError> {
        let mut tries = LOOK_UP_TRIES;
        loop {
            let mut connection = self.any_broker_beside(in_question).await?;
            let view = wire::metadata(&mut connection, Some(&[topic]), self.config()).await?;
            let address = connection.address().to_owned();
            if self.saw(&view) {
                return Ok((address, view));
            }
            self.shared.addresses.doubt(address.clone(), Instant::now());
            tries -= 1;
            if tries == 0 {
                let reason = format!("it tells of leaders of {topic} that have been replaced");
                return Err(WireError::Broken { address, reason });
            }
        }
    }

    /// Keeps in mind what a broker says of the others, unless it is older than what is known: then it is false.
    pub(crate) fn saw(&self, view: &Metadata) -> bool {
        let is_news = self.shared.leaders.saw(view);
        if is_news {
            self.shared.addresses.saw(view);
        }
        is_news
    }

    /// Where the cluster's brokers listen, as last told, but for the one at `address`.
    pub(crate) fn brokers_beside(&self, address: &str) -> Vec<String> {
        self.shared.addresses.others(address)
    }

    /// A partition's leader has failed: it is not the one to ask who leads now.
    fn doubt_leader(&self, topic: &str, partition: i32) {
        if let Some(address) = self.shared.leaders.address(topic, partition) {
            self.shared.addresses.doubt(address, Instant::now());
        }
    }
}
