//! Everything a requester does beside its requests: topics, lanes, reply partitions, group, worker sightings.

use std::collections::hash_map::RandomState;
use std::convert::Infallible;
use std::hash::BuildHasher as _;
use std::sync::Arc;
use std::time::Duration;

use kafka::group::{Assignor, GroupConfig, GroupWatch, Member};
use kafka::permissions::Operation::{Read, Write};
use kafka::topics::{self, Right, TopicSpec, TopicState};
use kafka::writer::{Writer, WriterConfig};
use service::settings::KafkaSettings;
use tokio::runtime::Handle;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::Inner;
use super::outbox::Outbox;
use super::reply_to::ReplyTo;

/// How often everything is looked at when nothing happens.
pub(super) const STEP_INTERVAL: Duration = Duration::from_millis(100);

/// Between two looks at the worker group.
const WATCH_INTERVAL: Duration = Duration::from_millis(500);

/// How often missing request partitions are looked for.
const PARTITIONS_INTERVAL: Duration = Duration::from_secs(5);

/// Longest time to say goodbye to the group.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(3);

pub(super) struct Control {
    inner: Arc<Inner>,
    shard: Handle,
    stop: CancellationToken,
}

impl Control {
    pub(super) fn new(inner: Arc<Inner>, shard: Handle, stop: CancellationToken) -> Self {
        Self { inner, shard, stop }
    }

    pub(super) async fn run(self) {
        let stop = self.stop.clone();
        let Some((requests, responses)) = stop.run_until_cancelled(self.topics()).await else { return };
        if stop.run_until_cancelled(self.rights()).await.is_none() {
            return;
        }
        self.start_writer(&requests);
        let reply_to = self.reply_to(&responses);
        if self.inner.config.watches_workers() {
            let (kafka, group) = (self.inner.kafka.clone(), self.inner.config.worker_group_id.clone());
            let watch = GroupWatch::start(kafka, group, requests.name.clone(), WATCH_INTERVAL);
            let _ = self.inner.watch.set(watch);
        }
        let specs = self.specs();
        let keep = topics::keep_topics(&self.inner.kafka, &specs, self.inner.config.create_topics);
        tokio::select! {
            () = self.steer(reply_to) => {}
            never = self.add_lanes(requests.partitions) => match never {},
            never = keep => match never {},
        }
    }

    fn specs(&self) -> [TopicSpec; 2] {
        let config = &self.inner.config;
        let spec = |name: &str, retention| TopicSpec {
            name: name.to_owned(),
            partitions: config.partitions,
            retention,
        };
        [
            spec(&config.request_topic, KafkaSettings::REQUEST_RETENTION),
            spec(&config.response_topic, KafkaSettings::RESPONSE_RETENTION),
        ]
    }

    /// The two topics, as soon as they are there.
    async fn topics(&self) -> (TopicState, TopicState) {
        let create = self.inner.config.create_topics;
        let found = topics::await_topics(&self.inner.kafka, &self.specs(), create, |_| {}).await;
        let [requests, responses]: [TopicState; 2] =
            found.try_into().expect("one state for each topic asked for");
        (requests, responses)
    }

    /// The rights that it takes to write and to listen.
    async fn rights(&self) {
        let config = &self.inner.config;
        let rights: [Right<'_>; 2] = [(&config.request_topic, &[Write]), (&config.response_topic, &[Read])];
        topics::await_rights(&self.inner.kafka, &rights).await;
    }

    fn start_writer(&self, requests: &TopicState) {
        let config = WriterConfig {
            topic: requests.name.clone(),
            partitions: (0..requests.partitions).collect(),
            lanes_per_partition: 1,
            max_queued_records: self.inner.config.max_pending,
            max_queued_bytes: self.inner.config.max_queued_bytes,
        };
        let outbox = Arc::new(Outbox { registry: self.inner.registry.clone() });
        let _on_shard = self.shard.enter();
        let _ = self.inner.sink.writer.set(Writer::start(self.inner.kafka.clone(), config, outbox));
    }

    fn reply_to(&self, responses: &TopicState) -> ReplyTo {
        // Any number that differs between instances will do.
        let hash = RandomState::new().hash_one(std::process::id());
        let (sink, named) = (self.inner.sink.clone(), self.inner.named.clone());
        ReplyTo::new(
            self.inner.kafka.clone(),
            responses.name.clone(),
            responses.partitions,
            hash,
            sink,
            named,
            self.shard.clone(),
        )
    }

    async fn steer(&self, mut reply_to: ReplyTo) {
        let config = &self.inner.config;
        let group = GroupConfig::new(&config.group_id, &config.response_topic, Assignor::Range);
        let mut member = match Member::join(self.inner.kafka.clone(), group) {
            Ok(member) => member,
            Err(error) => {
                // Without threads nothing works; whoever watches sees that this task has ended.
                tracing::error!(%error, "cannot start the thread for the consumer group");
                return;
            }
        };
        let commits = member.offsets();
        let mut is_member = true;
        let mut tick = interval(STEP_INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.stop.cancelled() => break,
                event = member.next_event(), if is_member => match event {
                    Some(event) => reply_to.on(event),
                    None => {
                        is_member = false;
                        self.inner.died("the member of the consumer group");
                    }
                },
                () = reply_to.opened() => {}
                _ = tick.tick() => {}
            }
            // Requests also end without a reply, at their deadline for one, and leave room where they were.
            self.inner.sink.ease();
            // Nothing here waits for Kafka: what does has a task of its own.
            reply_to.step();
            reply_to.commit(&commits);
            if reply_to.has_dead_listener() {
                self.inner.died("the reader of a response partition");
            }
        }
        reply_to.commit_read(&commits);
        member.leave(LEAVE_TIMEOUT).await;
    }

    /// Finds partitions that were added to the request topic, for ever.
    async fn add_lanes(&self, mut known: i32) -> Infallible {
        let mut look = interval(PARTITIONS_INTERVAL);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            look.tick().await;
            let count = topics::partition_count(&self.inner.kafka, &self.inner.config.request_topic).await;
            if let (Ok(count), Some(writer)) = (count, self.inner.writer()) {
                let _on_shard = self.shard.enter();
                (known..count).for_each(|partition| writer.add_partition(partition));
                known = known.max(count);
            }
        }
    }
}
