//! Carries out what the state machine decides, and tells it what came of it.
//!
//! ```text
//!   answers, time, orders ──▶ input ──▶ Membership ──▶ actions ──┬─▶ join lane      JoinGroup, SyncGroup (parked)
//!            ▲                                                   ├─▶ heartbeat lane
//!            └───────────────────── ends ────────────────────────┼─▶ offsets lane   OffsetFetch, OffsetCommit
//!                                                                ├─▶ look-ups       coordinator, its successor, partitions
//!                                                                └─▶ mailbox and positions of the owner
//! ```
//!
//! A broker answers the requests of one socket in their order, so each lane has a socket to itself: neither a join that
//! is parked for a whole rebalance nor a commit that waits for slow replicas keeps a heartbeat waiting. All of it is
//! one task on the thread of the member; nothing here waits for the owner of the member.

mod actions;
mod commits;
mod complaint;
mod goodbye;
mod lane;
mod successor;
mod topic;
mod turns;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use complaint::Complaint;
use lane::{Lane, Slot};
use tokio::time::sleep_until;
use turns::Turn;

use self::commits::{CommitEnd, Schedule};
use super::{
    GroupConfig,
    shared::{End, Shared},
    state::{Identity, Input, JoinAnswer, Membership, Rules},
    status::{State, Status},
};
use crate::{
    Backoff, Kafka,
    metrics::Operations,
    wire::{Connection, WireError},
};

pub(super) struct Driver {
    kafka: Kafka,
    config: GroupConfig,
    shared: Arc<Shared>,
    membership: Membership,
    /// Where the coordinator was last found.
    coordinator: Option<String>,
    join: Lane<JoinEnd>,
    /// When the first join was sent since the last share was there: one whose answer was lost counts, since the next one
    /// may be let into the generation that it had begun.
    joined_at: Option<Instant>,
    beat: Lane<BeatEnd>,
    offsets: Lane<OffsetsEnd>,
    seek: Slot<Result<Connection, WireError>>,
    /// How long a look-up may take. Short at first: one that leads to a broker which has just died has to be tried
    /// again before the session is over. Longer with each try, for networks that need it.
    seek_limit: Duration,
    /// Whether another has become the coordinator.
    successor: Slot<bool>,
    successor_at: Instant,
    topic: Slot<(Option<Connection>, Result<i32, WireError>)>,
    topic_kept: Option<Connection>,
    topic_at: Instant,
    topic_backoff: Backoff,
    /// Offsets that are to be fetched once the lane is free.
    fetch: Option<BTreeSet<i32>>,
    schedule: Schedule,
    /// How commits fare.
    commits: Arc<Operations>,
    complaints: Complaints,
}

enum JoinEnd {
    Joined(Result<JoinAnswer, WireError>),
    Synced { sent: Instant, answer: Result<BTreeSet<i32>, WireError> },
}

struct BeatEnd {
    by: Identity,
    sent: Instant,
    answer: Result<(), WireError>,
}

enum OffsetsEnd {
    Fetched(Result<BTreeMap<i32, Option<i64>>, WireError>),
    Committed(CommitEnd),
}

struct Complaints {
    seek: Complaint,
    join: Complaint,
    beat: Complaint,
    fetch: Complaint,
    commit: Complaint,
    topic: Complaint,
    topic_missing: bool,
}

impl Driver {
    pub(super) fn new(kafka: Kafka, config: GroupConfig, shared: Arc<Shared>) -> Self {
        let now = now();
        let rules = Rules {
            assignor: config.assignor,
            session_timeout: config.session_timeout,
            heartbeat_interval: config.heartbeat_interval,
            rebalance_timeout: config.rebalance_timeout,
            revoke_timeout: config.revoke_timeout,
        };
        let seek_limit = beat_limit(&config, kafka.config().timeout);
        Self {
            commits: kafka.tallies().commits(&config.topic, &config.group_id),
            kafka,
            config,
            shared,
            membership: Membership::new(rules, now),
            coordinator: None,
            join: Lane::idle(),
            joined_at: None,
            beat: Lane::idle(),
            offsets: Lane::idle(),
            seek: Slot::idle(),
            seek_limit,
            successor: Slot::idle(),
            successor_at: now,
            topic: Slot::idle(),
            topic_kept: None,
            topic_at: now,
            topic_backoff: Backoff::default(),
            fetch: None,
            schedule: Schedule::new(now),
            complaints: Complaints::default(),
        }
    }

