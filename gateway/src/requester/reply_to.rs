//! Which response partition requests name, and the listeners that make the name true.
//!
//! ```text
//!   hashed partition ─▶ read from its end ─▶ named ─▶ assigned another ─▶ read that from its end ─▶ named
//!                                                     the old one is read until its last request has ended
//! ```
//!
//! The group decides nothing that an answer depends on. It spreads gateways over partitions, and its committed
//! offsets show operators how far each has read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka::Kafka;
use kafka::group::{Commits, Event};
use kafka::reader::Start;
use tokio::runtime::Handle;

use super::listener::{Listener, Sink};
use super::named::Named;

/// How long the named partition, or the first to be named, may be unreadable before another one is named.
const LEADERLESS: Duration = Duration::from_secs(1);

/// How often the ends of partitions that are assigned and not read are looked up.
const LOG_END_INTERVAL: Duration = Duration::from_secs(5);

/// Reads response partitions and keeps [`Named`] true.
pub(crate) struct ReplyTo {
    pub(crate) kafka: Kafka,
    pub(crate) topic: String,
    pub(crate) partitions: i32,
    pub(crate) sink: Arc<Sink>,
    pub(crate) named: Arc<Named>,
    pub(crate) shard: Handle,
    listeners: BTreeMap<i32, Listener>,
    assigned: BTreeSet<i32>,
    wanted: i32,
    started: Instant,
    ends_asked_at: Option<Instant>,
}

impl ReplyTo {
    /// Names nothing yet; `hash` picks the partition for the time before the group has spoken.
    pub(crate) fn new(
        kafka: Kafka,
        topic: String,
        partitions: i32,
        hash: u64,
        sink: Arc<Sink>,
        named: Arc<Named>,
        shard: Handle,
    ) -> Self {
        let hashed = i32::try_from(hash % u64::from(partitions.unsigned_abs().max(1))).unwrap_or(0);
        Self {
            kafka,
            topic,
            partitions,
            sink,
            named,
            shard,
            listeners: BTreeMap::new(),
            assigned: BTreeSet::new(),
            wanted: hashed,
            started: Instant::now(),
            ends_asked_at: None,
        }
    }

    /// One step, to be taken now and then and after each event: names what is wanted, or every partition's reader
    /// for routing `any`, gives up what no request names any more.
    pub(crate) async fn step(&mut self) {
        if self.named.reads_all() {
            self.read_all().await;
            return;
        }
        if self.named.partition() != Some(self.wanted) {
            self.move_to(self.wanted).await;
        }
        if self.unreadable_for().is_some_and(|time| time > LEADERLESS) {
            self.flee().await;
        }
        self.retire();
    }

    /// What the group says.
    pub(crate) fn on(&mut self, event: Event) {
        match event {
            Event::Assigned(added) => self.assigned.extend(added.iter().map(|a| a.partition)),
            Event::Revoke { partitions, done } => {
                self.give_up(&partitions);
                done.finish(); // Reading needs no membership: there is nothing to drain.
            }
            Event::Lost { partitions } => self.give_up(&partitions),
            Event::PartitionsChanged(count) => self.partitions = count,
        }
        if !self.assigned.is_empty() && !self.assigned.contains(&self.wanted) {
            self.wanted = self.pick(&self.assigned);
        }
    }

    /// Shows operators how far this gateway is: where it reads, else where the log ends.
    pub(crate) async fn commit(&mut self, commits: &Commits) {
        self.commit_read(commits);
        let due = self.ends_asked_at.is_none_or(|at| at.elapsed() >= LOG_END_INTERVAL);
        let unread: Vec<i32> =
            self.assigned.iter().copied().filter(|p| !self.listeners.contains_key(p)).collect();
        if !due || unread.is_empty() {
            return;
        }
        self.ends_asked_at = Some(Instant::now());
        match kafka::log_ends(&self.kafka, &self.topic, &unread).await {
            Ok(ends) => {
                for (partition, end) in ends {
                    commits.rewind(partition, end);
                }
            }
            Err(error) => tracing::debug!(%error, "the ends of response partitions are not known"),
        }
    }

    /// Of that, what is known without asking Kafka. Backwards too: a topic that was made anew begins at 0 again.
    pub(crate) fn commit_read(&self, commits: &Commits) {
        for partition in &self.assigned {
            if let Some(listener) = self.listeners.get(partition) {
                commits.rewind(*partition, listener.position());
            }
        }
    }

    /// Whether a listener has ended although nobody stopped it.
    pub(crate) fn has_dead_listener(&self) -> bool {
        self.listeners.values().any(Listener::is_dead)
    }

    fn give_up(&mut self, partitions: &[i32]) {
        self.assigned.retain(|partition| !partitions.contains(partition));
    }

