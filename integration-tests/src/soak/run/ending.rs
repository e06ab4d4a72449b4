//! How a run ends: everything comes to rest, is counted, and is judged.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use futures::future::{join_all, try_join_all};
use kafka::group::fetch_committed;
use tokio::time::sleep;

use super::{PAUSE, Run};
use crate::checker::{History, Log, Position, Service, Terms, Topic};
use crate::soak::faults::Subject;
use crate::soak::fleet::{Counters, Member};
use crate::soak::report::Report;
use crate::soak::settings::Settings;

/// Longest time for everything to come to rest after the last call has ended.
pub(super) const REST_LIMIT: Duration = Duration::from_secs(60);

/// What a gateway or worker may open for one partition more of both topics: lanes to write on, and a reader.
const SOCKETS_FOR_A_PARTITION: u64 = 6;

/// A process that stops at the end has no callers any more who would have to notice.
const NO_NOTICE: Duration = Duration::ZERO;

impl Run {
    /// Waits until nothing moves any more, calls every gateway once more, and takes the last counters and samples.
    pub(super) async fn rest(&self) -> Result<()> {
        let Subject { fleet, load, .. } = &*self.subject;
        self.settle().await?;
        fleet.call_once_more().await;
        self.settle().await?;
        self.sample(fleet, load).await;
        Ok(())
    }

    /// Waits until nothing moves any more; the counters are asked for last.
    async fn settle(&self) -> Result<()> {
        let Subject { fleet, tail, .. } = &*self.subject;
        loop {
            let samples = fleet.sample(true).await;
            let is_pending = samples.iter().any(|sample| sample.pending > 0);
            let before = self.count().await?;
            if !is_pending && self.has_committed_all().await.unwrap_or(false) {
                tail.catch_up(REST_LIMIT).await?;
                sleep(PAUSE).await;
                if self.count().await? == before {
                    return Ok(());
                }
            }
            sleep(PAUSE).await;
        }
    }

    async fn count(&self) -> Result<Vec<Counters>> {
        let running = self.running();
        try_join_all(running.iter().map(|member| member.count())).await
    }

    fn running(&self) -> Vec<Arc<Member>> {
        let fleet = &self.subject.fleet;
        [fleet.running(Service::Worker), fleet.running(Service::Gateway)].concat()
    }

    async fn has_committed_all(&self) -> Result<bool> {
        let name = self.subject.names.topic(Topic::Requests);
        let committed = self.committed().await?;
        let partitions: Vec<_> = committed.iter().map(|(partition, _)| *partition).collect();
        let ends = kafka::log_ends(&self.subject.kafka, &name, &partitions).await?;
        Ok(ends.iter().zip(&committed).all(|((_, end), (_, offset))| offset.unwrap_or(0) == *end))
    }

    async fn committed(&self) -> Result<Vec<(i32, Option<i64>)>> {
        let Subject { kafka, names, .. } = &*self.subject;
        let name = names.topic(Topic::Requests);
        let partitions: Vec<_> = (0..kafka::topics::partition_count(kafka, &name).await?).collect();
        let committed = fetch_committed(kafka, &names.worker_group(), &name, &partitions).await?;
        Ok(committed.into_iter().collect())
    }

    /// The history, and the end of all processes.
    pub(super) async fn report(self, settings: &Settings) -> Result<Report> {
        let Subject { fleet, load, tail, clock, .. } = &*self.subject;
        let committed = self.committed().await.unwrap_or_else(|error| {
            self.complain(format!("{error:#}"));
            Vec::new()
        });
        let (tailed, now) = (tail.take(), clock.now());
        let mut calls = load.take();
        let first = calls.iter().map(|call| call.number + 1).max().unwrap_or(0);
        calls.extend(self.by_hand.calls(first, &tailed.records, now));
        let mut gateways = fleet.gateways();
        gateways.push(self.by_hand.life(&tailed.losses, now));
        let history = History {
            calls,
            records: tailed.records,
            logs: tailed.logs.clone(),
            losses: tailed.losses,
            gateways,
            workers: fleet.workers(),
            faults: self.faults.lock().clone(),
            committed: committed
                .into_iter()
                .filter_map(|(partition, offset)| Some(Position { partition, offset: offset? }))
                .collect(),
            samples: self.samples.lock().clone(),
            stalls: self.stalls.spans(),
            terms: terms(&tailed.logs, settings),
        };
        let stopped = self.running();
        for stopped in join_all(stopped.iter().map(|member| member.stop(NO_NOTICE))).await {
            if let Err(error) = stopped {
                self.complain(format!("at the end: {error:#}"));
            }
        }
        let mut complaints = self.complaints.lock().clone();
        complaints.extend(tailed.complaints);
        complaints.extend(fleet.complaints());
        if load.held_back() > 0 {
            complaints.push(format!("{} calls were due when too many were under way", load.held_back()));
        }
        let report = Report::of(history, complaints, load.unplaced());
        if !report.is_good() {
            report.write_logs(&settings.logs, &fleet.logs().await)?;
        }
        Ok(report)
    }
}

/// Partitions that were added have sockets of their own.
fn terms(logs: &[Log], settings: &Settings) -> Terms {
    let defaults = Terms::default();
    let most = logs.iter().map(|log| log.partition + 1).max().unwrap_or(0);
    let added = u64::try_from(most - settings.partitions).unwrap_or(0);
    Terms { more_sockets: defaults.more_sockets + SOCKETS_FOR_A_PARTITION * added, ..defaults }
}
