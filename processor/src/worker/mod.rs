//! The loop that knows Kafka and no business: takes partitions from the group and gives them back.
//!
//! ```text
//!   Member ──Assigned──▶ a task for each partition (partition.rs)
//!          ──Revoke────▶ the task drains, within 3 s, hands over its position ──▶ RevokeDone
//!          ──Lost──────▶ the task is dropped where it stands; nothing is written or committed for it any more
//! ```
//!
//! Everything here runs on one thread; what must not wait for it (heartbeats, commits, heavy handlers) has others.

mod backlog;
mod budget;
mod context;
mod expiry;
mod heavy;
mod judge;
mod partition;
mod progress;
mod spans;
mod stream;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use kafka::group::{Commits, Event, Member, RevokeDone};
use service::Shutdown;
use tokio::task::JoinError;
use tokio::time::{Instant, sleep_until};
use tokio_util::task::JoinMap;

pub(crate) use budget::Budget;
pub(crate) use context::Context;
pub(crate) use heavy::{HeavyPool, SPARE_THREADS};
pub(crate) use judge::Judge;
use partition::{DRAIN_LIMIT, Partition};
pub(crate) use spans::Spans;

use crate::ledger::Lease;
use crate::processor::Membership;

/// What the stages of a shutdown may take beyond the work that they wait for.
const SLACK: Duration = Duration::from_millis(500);

/// Between two looks at how the membership stands.
const LOOK_WHILE_JOINING: Duration = Duration::from_millis(50);
const LOOK_LATER: Duration = Duration::from_secs(1);

/// Why a worker stopped working.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkerError {
    /// A fault of the worker itself.
    #[error("the task of partition {partition} died")]
    PartitionDied { partition: i32, source: JoinError },
    /// The member's thread ended by itself.
    #[error("the group's member ended")]
    MemberEnded,
}

/// A member of the group and its partitions.
pub(crate) struct Worker {
    context: Arc<Context>,
    member: Member,
    commits: Commits,
    tasks: JoinMap<i32, ()>,
    leases: HashMap<i32, Arc<Lease>>,
    /// At most one at a time.
    revocation: Option<Revocation>,
    membership: Membership,
}

/// Partitions that are being drained because the group takes them back.
struct Revocation {
    draining: BTreeSet<i32>,
    done: RevokeDone,
}

impl Worker {
    pub(crate) fn new(context: Arc<Context>, member: Member, membership: Membership) -> Self {
        let (tasks, leases) = (JoinMap::new(), HashMap::new());
        Self { context, commits: member.offsets(), member, tasks, leases, revocation: None, membership }
    }

    /// Works until the shutdown is requested, then finishes what is under way, commits, and leaves the group.
    ///
    /// # Errors
    /// If it cannot work on. The group then finds out by itself.
    pub(crate) async fn run(mut self, shutdown: &Shutdown) -> Result<(), WorkerError> {
        let requested = shutdown.requested();
        tokio::pin!(requested);
        let mut next_look = Instant::now();
        loop {
            tokio::select! {
                biased;
                () = &mut requested => break,
                () = sleep_until(next_look) => next_look = Instant::now() + self.look_at_membership(),
                event = self.member.next_event() => self.handle(event.ok_or(WorkerError::MemberEnded)?),
                Some((partition, ended)) = self.tasks.join_next() => self.after_task(partition, ended)?,
            }
        }
        self.stop(shutdown).await;
        Ok(())
    }

    /// Publishes how the membership stands. Returns when to look again.
    fn look_at_membership(&mut self) -> Duration {
        let status = self.member.status();
        self.context.metrics.assigned(status.assigned.len());
        self.membership.update(status);
        if self.membership.is_joining() { LOOK_WHILE_JOINING } else { LOOK_LATER }
    }

