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
//!   our own look-up has seen the leader change since (`leaders`, `clients`), from a broker that knows of all changes that
//!   we know of: a leader that is cut off lets rskafka in, and we would not know that it is not the one we meant;
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
mod questions;
mod trouble;

use std::sync::Arc;

use rskafka::client::partition::PartitionClient;
use tokio::time::Instant;

pub use backoff::Backoff;
pub use call::CallError;
use call::bounded;
use clients::Witness;
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
    questions: questions::Questions,
}

impl Kafka {
    /// A handle on the cluster that `config` names.
    pub fn new(config: Config) -> Self {
        let (health, clients) = (Health::default(), clients::Clients::default());
        let (addresses, leaders) = (addresses::Addresses::default(), leaders::Leaders::default());
        let (tallies, questions) = (Tallies::default(), questions::Questions::default());
        Self { shared: Arc::new(Shared { config, health, tallies, clients, addresses, leaders, questions }) }
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
            Err(error) => self.health().asked(Some(&error.in_words())),
        }
        answer
    }

    /// What a broker says of a topic. Keeps in mind what it says of brokers and leaders; one that
    /// tells of leaders of the past is passed over, and whether it does is judged by all topics that this process uses:
    /// whoever builds on its view of the cluster can build on the whole of it.
    pub(crate) async fn look_up(&self, topic: &str) -> Result<Metadata, WireError> {
        Ok(self.look_up_beside(None, topic).await?.1)
    }

    /// The same, and who says so. The broker that is `in_question` is the last to be asked.
    async fn look_up_beside(
        &self,
        in_question: Option<&str>,
        topic: &str,
    ) -> Result<(Witness, Metadata), WireError> {
        let mut tries = LOOK_UP_TRIES;
        let used = self.shared.leaders.topics();
        let topics: Vec<_> =
            used.iter().map(String::as_str).filter(|used| *used != topic).chain([topic]).collect();
        loop {
            let mut connection = self.any_broker_beside(in_question).await?;
            let view = wire::metadata(&mut connection, Some(&topics), self.config()).await?;
            let address = connection.address().to_owned();
            tries -= 1;
            match self.heard(&address, &view) {
                Ok(changes) => return Ok((Witness { address, changes }, view)),
                Err(error) if tries == 0 => return Err(error),
                Err(_) => {}
            }
        }
    }

    /// [`saw`](Self::saw) of what the broker at `address` says. One that does not know of all that is known is an error, and
    /// is not asked first for a while.
    pub(crate) fn heard(&self, address: &str, view: &Metadata) -> Result<u64, WireError> {
        self.saw(view).ok_or_else(|| {
            let address = address.to_owned();
            self.shared.addresses.doubt(address.clone(), Instant::now());
            WireError::Broken { address, reason: "it tells of leaders that have been replaced".to_owned() }
        })
    }

    /// Keeps in mind what a broker says of the others; gives how many changes of leaders it knows of. Nothing, and what
    /// it says of brokers does not count, if it does not know of all that are known.
    pub(crate) fn saw(&self, view: &Metadata) -> Option<u64> {
        let changes = self.shared.leaders.saw(view, Instant::now())?;
        self.shared.addresses.saw(view);
        Some(changes)
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
