//! When the brokers themselves could not serve, as a plain producer sees it that has no one else to ask.
//!
//! The loss of a node is Kafka's to make up for, and until it has done so nobody can write. The probe writes one record
//! after another, each over connections of its own, to every partition of a topic that is spread over all nodes as the
//! services' topics are, and asks for a group's coordinator in between. What it cannot do the services cannot.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures::future::join_all;
use kafka::Kafka;
use kafka::wire;
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records::{Compression, Record, TimestampType};
use parking_lot::Mutex;
use tokio::time::{sleep, timeout};

use super::clock::Clock;
use crate::checker::Span;
use crate::topics::{compressed, create, write_encoded};

/// Partitions of the probe's topic: enough that every node of a small cluster leads one.
const PARTITIONS: i32 = 6;

/// Between two records to one partition.
const EVERY: Duration = Duration::from_millis(250);

/// Between two looks at whether all of them work.
const PAUSE: Duration = Duration::from_millis(20);

/// A write that takes longer counts as an outage.
const LIMIT: Duration = Duration::from_secs(1);

/// Tries the brokers, one after another partition.
pub struct Probe {
    topic: String,
    group: String,
    clock: Clock,
    /// The way past a node that is known to be lost, which would tell of a cluster that is no more.
    kafka: Mutex<Kafka>,
    outages: Mutex<Vec<Span>>,
    /// Outages that go on.
    down: AtomicUsize,
}

impl Probe {
    /// A probe of the cluster behind `kafka`.
    pub fn new(kafka: Kafka, run: &str, group: String, clock: Clock) -> Self {
        Self {
            topic: format!("{run}-probe"),
            group,
            clock,
            kafka: Mutex::new(kafka),
            outages: Mutex::default(),
            down: AtomicUsize::new(0),
        }
    }

    /// Makes the probe's topic, and tries it until dropped.
    pub(super) async fn watch(&self) {
        let kafka = self.kafka();
        while create(&kafka, &self.topic, PARTITIONS).await.is_err() {
            sleep(EVERY).await;
        }
        let partitions = (0..PARTITIONS).map(|partition| self.watch_partition(partition));
        join_all(partitions).await;
    }

    /// From now on only `kafka` is asked.
    pub fn ask(&self, kafka: Kafka) {
        *self.kafka.lock() = kafka;
    }

    /// When the last outage was over that went on after `began`; none if there was none.
    pub fn served_again(&self, began: Duration) -> Option<Duration> {
        self.outages.lock().iter().map(|outage| outage.to).filter(|to| *to > began).max()
    }

    /// Waits until all partitions can be written to.
    ///
    /// # Errors
    /// They cannot within `limit`.
    pub async fn works_again(&self, limit: Duration) -> Result<()> {
        // An outage may have begun that no try has met yet.
        sleep(EVERY + LIMIT).await;
        let all_work = async {
            while self.down.load(Relaxed) > 0 {
                sleep(PAUSE).await;
            }
        };
        timeout(limit, all_work).await.context("the brokers do not serve again")
    }

    async fn watch_partition(&self, partition: i32) {
        loop {
            let from = self.clock.now();
            let mut outage = None;
            while !self.works(partition).await {
                let place = *outage.get_or_insert_with(|| self.begin_outage(from));
                self.extend_outage(place);
                sleep(EVERY).await;
            }
            // What worked in the end did so at the end of its time only.
            if let Some(place) = outage {
                self.extend_outage(place);
                self.down.fetch_sub(1, Relaxed);
            }
            sleep(EVERY).await;
        }
    }

    async fn works(&self, partition: i32) -> bool {
        timeout(LIMIT, self.try_once(partition)).await.is_ok_and(|tried| tried.is_ok())
    }

    fn begin_outage(&self, from: Duration) -> usize {
        self.down.fetch_add(1, Relaxed);
        let mut outages = self.outages.lock();
        outages.push(Span { from, to: from });
        outages.len() - 1
    }

    fn extend_outage(&self, place: usize) {
        if let Some(outage) = self.outages.lock().get_mut(place) {
            outage.to = self.clock.now();
        }
    }

    async fn try_once(&self, partition: i32) -> Result<()> {
        let kafka = self.kafka();
        wire::open_coordinator(&kafka, &self.group, None).await?;
        write_encoded(&kafka, &self.topic, partition, compressed(&[record()], Compression::None)?).await
    }

    fn kafka(&self) -> Kafka {
        self.kafka.lock().clone()
    }
}

fn record() -> Record {
    Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: -1,
        producer_id: -1,
        producer_epoch: -1,
        timestamp_type: TimestampType::Creation,
        offset: 0,
        sequence: -1,
        timestamp: chrono::Utc::now().timestamp_millis(),
        key: None,
        value: Some("is anybody there".into()),
        headers: std::iter::empty::<(StrBytes, Option<bytes::Bytes>)>().collect(),
    }
}
