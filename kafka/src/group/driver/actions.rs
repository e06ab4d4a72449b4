//! How each action is done.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio::time::timeout;

use super::{BeatEnd, Driver, JoinEnd, OffsetsEnd, beat_limit, now};
use crate::{
    group::{
        calls,
        event::RevokeDone,
        offsets,
        state::{Action, Identity},
    },
    wire::{WireError, open_coordinator},
};

/// A look-up of the coordinator is this many network calls: connect, ask, connect.
const LOOKUP_CALLS: u32 = 3;

impl Driver {
    pub(super) fn perform(&mut self, action: Action) {
        match action {
            Action::FindCoordinator => self.begin_seek(),
            Action::AbandonJoin => self.join.abandon(),
            Action::Join { member_id, owned, generation, reason } => {
                self.begin_join(member_id, owned, generation, reason);
            }
            Action::Sync { by, shares } => {
                let (config, limit, sent) = (self.config.clone(), self.join_limit(), now());
                let joined_at = self.joined_at.unwrap_or(sent);
                self.join.call(
                    (self.coordinator.as_deref().unwrap_or_default(), self.kafka.config(), limit),
                    async move |c| calls::sync(c, &config, &by, &shares, joined_at, limit).await,
                    move |answer| JoinEnd::Synced { sent, answer },
                );
            }
            Action::Beat(by) => self.begin_beat(by),
            Action::FetchOffsets(partitions) => {
                self.fetch = Some(partitions);
                self.begin_fetch();
            }
            Action::Announce(assigned) => {
                self.shared.settle(|positions| positions.begin(&assigned));
                self.shared.post(|mailbox| mailbox.assign(assigned));
            }
            Action::Revoke { revocation, partitions } => {
                let done = RevokeDone::new(revocation, Arc::clone(&self.shared.finished));
                self.shared.post(|mailbox| mailbox.revoke(partitions, done));
            }
            Action::Flush => self.schedule.hurry(),
            Action::Release(partitions) => self.shared.settle(|positions| positions.end(&partitions)),
            Action::Lose(partitions) => {
                self.shared.settle(|positions| positions.end(&partitions));
                self.shared.post(|mailbox| mailbox.lose(partitions));
            }
            Action::CountPartitions(count) => self.shared.post(|mailbox| mailbox.count(count)),
        }
    }

    fn begin_seek(&mut self) {
        let (kafka, group_id) = (self.kafka.clone(), self.config.group_id.clone());
        let (former, limit) = (self.coordinator.clone(), self.seek_limit);
        self.seek_limit = (limit * 2).min(kafka.config().timeout * LOOKUP_CALLS);
        self.seek.begin(async move {
            let found = timeout(limit, open_coordinator(&kafka, &group_id, former.as_deref())).await;
            found.unwrap_or_else(|_| {
                let (address, call) = (kafka.config().brokers.join(", "), "the look-up".to_owned());
                Err(WireError::Timeout { address, call, limit })
            })
        });
    }

    fn begin_join(&mut self, member_id: String, owned: BTreeSet<i32>, generation: i32, reason: &'static str) {
        tracing::debug!(member_id, reason, "joining");
        self.joined_at.get_or_insert_with(now);
        let (config, limit) = (self.config.clone(), self.join_limit());
        self.join.call(
            (self.coordinator.as_deref().unwrap_or_default(), self.kafka.config(), limit),
            async move |c| calls::join(c, &config, &member_id, (&owned, generation), reason, limit).await,
            JoinEnd::Joined,
        );
    }

    fn begin_beat(&mut self, by: Identity) {
        let limit = beat_limit(&self.config, self.kafka.config().timeout);
        let (group_id, asker, sent) = (self.config.group_id.clone(), by.clone(), now());
        self.beat.call(
            (self.coordinator.as_deref().unwrap_or_default(), self.kafka.config(), limit),
            async move |c| calls::heartbeat(c, &group_id, &asker, limit).await,
            move |answer| BeatEnd { by, sent, answer },
        );
    }

    /// Asks for offsets, if that is wanted and the lane is free.
    pub(super) fn begin_fetch(&mut self) {
        if !self.offsets.is_idle() {
            return;
        }
        let Some(partitions) = self.fetch.take() else { return };
        let partitions: Vec<i32> = partitions.into_iter().collect();
        let (group_id, topic) = (self.config.group_id.clone(), self.config.topic.clone());
        let limit = self.kafka.config().timeout;
        self.offsets.call(
            (self.coordinator.as_deref().unwrap_or_default(), self.kafka.config(), limit),
            async move |c| offsets::fetch(c, &group_id, &topic, &partitions, limit).await,
            OffsetsEnd::Fetched,
        );
    }

    /// A join is parked until everybody has joined or the rebalance timeout is over.
    fn join_limit(&self) -> Duration {
        self.config.rebalance_timeout + self.kafka.config().timeout
    }
}