    /// Runs until it is told to end.
    pub(super) async fn run(mut self) {
        self.feed(Input::Tick);
        let mut leaving = false;
        loop {
            let given = self.shared.orders.take();
            if given.flush {
                self.schedule.hurry();
            }
            match given.end {
                Some(End::Vanish) => break,
                Some(End::Leave { deadline, goodbye }) => {
                    let flush_until = deadline.checked_sub(goodbye).unwrap_or(deadline);
                    if now() >= flush_until || self.shared.positions.lock().dirty().is_empty() {
                        self.say_goodbye(deadline).await;
                        break;
                    }
                    if !std::mem::replace(&mut leaving, true) {
                        self.schedule.hurry();
                    }
                    self.begin_what_is_due();
                    self.turn(Some(flush_until)).await;
                }
                None => {
                    self.begin_what_is_due();
                    self.turn(None).await;
                }
            }
        }
        self.end();
    }

    /// Waits for anything to happen, `until` at the latest, and takes it in.
    async fn turn(&mut self, until: Option<Instant>) {
        let wake_at = self.wake_at().into_iter().chain(until).min();
        let time = async {
            match wake_at {
                Some(at) => sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        let turn = tokio::select! {
            biased;
            end = self.beat.ended() => Turn::Beat(end),
            end = self.join.ended() => Turn::Join(end),
            end = self.offsets.ended() => Turn::Offsets(end),
            end = self.seek.ended() => Turn::Seek(end),
            end = self.topic.ended() => Turn::Topic(end),
            replaced = self.successor.ended() => Turn::Successor(replaced),
            () = self.shared.finished.changed() => Turn::Drained,
            () = self.shared.orders.changed() => Turn::Order,
            () = time => Turn::Time,
        };
        self.take_in(turn);
    }

    /// Begins what does not come from the state machine.
    fn begin_what_is_due(&mut self) {
        let now = now();
        if self.topic.is_idle() && self.topic_at <= now {
            let kept = self.topic_kept.take();
            let kafka = self.kafka.clone();
            self.topic.begin(topic::count_partitions(kept, kafka, self.config.topic.clone()));
        }
        self.begin_to_ask_for_a_successor(now);
        self.begin_fetch();
        self.begin_commit(now);
    }

    fn wake_at(&self) -> Option<Instant> {
        let topic_at = self.topic.is_idle().then_some(self.topic_at);
        [self.membership.wake_at(), topic_at, self.commit_at(), self.successor_at()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Hands `input` to the state machine and does what it says.
    fn feed(&mut self, input: Input) {
        for action in self.membership.handle(input, now()) {
            self.perform(action);
        }
        if self.is_flushed() {
            for action in self.membership.handle(Input::Flushed, now()) {
                self.perform(action);
            }
        }
        self.publish();
    }

    fn publish(&self) {
        let by = self.membership.identity();
        *self.shared.status.lock() = Status {
            state: self.membership.state(),
            generation: (by.generation >= 0).then_some(by.generation),
            member_id: (!by.member_id.is_empty()).then(|| by.member_id.clone()),
            assigned: self.membership.owned().iter().copied().collect(),
            coordinator_reachable: self.membership.knows_coordinator(),
        };
    }

    fn end(self) {
        let owned = self.membership.owned().clone();
        self.shared.settle(|positions| positions.end(&owned));
        self.shared.post(super::mailbox::Mailbox::close);
        let mut status = self.shared.status.lock();
        (status.state, status.coordinator_reachable) = (State::Ended, false);
        status.assigned.clear();
    }
}

/// The state machine's time. That of tokio, so that it can be paused.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

impl Default for Complaints {
    fn default() -> Self {
        Self {
            seek: Complaint::about("the look-up of the group's coordinator"),
            join: Complaint::about("joining the group"),
            beat: Complaint::about("the heartbeat"),
            fetch: Complaint::about("fetching the group's offsets"),
            commit: Complaint::about("committing offsets"),
            topic: Complaint::about("the look-up of the topic"),
            topic_missing: false,
        }
    }
}

/// A heartbeat that takes longer than a third of the session is tried again on another socket.
fn beat_limit(config: &GroupConfig, timeout: Duration) -> Duration {
    timeout.min(config.session_timeout / 3)
}