    /// Stays where it is if it may: a move costs a second reader for a while. Else any will do, since no other gateway
    /// of the group is given the same.
    fn pick(&self, among: &BTreeSet<i32>) -> i32 {
        let named = self.named.partition().filter(|partition| among.contains(partition));
        named.or_else(|| among.first().copied()).unwrap_or(self.wanted)
    }

    async fn move_to(&mut self, partition: i32) {
        if self.listen(partition, Start::Latest).await {
            tracing::info!(topic = self.topic, partition, "replies are awaited on this partition");
            self.named.name(partition);
        }
    }

    /// For how long replies could not have been read, if they cannot: before anything is named, since the start.
    fn unreadable_for(&self) -> Option<Duration> {
        match self.named.partition() {
            Some(named) => self.listeners.get(&named).and_then(Listener::down_for),
            None => Some(self.started.elapsed()),
        }
    }

    /// The partition that is named, or should be, cannot be read, most likely because its leader is gone: name another
    /// that can be. Where we want to be stays as it was, so that we are back once that is readable again.
    async fn flee(&mut self) {
        let lost = self.named.partition().unwrap_or(self.wanted);
        for partition in (0..self.partitions).filter(|partition| *partition != lost) {
            if self.listen(partition, Start::Latest).await {
                tracing::warn!(
                    topic = self.topic,
                    lost,
                    partition,
                    "the reply partition cannot be read; moved"
                );
                self.named.name(partition);
                return;
            }
        }
    }

    async fn read_all(&mut self) {
        // Workers write to a partition that was added before it is found here: it is read from its beginning.
        let mut complete = true;
        for partition in 0..self.partitions {
            let start = if self.named.is_ready() { Start::Earliest } else { Start::Latest };
            complete &= self.listen(partition, start).await;
        }
        if complete && !self.named.is_ready() {
            tracing::info!(
                topic = self.topic,
                partitions = self.partitions,
                "replies are awaited on all partitions"
            );
            self.named.all();
        }
    }

    /// Whether `partition` is being read now, or was already.
    async fn listen(&mut self, partition: i32, start: Start) -> bool {
        if let Some(listener) = self.listeners.get(&partition) {
            return listener.down_for().is_none(); // It recovers by itself, and where it stood.
        }
        let (sink, shard) = (self.sink.clone(), &self.shard);
        match Listener::open(&self.kafka, &self.topic, partition, start, sink, shard).await {
            Ok(listener) => {
                self.listeners.insert(partition, listener);
                true
            }
            Err(error) => {
                tracing::debug!(topic = self.topic, partition, %error, "cannot read replies yet");
                false
            }
        }
    }

    fn retire(&mut self) {
        let (wanted, named, registry) = (self.wanted, self.named.partition(), &self.sink.registry);
        self.listeners.retain(|partition, _| {
            *partition == wanted || named == Some(*partition) || registry.pending_naming(*partition) > 0
        });
    }
}

#[cfg(test)]
mod tests {
    use embedded_broker::{Broker, Config};
    use protocol::{Registry, Tag};

    use super::super::ReplyRouting;
    use super::super::workers::LastReply;
    use super::*;

    async fn step_until(reply_to: &mut ReplyTo, named: i32) {
        let limit = Instant::now() + Duration::from_secs(15);
        while reply_to.named.partition() != Some(named) {
            assert!(Instant::now() < limit, "{named} is not named but {:?}", reply_to.named.partition());
            reply_to.step().await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// A partition that does not exist yet stands for one without a leader: both cannot be read for now.
    #[tokio::test]
    async fn a_gateway_whose_first_partition_cannot_be_read_takes_another_until_it_can() {
        let broker = Broker::start(Config::default()).await.unwrap();
        broker.create_topic("replies", 1).unwrap();
        let kafka = Kafka::new(kafka::Config {
            brokers: vec![broker.bootstrap()],
            client_id: "test".into(),
            timeout: Duration::from_secs(5),
        });
        let registry = Registry::new(Tag::random(), 1);
        let sink = Arc::new(Sink { registry, last_reply: LastReply::new(Instant::now()) });
        let named = Arc::new(Named::new(ReplyRouting::Partition));
        let shard = Handle::current();
        let mut reply_to = ReplyTo::new(kafka, "replies".into(), 2, 1, sink, named, shard);
        assert_eq!(reply_to.wanted, 1);
        step_until(&mut reply_to, 0).await;
        broker.faults().add_partitions("replies", 2).unwrap();
        step_until(&mut reply_to, 1).await;
        assert_eq!(reply_to.listeners.keys().copied().collect::<Vec<_>>(), [1], "the other one is let go");
    }
}
