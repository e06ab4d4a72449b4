//! Every record of the three topics, as it comes.
//!
//! ```text
//!   watch: which partitions are there? ─▶ one reader for each, from its first record on ─▶ Kept
//! ```
//!
//! The tail goes straight to the brokers, whatever proxies the services are led through. A topic that is deleted is
//! taken leave of before ([`Tail::let_go`]) and taken up again when it is there anew ([`Tail::take_up`]): the offsets
//! of its next incarnation begin at 0 again.

mod content;
mod kept;
mod partition;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use kafka::{Kafka, log_ends};
use parking_lot::Mutex;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout};

use super::clock::Clock;
use super::topics::{ALL, Names, find};
use crate::checker::{self, Loss, Seen, Span, Topic};
use kept::{Kept, Log};

/// Between two looks at which partitions there are. Records of a new one are not lost meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Between two looks at whether something has come about.
const PAUSE: Duration = Duration::from_millis(50);

/// The records of a run.
pub struct Tail {
    kafka: Kafka,
    names: Names,
    kept: Arc<Kept>,
    followed: Mutex<Followed>,
}

/// Who follows what.
#[derive(Default)]
struct Followed {
    /// Owns every reader.
    readers: JoinSet<()>,
    handles: BTreeMap<Log, AbortHandle>,
    incarnations: BTreeMap<Topic, Incarnation>,
    losses: Vec<Loss>,
}

/// Which topic it is that goes by the name.
#[derive(Debug, Clone, Copy, Default)]
struct Incarnation {
    number: u32,
    /// It is deleted, or about to be: nobody follows it.
    is_gone: bool,
}

/// Everything that a tail saw.
pub struct Tailed {
    /// Every record.
    pub records: Vec<Seen>,
    /// How far each partition was read.
    pub logs: Vec<checker::Log>,
    /// What deletions took.
    pub losses: Vec<Loss>,
    /// What no tail should see.
    pub complaints: Vec<String>,
}

impl Tail {
    /// A tail that follows nothing yet; [`watch`](Self::watch) makes it.
    pub fn new(kafka: Kafka, names: Names, clock: Clock) -> Self {
        let kept = Arc::new(Kept::new(clock));
        Self { kafka, names, kept, followed: Mutex::default() }
    }

    /// Finds partitions and follows them, until dropped.
    pub async fn watch(&self) {
        loop {
            for topic in ALL {
                // A broker that does not answer is asked again.
                let _ = self.look(topic).await;
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Waits until everything that the topics hold at this moment has been read.
    ///
    /// # Errors
    /// It takes longer than `limit`; says what is missing.
    pub async fn catch_up(&self, limit: Duration) -> Result<()> {
        let mut missing = "the logs' ends".to_owned();
        let caught_up = async {
            let ends = loop {
                match self.ends().await {
                    Ok(ends) => break ends,
                    Err(error) => missing = format!("{error:#}"),
                }
                sleep(PAUSE).await;
            };
            for (log, end) in ends {
                while self.kept.position(log).is_none_or(|position| position < end) {
                    missing = format!("{log} is read up to {:?} of {end}", self.kept.position(log));
                    sleep(PAUSE).await;
                }
            }
        };
        let waited = timeout(limit, caught_up).await;
        waited.with_context(|| format!("the tail has not caught up: {missing}"))
    }

    /// Takes leave of `topic`, which is about to be deleted. Returns the moment up to which everything in it was read.
    ///
    /// # Errors
    /// What is in it cannot be read within `limit`.
    pub async fn let_go(&self, topic: Topic, limit: Duration) -> Result<Duration> {
        let from = self.kept.now();
        self.catch_up(limit).await?;
        let mut followed = self.followed.lock();
        followed.incarnations.entry(topic).or_default().is_gone = true;
        followed.handles.retain(|log, reader| {
            if log.topic == topic {
                reader.abort();
            }
            log.topic != topic
        });
        Ok(from)
    }

    /// Waits until `topic` is there anew with another id than `deleted`, and follows it. What was written between
    /// `from` and then may have been lost.
    ///
    /// # Errors
    /// It does not come back within `limit`.
    pub async fn take_up(
        &self,
        topic: Topic,
        deleted: Option<u128>,
        from: Duration,
        limit: Duration,
    ) -> Result<()> {
        let (name, began) = (self.names.topic(topic), Instant::now());
        let mut was_away = false;
        loop {
            match find(&self.kafka, &name).await {
                Ok(None) => was_away = true,
                Ok(Some(found)) if was_away || (found.id.is_some() && found.id != deleted) => break,
                Ok(Some(_)) | Err(_) => {}
            }
            if began.elapsed() > limit {
                bail!("{name} was deleted and has not come back within {limit:?}");
            }
            sleep(PAUSE).await;
        }
        {
            let mut followed = self.followed.lock();
            let incarnation = followed.incarnations.entry(topic).or_default();
            let number = incarnation.number;
            *incarnation = Incarnation { number: number + 1, is_gone: false };
            let during = Span { from, to: self.kept.now() };
            followed.losses.push(Loss { topic, incarnation: number, during });
        }
        self.look(topic).await
    }

    /// Everything.
    pub fn take(&self) -> Tailed {
        let losses = self.followed.lock().losses.clone();
        let (records, logs) = (self.kept.records(), self.kept.logs());
        Tailed { records, logs, losses, complaints: self.kept.complaints() }
    }

    /// Follows the partitions of `topic` that nobody follows.
    async fn look(&self, topic: Topic) -> Result<()> {
        let before = self.incarnation(topic);
        let Some(found) = find(&self.kafka, &self.names.topic(topic)).await? else { return Ok(()) };
        let mut followed = self.followed.lock();
        let now = followed.incarnations.get(&topic).copied().unwrap_or_default();
        // What was seen may be the topic before.
        if now.is_gone || now.number != before.number {
            return Ok(());
        }
        for partition in 0..found.partitions {
            let log = Log { topic, incarnation: now.number, partition };
            if self.kept.begin(log) {
                let name = self.names.topic(topic);
                let reader = partition::follow(self.kafka.clone(), name, log, self.kept.clone());
                let handle = followed.readers.spawn(reader);
                followed.handles.insert(log, handle);
            }
        }
        Ok(())
    }

    /// Where the logs end that are followed, or are about to be.
    async fn ends(&self) -> Result<Vec<(Log, i64)>> {
        let mut ends = Vec::new();
        for topic in ALL {
            let Incarnation { number: incarnation, is_gone } = self.incarnation(topic);
            let name = self.names.topic(topic);
            let found = if is_gone { None } else { find(&self.kafka, &name).await? };
            let Some(found) = found else { continue };
            let partitions: Vec<_> = (0..found.partitions).collect();
            for (partition, end) in log_ends(&self.kafka, &name, &partitions).await? {
                ends.push((Log { topic, incarnation, partition }, end));
            }
        }
        Ok(ends)
    }

    fn incarnation(&self, topic: Topic) -> Incarnation {
        self.followed.lock().incarnations.get(&topic).copied().unwrap_or_default()
    }
}
