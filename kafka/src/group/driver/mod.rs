//! Carries out what the state machine decides, and tells it what came of it.
//!
//! ```text
//!   answers, time, orders ──▶ input ──▶ Membership ──▶ actions ──┬─▶ join lane      JoinGroup, SyncGroup (parked)
//!            ▲                                                   ├─▶ heartbeat lane
//!            └───────────────────── ends ────────────────────────┼─▶ offsets lane   OffsetFetch, OffsetCommit
//!                                                                ├─▶ look-ups       coordinator, partitions
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
mod topic;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use complaint::Complaint;
use lane::{Lane, Slot};
use tokio::time::sleep_until;

use self::commits::{CommitEnd, Schedule};
use super::{
    GroupConfig,
    backoff::Backoff,
    shared::{End, Shared},
    state::{Identity, Input, JoinAnswer, Membership, Rules},
    status::{State, Status},
};
use crate::{
    Kafka,
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
    beat: Lane<BeatEnd>,
    offsets: Lane<OffsetsEnd>,
    seek: Slot<Result<Connection, WireError>>,
    /// How long a look-up may take. Short at first: one that leads to a broker which has just died has to be tried
    /// again before the session is over. Longer with each try, for networks that need it.
    seek_limit: Duration,
    topic: Slot<(Option<Connection>, Result<i32, WireError>)>,
    topic_kept: Option<Connection>,
    topic_at: Instant,
    topic_backoff: Backoff,
    /// Offsets that are to be fetched once the lane is free.
    fetch: Option<BTreeSet<i32>>,
    schedule: Schedule,
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

/// What ended the wait.
enum Turn {
    Join(JoinEnd),
    Beat(BeatEnd),
    Offsets(OffsetsEnd),
    Seek(Result<Connection, WireError>),
    Topic((Option<Connection>, Result<i32, WireError>)),
    Drained,
    Order,
    Time,
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
            kafka,
            config,
            shared,
            membership: Membership::new(rules, now),
            coordinator: None,
            join: Lane::idle(),
            beat: Lane::idle(),
            offsets: Lane::idle(),
            seek: Slot::idle(),
            seek_limit,
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
                    self.schedule.hurry();
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
            () = self.shared.finished.changed() => Turn::Drained,
            () = self.shared.orders.changed() => Turn::Order,
            () = time => Turn::Time,
        };
        self.take_in(turn);
    }

    fn take_in(&mut self, turn: Turn) {
        match turn {
            Turn::Beat(BeatEnd { by, sent, answer }) => {
                let answer = verdict(answer, &mut self.complaints.beat);
                self.feed(Input::Beat { by, sent, answer });
            }
            Turn::Join(JoinEnd::Joined(answer)) => {
                let answer = verdict(answer, &mut self.complaints.join);
                self.feed(Input::Joined(answer));
            }
            Turn::Join(JoinEnd::Synced { sent, answer }) => {
                let answer = verdict(answer, &mut self.complaints.join);
                self.feed(Input::Synced { sent, answer });
            }
            Turn::Offsets(OffsetsEnd::Fetched(answer)) => {
                let answer = verdict(answer, &mut self.complaints.fetch);
                self.feed(Input::Offsets(answer));
            }
            Turn::Offsets(OffsetsEnd::Committed(end)) => self.committed(end),
            Turn::Seek(found) => {
                let found = verdict(found, &mut self.complaints.seek);
                let found = found.map(|connection| self.found(connection));
                self.feed(Input::Coordinator(found));
            }
            Turn::Topic((kept, count)) => self.counted(kept, count),
            Turn::Drained => self.feed(Input::Drained(self.shared.finished.newest())),
            Turn::Order | Turn::Time => self.feed(Input::Tick),
        }
    }

    fn found(&mut self, connection: Connection) {
        tracing::debug!(coordinator = connection.address(), "found the group's coordinator");
        self.coordinator = Some(connection.address().to_owned());
        self.seek_limit = beat_limit(&self.config, self.kafka.config().timeout);
        // Something was wrong, or we would not have looked: do not trust the connections of before.
        drop((self.beat.take_kept(), self.offsets.take_kept()));
        if self.join.is_idle() {
            self.join.keep(connection);
        }
    }

    fn counted(&mut self, kept: Option<Connection>, count: Result<i32, WireError>) {
        self.topic_kept = kept;
        let count = verdict(count, &mut self.complaints.topic);
        let missing = count == Ok(0);
        if missing && !self.complaints.topic_missing {
            tracing::warn!(topic = self.config.topic, "the topic does not exist; waiting for it");
        }
        self.complaints.topic_missing = missing;
        let wait = match count {
            Ok(_) => {
                self.topic_backoff.reset();
                self.config.partition_poll_interval
            }
            Err(_) => self.topic_backoff.wait(),
        };
        self.topic_at = now() + wait;
        match count {
            Ok(count) => self.feed(Input::Partitions(count)),
            Err(_) => self.feed(Input::Tick),
        }
    }

    /// Begins what does not come from the state machine.
    fn begin_what_is_due(&mut self) {
        let now = now();
        if self.topic.is_idle() && self.topic_at <= now {
            let kept = self.topic_kept.take();
            let config = self.kafka.config().clone();
            self.topic.begin(topic::count_partitions(kept, config, self.config.topic.clone()));
        }
        self.begin_fetch();
        self.begin_commit(now);
    }

    fn wake_at(&self) -> Option<Instant> {
        let topic_at = self.topic.is_idle().then_some(self.topic_at);
        [self.membership.wake_at(), topic_at, self.commit_at()].into_iter().flatten().min()
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

fn verdict<T>(answer: Result<T, WireError>, complaint: &mut Complaint) -> Result<T, super::state::Verdict> {
    match answer {
        Ok(answer) => {
            complaint.settled();
            Ok(answer)
        }
        Err(error) => Err(complaint.judge(&error)),
    }
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