    async fn stop(mut self, shutdown: &Shutdown) {
        for lease in self.leases.values() {
            lease.end();
        }
        shutdown.stage("drain", DRAIN_LIMIT + SLACK, self.drain()).await;
        self.tasks.shutdown().await;
        let limit = self.context.kafka.config().timeout;
        let flushed = shutdown.stage("commit", limit + SLACK, self.commits.flush(limit)).await;
        if let Some(Err(error)) = flushed {
            self.context.metrics.commit_failed();
            tracing::warn!(%error, "whoever gets the partitions does their last records again");
        }
        shutdown.stage("leave the group", limit + 2 * SLACK, self.member.leave(limit)).await;
        self.context.replies.close();
    }

    /// Waits for the tasks of all partitions, whose leases are ending. The group may go on meanwhile: what it takes back
    /// is given back as soon as it is drained, and what it says is lost is dropped where it stands.
    async fn drain(&mut self) {
        let mut is_member = true;
        loop {
            tokio::select! {
                ended = self.tasks.join_next() => {
                    let Some((partition, ended)) = ended else { return };
                    if let Err(error) = self.after_task(partition, ended) {
                        tracing::error!(error = &error as &dyn std::error::Error, "while draining");
                    }
                }
                event = self.member.next_event(), if is_member => match event {
                    // Nothing new is begun. Whoever is next gets it when we leave.
                    Some(Event::Assigned(_) | Event::PartitionsChanged(_)) => {}
                    Some(event) => self.handle(event),
                    None => is_member = false,
                },
            }
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Assigned(assigned) => {
                let partitions: Vec<_> = assigned.iter().map(|assigned| assigned.partition).collect();
                tracing::info!(?partitions, "got partitions");
                self.context.metrics.rebalanced("assigned");
                for assigned in assigned {
                    self.begin(assigned.partition, assigned.committed);
                }
            }
            Event::Revoke { partitions, done } => {
                tracing::info!(?partitions, "gives partitions back");
                self.context.metrics.rebalanced("revoked");
                self.revoke(&partitions, done);
            }
            Event::Lost { partitions } => {
                tracing::warn!(?partitions, "lost partitions");
                self.context.metrics.rebalanced("lost");
                for partition in partitions {
                    self.lose(partition);
                }
            }
            Event::PartitionsChanged(count) => {
                self.context.metrics.partitions(count);
                tracing::info!(topic = self.context.request_topic, count, "partitions of the request topic");
            }
        }
    }

    fn begin(&mut self, number: i32, committed: Option<i64>) {
        let lease = Arc::new(Lease::default());
        if let Some(before) = self.leases.insert(number, Arc::clone(&lease)) {
            before.close();
        }
        let (context, commits) = (Arc::clone(&self.context), self.commits.clone());
        let partition = Partition { context, number, lease, commits, committed };
        self.tasks.spawn(number, partition.run());
    }

    fn revoke(&mut self, partitions: &[i32], done: RevokeDone) {
        for partition in partitions {
            if let Some(lease) = self.leases.get(partition) {
                lease.end();
            }
        }
        let draining: BTreeSet<_> =
            partitions.iter().copied().filter(|partition| self.tasks.contains_key(partition)).collect();
        self.revocation = Some(Revocation { draining, done });
        self.finish_revocation();
    }

    fn lose(&mut self, partition: i32) {
        if let Some(lease) = self.leases.remove(&partition) {
            lease.close();
        }
        self.tasks.abort(&partition);
        self.drained(partition);
    }

    fn after_task(&mut self, partition: i32, ended: Result<(), JoinError>) -> Result<(), WorkerError> {
        self.leases.remove(&partition);
        self.drained(partition);
        match ended {
            Err(source) if source.is_panic() => Err(WorkerError::PartitionDied { partition, source }),
            _ => Ok(()),
        }
    }

    /// The partition is not worked on any more.
    fn drained(&mut self, partition: i32) {
        if let Some(revocation) = &mut self.revocation {
            revocation.draining.remove(&partition);
        }
        self.finish_revocation();
    }

    fn finish_revocation(&mut self) {
        if let Some(revocation) = self.revocation.take_if(|revocation| revocation.draining.is_empty()) {
            revocation.done.finish();
        }
    }
}
