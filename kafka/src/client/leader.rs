//! A connection to a partition's leader, for as long as it leads.
//!
//! A broker that dies closes its sockets, and a call over one of them fails at once. One that hangs, or is cut off, does
//! nothing of the kind: neither a connect nor a call to it comes to an end by itself. The cluster notices after some
//! seconds and names another leader; so whatever takes long here looks again and again whether that has happened, and
//! is given up as soon as it has, instead of when its time is over.
//!
//! A broker that is cut off from the others, but not from us, hides it best: it answers every fetch, with nothing. Whoever
//! reads asks the others now and then while there is nothing ([`Leader::succession`]).

use std::time::Duration;

use kafka_protocol::ResponseError;
use rskafka::client::{
    error::Error as ClientError,
    partition::{OffsetAt, PartitionClient, UnknownTopicHandling},
};
use tokio::{
    select,
    time::{Instant, sleep, timeout},
};
use tracing::debug;

use super::{CallError, Kafka, bounded, clients::Witness};
use crate::{
    sockets,
    wire::{self, Broker, Connection, Metadata, WireError},
};

/// A connect that takes longer than this is watched: the leader may have become another. Time between two looks, too.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The same of a call, which is longer than any fetch that waits for records.
const LOOK_AFTER: Duration = Duration::from_secs(1);
/// Whether a leader was replaced is not asked again, for any partition that it leads, before this is over.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// A connect through a client that was not built just now has to come about in this time, or it is tried with a new one:
/// rskafka may be asking over a connection that died without a word.
const OLD_CLIENT_LIMIT: Duration = Duration::from_secs(2);

/// A connection to the leader of a partition, known to work when it was made. It is driven by the runtime that it was
/// made on. After any failed call but a refusal it should be dropped and another one made.
pub(crate) struct Leader {
    pub(crate) client: PartitionClient,
    kafka: Kafka,
    topic: String,
    partition: i32,
    broker: Broker,
}

impl Leader {
    /// Connects. Tries once, for at most the configured timeout.
    pub(crate) async fn connect(kafka: &Kafka, topic: &str, partition: i32) -> Result<Self, CallError> {
        let limit = kafka.config().timeout;
        let connected = timeout(limit, Self::connect_unbounded(kafka, topic, partition)).await;
        let connected = connected.unwrap_or(Err(CallError::Timeout { call: "connect", limit }));
        if connected.is_err() {
            kafka.doubt_leader(topic, partition);
        }
        connected
    }

    async fn connect_unbounded(kafka: &Kafka, topic: &str, partition: i32) -> Result<Self, CallError> {
        let (mut witness, view) = kafka.look_up_beside(None, topic).await?;
        let mut leader = leader_of(&view, topic, partition)?;
        loop {
            select! {
                biased;
                opened = open(kafka, topic, partition, &leader, witness) => {
                    let client = opened?;
                    sockets::tune_towards(&view.brokers.iter().map(|broker| broker.port).collect::<Vec<_>>());
                    debug!(topic, partition, leader = leader.id, "connected");
                    let topic = topic.to_owned();
                    return Ok(Self { client, kafka: kafka.clone(), topic, partition, broker: leader });
                }
                (by, moved) = another(kafka, topic, partition, &leader, LOOK_EVERY) => (witness, leader) = (by, moved),
            }
        }
    }

