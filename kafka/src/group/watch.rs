//! Keeps an eye on whether anybody is in a group.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::{
    runtime::Handle,
    task::AbortHandle,
    time::{MissedTickBehavior, interval},
};

use super::{GroupView, describe};
use crate::{
    Kafka,
    client::Trouble,
    wire::{Connection, WireError, open_coordinator},
};

/// What was last seen of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Number of members by whatever protocol, but for those that are known to read other topics alone.
    pub members: usize,
    /// When the question went out. Whoever was there after `answered_at` may have come since; who is counted was there
    /// at some moment between the two.
    pub asked_at: Instant,
    /// When both answers were in.
    pub answered_at: Instant,
    /// When a member was last seen by this watch: `asked_at` if there are any now.
    pub last_member_at: Option<Instant>,
}

/// Asks again and again for the members of a group that we do not belong to, as far as they may read a topic. Ends when
/// it is dropped.
#[derive(Debug)]
pub struct GroupWatch {
    latest: Arc<Mutex<Option<Sighting>>>,
    task: AbortHandle,
}

impl GroupWatch {
    /// Watches on the runtime this is called on.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(
        kafka: Kafka,
        group_id: impl Into<String>,
        topic: impl Into<String>,
        interval: Duration,
    ) -> Self {
        Self::start_on(&Handle::current(), kafka, group_id, topic, interval)
    }

    /// Watches on `runtime`, one that is not kept busy by other work: see [`Member::runtime`](super::Member::runtime).
    pub fn start_on(
        runtime: &Handle,
        kafka: Kafka,
        group_id: impl Into<String>,
        topic: impl Into<String>,
        interval: Duration,
    ) -> Self {
        let latest = Arc::new(Mutex::new(None));
        let group_id = group_id.into();
        let (health, task) = (kafka.clone(), format!("the watch on group {group_id}"));
        let work = watch(kafka, group_id, topic.into(), interval, Arc::clone(&latest));
        let task = runtime.spawn(health.health().watched(task, work));
        Self { latest, task: task.abort_handle() }
    }

    /// The last answer; how old it is the caller has to judge. None as long as there was none, and from the moment
    /// Kafka could not be asked until it can be again.
    pub fn latest(&self) -> Option<Sighting> {
        *self.latest.lock()
    }
}

impl Drop for GroupWatch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn watch(
    kafka: Kafka,
    group_id: String,
    topic: String,
    every: Duration,
    latest: Arc<Mutex<Option<Sighting>>>,
) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut coordinator = None;
    let (mut trouble, mut last_member_at) = (Trouble::default(), None);
    loop {
        ticks.tick().await;
        let asked_at = Instant::now();
        let answer = look(&kafka, &group_id, &topic, &mut coordinator).await;
        let sighting = match answer {
            Ok(GroupView { members }) => {
                if trouble.over() {
                    tracing::info!(group_id, "can see the group again");
                }
                if members > 0 {
                    last_member_at = Some(asked_at);
                }
                Some(Sighting { members, asked_at, answered_at: Instant::now(), last_member_at })
            }
            Err(error) => {
                let is_told = trouble.again(asked_at.into(), !kafka.health().is_cut_off());
                let error = &error as &dyn std::error::Error;
                if is_told {
                    tracing::warn!(group_id, error, "cannot see the group");
                } else {
                    tracing::debug!(group_id, error, "cannot see the group");
                }
                None
            }
        };
        *latest.lock() = sighting;
    }
}

/// Asks once. The connection is kept for the next time unless anything went wrong. That nobody is there is not believed
/// of one coordinator before the other brokers were asked who that is: one that is cut off from them sees the members
/// leave, since they have found its successor.
async fn look(
    kafka: &Kafka,
    group_id: &str,
    topic: &str,
    kept: &mut Option<Connection>,
) -> Result<GroupView, WireError> {
    let config = kafka.config();
    let mut coordinator = match kept.take() {
        Some(connection) => connection,
        None => open_coordinator(kafka, group_id, None).await?,
    };
    let mut view = describe::members(&mut coordinator, group_id, topic, config.timeout).await?;
    let address = coordinator.address();
    if view.members == 0 && !kafka.brokers_beside(address).is_empty() {
        coordinator = open_coordinator(kafka, group_id, Some(address)).await?;
        view = describe::members(&mut coordinator, group_id, topic, config.timeout).await?;
    }
    *kept = Some(coordinator);
    Ok(view)
}
