//! All groups behind one lock, and the requests that wait for them.

use std::{
    collections::BTreeMap,
    ops::RangeInclusive,
    time::{Duration, Instant},
};

use kafka_protocol::ResponseError;
use parking_lot::Mutex;
use uuid::Uuid;

use super::{
    description::{Description, Listed},
    member::{Join, JoinRefused, Joined, Sync, Synced},
    offsets::{Committed, CommittedByTopic, Offsets},
    state::{Answers, Group, Ticket},
    waiting::Waiting,
};
use crate::config::Config;

/// The coordinator of all groups.
pub(crate) struct Coordinator {
    inner: Mutex<Inner>,
    max_groups: usize,
    initial_delay: Duration,
    session_timeouts: RangeInclusive<Duration>,
}

#[derive(Default)]
struct Inner {
    groups: BTreeMap<String, Entry>,
    waiting: Waiting,
}

struct Entry {
    group: Group,
    offsets: Offsets,
}

impl Coordinator {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            inner: Mutex::default(),
            max_groups: config.max_groups,
            initial_delay: config.initial_rebalance_delay,
            session_timeouts: config.min_session_timeout..=config.max_session_timeout,
        }
    }

    /// Joins, and waits for the generation this makes. Dropping the future gives the join up.
    pub(crate) async fn join(&self, group_id: &str, join: Join) -> Result<Joined, JoinRefused> {
        let refuse = |error| Err(JoinRefused { error, member_id: join.member_id.clone() });
        if group_id.is_empty() {
            return refuse(ResponseError::InvalidGroupId);
        }
        if !self.session_timeouts.contains(&join.session_timeout) {
            return refuse(ResponseError::InvalidSessionTimeout);
        }
        let (ticket, answer) = {
            let inner = &mut *self.inner.lock();
            if !inner.groups.contains_key(group_id) && !join.member_id.is_empty() {
                return refuse(ResponseError::UnknownMemberId);
            }
            let Some(entry) = self.entry(&mut inner.groups, group_id) else {
                return refuse(ResponseError::PolicyViolation);
            };
            let (ticket, answer) = inner.waiting.join();
            let fresh_id = || format!("{}-{}", join.client_id, Uuid::new_v4());
            let mut answers = Answers::new();
            entry.group.join(Instant::now(), &join, fresh_id, ticket, &mut answers);
            inner.waiting.deliver(answers);
            (ticket, answer)
        };
        let _held = Held { coordinator: self, group_id, ticket };
        let gone = JoinRefused { error: ResponseError::CoordinatorNotAvailable, member_id: join.member_id };
        answer.await.unwrap_or(Err(gone))
    }

    /// Waits for the leader's assignment, or brings it. Dropping the future gives the wait up.
    pub(crate) async fn sync(&self, group_id: &str, sync: Sync) -> Result<Synced, ResponseError> {
        let (ticket, answer) = {
            let inner = &mut *self.inner.lock();
            let entry = inner.groups.get_mut(group_id).ok_or(ResponseError::UnknownMemberId)?;
            let (ticket, answer) = inner.waiting.sync();
            let mut answers = Answers::new();
            entry.group.sync(Instant::now(), sync, ticket, &mut answers);
            inner.waiting.deliver(answers);
            (ticket, answer)
        };
        let _held = Held { coordinator: self, group_id, ticket };
        answer.await.unwrap_or(Err(ResponseError::CoordinatorNotAvailable))
    }

    pub(crate) fn heartbeat(
        &self,
        group_id: &str,
        member_id: &str,
        generation: i32,
        now: Instant,
    ) -> Result<(), ResponseError> {
        let mut inner = self.inner.lock();
        let entry = inner.groups.get_mut(group_id).ok_or(ResponseError::UnknownMemberId)?;
        entry.group.heartbeat(now, member_id, generation)
    }

    pub(crate) fn leave(&self, group_id: &str, member_id: &str, now: Instant) -> Result<(), ResponseError> {
        let mut inner = self.inner.lock();
        let entry = inner.groups.get_mut(group_id).ok_or(ResponseError::UnknownMemberId)?;
        let mut answers = Answers::new();
        let left = entry.group.leave(now, member_id, &mut answers);
        inner.waiting.deliver(answers);
        left
    }

    /// Whether the member may commit now; makes the group if a consumer outside the protocol is its first.
    pub(crate) fn check_commit(
        &self,
        group_id: &str,
        member_id: &str,
        generation: i32,
        now: Instant,
    ) -> Result<(), ResponseError> {
        if group_id.is_empty() {
            return Err(ResponseError::InvalidGroupId);
        }
        let mut inner = self.inner.lock();
        if generation >= 0 && !inner.groups.contains_key(group_id) {
            return Err(ResponseError::IllegalGeneration);
        }
        let entry = self.entry(&mut inner.groups, group_id);
        entry.ok_or(ResponseError::PolicyViolation)?.group.check_commit(now, member_id, generation)
    }

    /// Stores an offset that [`check_commit`](Self::check_commit) allowed.
    pub(crate) fn commit(&self, group_id: &str, topic: &str, partition: i32, committed: Committed) {
        if let Some(entry) = self.inner.lock().groups.get_mut(group_id) {
            entry.offsets.commit(topic, partition, committed);
        }
    }

    pub(crate) fn committed(&self, group_id: &str, topic: &str, partition: i32) -> Option<Committed> {
        self.inner.lock().groups.get(group_id)?.offsets.get(topic, partition).cloned()
    }

    pub(crate) fn committed_offset(&self, group_id: &str, topic: &str, partition: i32) -> Option<i64> {
        self.committed(group_id, topic, partition).map(|committed| committed.offset)
    }

    /// Everything a group committed, by topic.
    pub(crate) fn all_committed(&self, group_id: &str) -> CommittedByTopic {
        self.inner.lock().groups.get(group_id).map(|entry| entry.offsets.all()).unwrap_or_default()
    }

    pub(crate) fn forget_topic(&self, topic: &str) {
        for entry in self.inner.lock().groups.values_mut() {
            entry.offsets.forget_topic(topic);
        }
    }

    /// Forgets what a group committed; false if there is no such group.
    pub(crate) fn lose_offsets(&self, group_id: &str) -> bool {
        let mut inner = self.inner.lock();
        let entry = inner.groups.get_mut(group_id);
        entry.map(|entry| entry.offsets.clear()).is_some()
    }

    pub(crate) fn member_count(&self, group_id: &str) -> usize {
        self.inner.lock().groups.get(group_id).map_or(0, |entry| entry.group.members().len())
    }

    pub(crate) fn list(&self) -> Vec<Listed> {
        self.inner.lock().groups.iter().map(|(id, entry)| Listed::of(id, &entry.group)).collect()
    }

    /// `None` if there is no such group.
    pub(crate) fn describe(&self, group_id: &str) -> Option<Description> {
        self.inner.lock().groups.get(group_id).map(|entry| Description::of(&entry.group))
    }

    /// Time passes: overdue members are out, late rebalances go on without those who are missing.
    pub(crate) fn tick(&self, now: Instant) {
        let mut inner = self.inner.lock();
        let mut answers = Answers::new();
        for entry in inner.groups.values_mut() {
            entry.group.tick(now, &mut answers);
        }
        inner.waiting.deliver(answers);
    }

    /// Puts every group into the state a restarted coordinator would read from its log.
    pub(crate) fn restart(&self, now: Instant) {
        let mut inner = self.inner.lock();
        let groups = std::mem::take(&mut inner.groups).into_iter();
        inner.groups = groups
            .map(|(id, Entry { group, offsets })| (id, Entry { group: group.restarted(now), offsets }))
            .collect();
    }

    fn abandon(&self, group_id: &str, ticket: Ticket) {
        let mut inner = self.inner.lock();
        if !inner.waiting.forget(ticket) {
            return;
        }
        let mut answers = Answers::new();
        if let Some(entry) = inner.groups.get_mut(group_id) {
            entry.group.abandon(Instant::now(), ticket, &mut answers);
        }
        inner.waiting.deliver(answers);
    }

    /// The group, made if need be; `None` if there is no room for another even without those that hold nothing.
    fn entry<'a>(&self, groups: &'a mut BTreeMap<String, Entry>, group_id: &str) -> Option<&'a mut Entry> {
        if !groups.contains_key(group_id) {
            if groups.len() >= self.max_groups {
                groups.retain(|_, entry| !entry.group.is_empty() || !entry.offsets.is_empty());
            }
            if groups.len() >= self.max_groups {
                return None;
            }
        }
        let fresh = || Entry { group: Group::new(self.initial_delay), offsets: Offsets::default() };
        Some(groups.entry(group_id.to_owned()).or_insert_with(fresh))
    }
}

/// A request that waits. Dropped unanswered, because its connection is gone, it tells the group.
struct Held<'a> {
    coordinator: &'a Coordinator,
    group_id: &'a str,
    ticket: Ticket,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.coordinator.abandon(self.group_id, self.ticket);
    }
}