    /// Awaits the answer to a call over this connection, for at most `limit`, and only while nobody else leads.
    pub(crate) async fn answer<T>(
        &self,
        call: &'static str,
        limit: Duration,
        answer: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, CallError> {
        let began = Instant::now();
        let answered = select! {
            biased;
            answered = bounded(call, limit, answer) => answered,
            _ = another(&self.kafka, &self.topic, self.partition, &self.broker, LOOK_AFTER) => Err(CallError::Moved { call }),
        };
        if answered.as_ref().is_err_and(|error| error.kafka().is_none()) {
            self.kafka.doubt_leader(&self.topic, self.partition);
        }
        if matches!(answered, Err(CallError::Timeout { .. })) {
            self.kafka.shared.clients.distrust(began);
        }
        answered
    }

    /// Asks a broker beside the leader, once, whether another leads by now. False where none can be asked. What others
    /// learned a moment ago is as good as an answer.
    pub(crate) fn succession(&self) -> impl Future<Output = bool> + use<> {
        let (kafka, topic, partition) = (self.kafka.clone(), self.topic.clone(), self.partition);
        let (id, address) = (self.broker.id, self.broker.address());
        async move {
            let question = async {
                if let Err(error) = kafka.look_up_beside(Some(&address), &topic).await {
                    debug!(topic, partition, %error, "cannot ask who leads");
                }
            };
            kafka.shared.questions.ask(&address, ASK_AGAIN_AFTER, question).await;
            kafka.shared.leaders.leader(&topic, partition).is_some_and(|leader| leader != id)
        }
    }

    /// Where the log begins or ends, asked within `limit`.
    pub(crate) async fn offset(&self, at: OffsetAt, limit: Duration) -> Result<i64, CallError> {
        self.answer("the question for an offset", limit, self.client.get_offset(at)).await
    }
}

/// Connects through this runtime's rskafka client, and makes sure that the connection works.
async fn open(
    kafka: &Kafka,
    topic: &str,
    partition: i32,
    leader: &Broker,
    witness: Witness,
) -> Result<PartitionClient, CallError> {
    let limit = kafka.config().timeout;
    let change = kafka.shared.leaders.change(topic, partition);
    let lease = kafka.shared.clients.get(kafka.config(), witness, change).await?;
    let limit = if lease.is_old() { limit.min(OLD_CLIENT_LIMIT) } else { limit };
    confirm(kafka, topic, partition, leader).await?;
    let opening = lease.client().partition_client(topic, partition, UnknownTopicHandling::Error);
    let client = bounded("connect", limit, opening).await.map_err(|error| lease.explained(error))?;
    bounded("the question for the log's end", limit, client.get_offset(OffsetAt::Latest)).await?;
    lease.proves_to_work();
    Ok(client)
}

/// Makes sure that the leader itself knows that it leads. rskafka asks it the same next, in a way that makes a broker
/// create a topic that is gone, with as many partitions as it sees fit: in the moment after a topic was deleted the one
/// whom we asked may not have heard of it.
async fn confirm(kafka: &Kafka, topic: &str, partition: i32, leader: &Broker) -> Result<(), CallError> {
    let mut connection = Connection::open(&leader.address(), kafka.config()).await?;
    let view = wire::metadata(&mut connection, Some(&[topic]), kafka.config()).await?;
    let found = leader_of(&view, topic, partition)?;
    if kafka.saw(&view).is_some() && found.id == leader.id {
        return Ok(());
    }
    Err(wire::no_leader(topic, partition, ResponseError::NotLeaderOrFollower).into())
}

/// Returns once a broker says that another than `leader` leads the partition; gives who says so, and who
/// leads now. Does not look before `after`, which is longer than most calls take.
async fn another(
    kafka: &Kafka,
    topic: &str,
    partition: i32,
    leader: &Broker,
    after: Duration,
) -> (Witness, Broker) {
    sleep(after).await;
    let address = leader.address();
    loop {
        if let Ok((by, view)) = kafka.look_up_beside(Some(&address), topic).await
            && let Ok(found) = view.leader(topic, partition)
            && found.id != leader.id
        {
            return (by, found.clone());
        }
        sleep(LOOK_EVERY).await;
    }
}

fn leader_of(view: &Metadata, topic: &str, partition: i32) -> Result<Broker, WireError> {
    let leader = view.leader(topic, partition).map_err(|error| wire::no_leader(topic, partition, error))?;
    Ok(leader.clone())
}
