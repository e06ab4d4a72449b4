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
use super::log_ends::LogEnds;
use super::named::Named;
use super::openings::Openings;

/// How long the named partition, or the first to be named, may be unreadable before another one is named.
const LEADERLESS: Duration = Duration::from_secs(1);

/// Reads response partitions and keeps [`Named`] true.
pub(crate) struct ReplyTo {
    topic: String,
    partitions: i32,
    sink: Arc<Sink>,
    named: Arc<Named>,
    shard: Handle,
    listeners: BTreeMap<i32, Listener>,
    openings: Openings,
    log_ends: LogEnds,
    assigned: BTreeSet<i32>,
    wanted: i32,
    started: Instant,
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
            openings: Openings::new(kafka.clone(), topic.clone(), shard.clone()),
            log_ends: LogEnds::new(kafka, topic.clone()),
            topic,
            partitions,
            sink,
            named,
            shard,
            listeners: BTreeMap::new(),
            assigned: BTreeSet::new(),
            wanted: hashed,
            started: Instant::now(),
        }
    }

    /// One step, to be taken now and then, after each event, and when a partition was opened: names what is wanted, or
    /// every partition's reader for routing `any`, gives up what no request names any more.
    pub(crate) fn step(&mut self) {
        if self.named.reads_all() {
            self.read_all();
            return;
        }
        if self.can_read(self.wanted) {
            self.name(self.wanted);
        } else {
            self.open(self.wanted, Start::Latest);
        }
        if self.is_lost() {
            self.flee();
        }
        self.retire();
    }

    /// Waits until a partition that could not be read can be. A dropped call loses nothing.
    pub(crate) async fn opened(&mut self) {
        let (partition, reader) = self.openings.next().await;
        let listener = Listener::start(partition, reader, self.sink.clone(), &self.shard);
        self.listeners.insert(partition, listener);
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
    pub(crate) fn commit(&mut self, commits: &Commits) {
        self.commit_read(commits);
        let unread = self.assigned.iter().copied().filter(|p| !self.listeners.contains_key(p));
        for (partition, end) in self.log_ends.look(unread.collect()) {
            commits.rewind(partition, end);
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

    fn name(&self, partition: i32) {
        if self.named.partition() != Some(partition) {
            tracing::info!(topic = self.topic, partition, "replies are awaited on this partition");
            self.named.name(partition);
        }
    }

    /// Whether what is named, or should be, could not be read for too long; before anything is named, since the start.
    fn is_lost(&self) -> bool {
        let unreadable_for = match self.named.partition() {
            Some(named) => self.listeners.get(&named).and_then(Listener::down_for),
            None => Some(self.started.elapsed()),
        };
        unreadable_for.is_some_and(|time| time > LEADERLESS)
    }

    /// The partition that is named, or should be, cannot be read, most likely because its leader is gone: name another
    /// that can be, whichever is the first. Where we want to be stays as it was, so that we are back once that is
    /// readable again.
    fn flee(&mut self) {
        let lost = self.named.partition().unwrap_or(self.wanted);
        let mut others = (0..self.partitions).filter(|partition| *partition != lost);
        if let Some(partition) = others.clone().find(|partition| self.can_read(*partition)) {
            tracing::warn!(topic = self.topic, lost, "the reply partition cannot be read");
            self.name(partition);
        } else {
            others.by_ref().for_each(|partition| self.open(partition, Start::Latest));
        }
    }

    fn read_all(&mut self) {
        if self.named.is_ready() {
            // Workers may have written to a partition before it is found here, or while it had no leader: it is read
            // from its beginning.
            (0..self.partitions).for_each(|partition| self.open(partition, Start::Earliest));
            return;
        }
        let readable = (0..self.partitions).filter(|partition| self.can_read(*partition)).count();
        let is_complete = i32::try_from(readable).is_ok_and(|readable| readable == self.partitions);
        if is_complete || (readable > 0 && self.is_lost()) {
            let (topic, partitions) = (&self.topic, self.partitions);
            tracing::info!(topic, readable, partitions, "replies are awaited on all partitions");
            // Those that are still being opened at their end would miss what is written before they find it.
            self.openings.retain(|_| false);
            self.named.all();
        } else {
            (0..self.partitions).for_each(|partition| self.open(partition, Start::Latest));
        }
    }

    /// Reads `partition` as soon as that is possible. One that is read and fails recovers by itself, where it stood.
    fn open(&mut self, partition: i32, start: Start) {
        if !self.listeners.contains_key(&partition) {
            self.openings.begin(partition, start);
        }
    }

    fn can_read(&self, partition: i32) -> bool {
        self.listeners.get(&partition).is_some_and(|listener| listener.down_for().is_none())
    }

    fn retire(&mut self) {
        let (wanted, named, is_lost) = (self.wanted, self.named.partition(), self.is_lost());
        self.openings.retain(|partition| partition == wanted || is_lost);
        let registry = &self.sink.registry;
        self.listeners.retain(|partition, _| {
            *partition == wanted || named == Some(*partition) || registry.pending_naming(*partition) > 0
        });
    }
}

#[cfg(test)]
mod tests {
    use embedded_broker::{Broker, Config};
    use protocol::{Registry, Tag};
    use tokio::time::timeout;

    use super::super::ReplyRouting;
    use super::*;

    /// A broker with the topic `replies` of one partition, and somebody who has heard that it has two. The one that does
    /// not exist yet stands for one without a leader: both cannot be read for now.
    async fn one_of_two(routing: ReplyRouting) -> (Broker, ReplyTo) {
        let broker = Broker::start(Config::default()).await.unwrap();
        broker.create_topic("replies", 1).unwrap();
        let kafka = Kafka::new(kafka::Config {
            brokers: vec![broker.bootstrap()],
            client_id: "test".into(),
            timeout: Duration::from_secs(5),
            security: kafka::Security::default(),
        });
        let registry = Registry::new(Tag::random(), 1);
        let sink = Arc::new(Sink::new(registry, false));
        let (named, shard) = (Arc::new(Named::new(routing)), Handle::current());
        (broker, ReplyTo::new(kafka, "replies".into(), 2, 1, sink, named, shard))
    }

    /// Steps as its owner does, until it `is_so`.
    async fn step_until(reply_to: &mut ReplyTo, is_so: impl Fn(&ReplyTo) -> bool) {
        let steps = async {
            while !is_so(reply_to) {
                let _ = timeout(Duration::from_millis(20), reply_to.opened()).await;
                reply_to.step();
            }
        };
        let in_time = timeout(Duration::from_secs(15), steps).await.is_ok();
        assert!(in_time, "{:?} is named, {:?} are read", reply_to.named, reply_to.read());
    }

    impl ReplyTo {
        fn read(&self) -> Vec<i32> {
            self.listeners.keys().copied().collect()
        }
    }

    #[tokio::test]
    async fn a_gateway_whose_first_partition_cannot_be_read_takes_another_until_it_can() {
        let (broker, mut reply_to) = one_of_two(ReplyRouting::Partition).await;
        assert_eq!(reply_to.wanted, 1);
        step_until(&mut reply_to, |reply_to| reply_to.named.partition() == Some(0)).await;
        broker.faults().add_partitions("replies", 2).unwrap();
        step_until(&mut reply_to, |reply_to| reply_to.named.partition() == Some(1)).await;
        assert_eq!(reply_to.read(), [1], "the other one is let go");
    }

    #[tokio::test]
    async fn a_gateway_that_reads_all_does_not_wait_for_the_one_that_cannot_be_read() {
        let (broker, mut reply_to) = one_of_two(ReplyRouting::Any).await;
        step_until(&mut reply_to, |reply_to| reply_to.named.is_ready()).await;
        assert_eq!(reply_to.read(), [0]);
        broker.faults().add_partitions("replies", 2).unwrap();
        step_until(&mut reply_to, |reply_to| reply_to.read() == [0, 1]).await;
    }
}
