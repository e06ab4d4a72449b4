//! Faults on demand, so that a test can see what its subject makes of a broker that misbehaves.
//!
//! A fault is set from any thread and holds for all connections until its count is used up, it is taken back or
//! the broker stops: a restarted broker has none.

mod rules;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use kafka_protocol::ResponseError;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::{config::Config, node::State, topics::Refused};

pub use rules::Times;
pub(crate) use rules::{Effect, Point};
use rules::{Rule, Rules};

/// The faults of one running broker; see [`Broker::faults`](crate::Broker::faults).
pub struct Faults {
    state: Arc<State>,
    config: Config,
    rules: Mutex<Rules>,
    leaderless: Mutex<BTreeSet<(String, i32)>>,
    frozen: watch::Sender<bool>,
    refusing: watch::Sender<bool>,
    delay: watch::Sender<Duration>,
    resets: watch::Sender<u64>,
}

impl Faults {
    pub(crate) fn new(state: Arc<State>, config: Config) -> Self {
        Self {
            state,
            config,
            rules: Mutex::default(),
            leaderless: Mutex::default(),
            frozen: watch::Sender::new(false),
            refusing: watch::Sender::new(false),
            delay: watch::Sender::new(Duration::ZERO),
            resets: watch::Sender::new(0),
        }
    }

    /// Produce requests to `topic` (`None`: to any) are answered with `error`, and nothing is appended.
    pub fn fail_produce(&self, topic: Option<&str>, error: ResponseError, times: Times) {
        self.add(Point::Produce, topic, Effect::Error(error), times);
    }

    /// Produce requests to `topic` (`None`: to any) are appended and *then* answered with `error`, as when a replica
    /// does not confirm in time: the producer cannot know that its records are there.
    pub fn fail_acknowledgement(&self, topic: Option<&str>, error: ResponseError, times: Times) {
        self.add(Point::Acknowledge, topic, Effect::Error(error), times);
    }

    /// Produce requests to `topic` (`None`: to any) are appended and then lose their connection instead of being
    /// answered. A producer that tries again makes a duplicate.
    pub fn lose_acknowledgement(&self, topic: Option<&str>, times: Times) {
        self.add(Point::Acknowledge, topic, Effect::Disconnect, times);
    }

    /// Fetches of partitions of `topic` (`None`: of any) are answered with `error` at once; those that wait already,
    /// when they next look.
    pub fn fail_fetch(&self, topic: Option<&str>, error: ResponseError, times: Times) {
        self.add(Point::Fetch, topic, Effect::Error(error), times);
    }

    /// Requests of members of `group` (`None`: of any), join, sync, heartbeat, commit, offset fetch and leave, are
    /// answered with `error` and change nothing.
    pub fn fail_group(&self, group: Option<&str>, error: ResponseError, times: Times) {
        self.add(Point::Group, group, Effect::Error(error), times);
    }

    /// The group's coordinator has moved: its next request is answered with NOT_COORDINATOR, the look-up that
    /// follows leads back here.
    pub fn move_coordinator(&self, group: &str) {
        self.fail_group(Some(group), ResponseError::NotCoordinator, Times::Next(1));
    }

    /// A partition loses its leader: metadata says so, and whoever still comes here with its records is answered
    /// NOT_LEADER_OR_FOLLOWER, fetches that wait included.
    pub fn take_leader(&self, topic: &str, partition: i32) {
        self.leaderless.lock().insert((topic.to_owned(), partition));
        if let Some(log) = self.state.topics.partition(topic, partition) {
            log.wake();
        }
    }

    /// Ends [`take_leader`](Self::take_leader): this broker leads the partition again.
    pub fn return_leader(&self, topic: &str, partition: i32) {
        self.leaderless.lock().remove(&(topic.to_owned(), partition));
    }

    /// Produce and fetch answers say that the client is throttled for `pause`, and its connection is not served for
    /// that long, as a quota does.
    pub fn throttle(&self, pause: Duration, times: Times) {
        self.add(Point::Quota, None, Effect::Pause(pause), times);
    }

    /// The broker keeps its sockets but reads, answers and expires nothing, as a stopped process does.
    pub fn freeze(&self) {
        self.frozen.send_replace(true);
    }

    /// Ends [`freeze`](Self::freeze): what came in meanwhile is served now, and group members whose session is over are
    /// out.
    pub fn thaw(&self) {
        self.frozen.send_replace(false);
    }

    /// Every answer leaves this much later; zero, the default, ends it.
    pub fn delay(&self, by: Duration) {
        self.delay.send_replace(by);
    }

    /// Resets every open connection. New ones are served.
    pub fn drop_connections(&self) {
        self.resets.send_modify(|count| *count += 1);
    }

    /// Resets new connections as soon as they are there. (The port stays taken, or another process could take it.)
    pub fn refuse_connections(&self) {
        self.refusing.send_replace(true);
    }

    /// Ends [`refuse_connections`](Self::refuse_connections).
    pub fn accept_connections(&self) {
        self.refusing.send_replace(false);
    }

    /// Forgets every offset `group` committed; false if there is no such group.
    pub fn lose_offsets(&self, group: &str) -> bool {
        self.state.groups.lose_offsets(group)
    }

    /// Deletes a topic with everything in it; false if there is none of that name.
    pub fn delete_topic(&self, name: &str) -> bool {
        self.state.delete_topic(name)
    }

    /// Grows a topic to `total` partitions. Fails with UNKNOWN_TOPIC_OR_PARTITION, with INVALID_PARTITIONS if it has
    /// that many already, or with POLICY_VIOLATION beyond [`Config::max_partitions`].
    pub fn add_partitions(&self, topic: &str, total: i32) -> Result<(), ResponseError> {
        self.state.topics.grow(&self.config, topic, total, false).map_err(|Refused { error, .. }| error)
    }

    /// Takes every fault back. What is lost stays lost.
    pub fn clear(&self) {
        self.rules.lock().clear();
        self.leaderless.lock().clear();
        self.delay(Duration::ZERO);
        self.accept_connections();
        self.thaw();
    }

    fn add(&self, point: Point, scope: Option<&str>, effect: Effect, times: Times) {
        self.rules.lock().add(Rule { point, scope: scope.map(str::to_owned), effect, times });
    }

    /// What is to go wrong now at `point` for the topic or group `name`; uses one count up.
    pub(crate) fn strike(&self, point: Point, name: &str) -> Option<Effect> {
        self.rules.lock().strike(point, name)
    }

    /// Fails with the error for a partition that this broker does not lead.
    pub(crate) fn check_leader(&self, topic: &str, partition: i32) -> Result<(), ResponseError> {
        if self.is_leaderless(topic, partition) { Err(ResponseError::NotLeaderOrFollower) } else { Ok(()) }
    }

    pub(crate) fn is_leaderless(&self, topic: &str, partition: i32) -> bool {
        let leaderless = self.leaderless.lock();
        !leaderless.is_empty() && leaderless.contains(&(topic.to_owned(), partition))
    }

    /// Completes when the broker is not frozen.
    pub(crate) async fn thawed(&self) {
        if !self.is_frozen() {
            return;
        }
        // The sender is a field of `self`: it cannot close while this waits.
        let _ = self.frozen.subscribe().wait_for(|frozen| !frozen).await;
    }

    pub(crate) fn is_frozen(&self) -> bool {
        *self.frozen.borrow()
    }

    pub(crate) fn is_refusing(&self) -> bool {
        *self.refusing.borrow()
    }

    pub(crate) fn current_delay(&self) -> Duration {
        *self.delay.borrow()
    }

    /// Changes at every [`drop_connections`](Self::drop_connections).
    pub(crate) fn resets(&self) -> watch::Receiver<u64> {
        self.resets.subscribe()
    }
}
