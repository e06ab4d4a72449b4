//! One connection to one partition, with at most one produce request under way.

use std::{sync::Arc, time::Duration};

use rskafka::{
    client::partition::{Compression, OffsetAt},
    record::Record,
};
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::{
    Batch, Courier, WriteError,
    queue::{Bell, Queue, Work},
    spare::Spare,
    stats::Counters,
    verdict::Verdict,
};
use crate::{
    Backoff, CallError, Kafka,
    client::{Leader, Trouble},
    health::Pulse,
    metrics::{ErrorType, Sends},
};

/// An idle lane that gets no answer for so long is counted as down.
const PROBE_LIMIT: Duration = Duration::from_secs(1);

pub(super) struct Lane<C: Courier> {
    queue: Arc<Queue<C>>,
    counters: Arc<Counters>,
    /// What all writers have sent to the topic.
    sends: Arc<Sends>,
    kafka: Kafka,
    topic: Arc<str>,
    bell: Arc<Bell>,
    pulse: Pulse,
    is_up: bool,
    trouble: Trouble,
    backoff: Backoff,
    /// Batches to be sent before anything new, the last one first.
    kept: Vec<Kept<C::Token>>,
    /// Records that need no more attention, since the queue was last told.
    settled: usize,
    /// How long produce requests take that Kafka carries out: the quick ones of late, for one that was slow may have waited
    /// for us.
    took: Duration,
    spare: Spare,
}

/// A batch that is to be sent.
struct Kept<T> {
    records: Batch<T>,
    /// An attempt failed without a word of what became of them.
    may_be_written: bool,
}

impl<C: Courier> Lane<C> {
    pub(super) fn new(
        queue: Arc<Queue<C>>,
        counters: Arc<Counters>,
        kafka: Kafka,
        topic: Arc<str>,
        partition: i32,
    ) -> Self {
        let (bell, pulse) = (queue.add_lane(partition), kafka.health().register());
        Self {
            queue,
            counters,
            sends: kafka.tallies().sends(&topic),
            kafka,
            topic,
            bell,
            pulse,
            is_up: false,
            trouble: Trouble::default(),
            backoff: Backoff::new(),
            kept: Vec::new(),
            settled: 0,
            took: Duration::ZERO,
            spare: Spare::default(),
        }
    }

    /// Never ends by itself.
    pub(super) async fn run(mut self) {
        loop {
            let error = match Leader::connect(&self.kafka, &self.topic, self.bell.partition).await {
                Ok(leader) => self.serve(&leader).await,
                Err(error) => error,
            };
            self.down(&error);
            self.backoff.pause().await;
        }
    }

    /// Sends batches until the connection has to be replaced.
    async fn serve(&mut self, leader: &Leader) -> CallError {
        loop {
            while let Some(batch) = self.kept.pop() {
                if let Err(error) = self.attempt(leader, batch).await {
                    return error;
                }
            }
            self.up();
            let settled = std::mem::take(&mut self.settled);
            match self.queue.next(&self.bell, settled, self.took).await {
                Work::Send(records) => self.kept.push(Kept { records, may_be_written: false }),
                Work::Probe => {
                    let limit = self.kafka.config().timeout.min(PROBE_LIMIT);
                    if let Err(error) = leader.offset(OffsetAt::Latest, limit).await {
                        return error;
                    }
                }
            }
        }
    }

    /// Sends those of the batch that are still wanted, once. Keeps what is to be sent again; an error means that
    /// another connection should be tried.
    async fn attempt(&mut self, leader: &Leader, batch: Kept<C::Token>) -> Result<(), CallError> {
        let Kept { records, may_be_written } = batch;
        let (records, tokens) = self.depart(records);
        if records.is_empty() {
            // A crowd whose time is over is dropped batch by batch, and others have something to do as well.
            tokio::task::yield_now().await;
            return Ok(());
        }
        let sent_at = Instant::now();
        let produce = leader.client.produce(records, Compression::NoCompression);
        let answer = leader.answer("produce", self.kafka.config().timeout, produce).await;
        let error = match answer {
            Ok(offsets) => {
                self.deliver(tokens, &offsets, sent_at.elapsed());
                return Ok(());
            }
            Err(error) => error,
        };
        self.counters.failed();
        self.sends.failed(ErrorType::from(&error), sent_at.elapsed());
        match Verdict::on(&error) {
            Verdict::Retry => {
                let records = self.spare.restore().into_iter().zip(tokens).collect();
                self.kept.push(Kept { records, may_be_written: true });
                return Err(error);
            }
            Verdict::Guilty(_) if tokens.len() > 1 => {
                let mut first: Batch<_> = self.spare.restore().into_iter().zip(tokens).collect();
                let second = first.split_off(first.len() / 2);
                self.kept.extend([second, first].map(|records| Kept { records, may_be_written }));
            }
            Verdict::Guilty(reason) | Verdict::Refused(reason) => {
                self.refuse(tokens, &reason, may_be_written);
            }
        }
        Ok(())
    }

    /// Asks for each record whether it is still wanted, and copies those that are, in case they have to be sent again.
    fn depart(&mut self, batch: Batch<C::Token>) -> (Vec<Record>, Vec<C::Token>) {
        let of = batch.len();
        let (mut records, mut tokens) = (Vec::with_capacity(of), Vec::with_capacity(of));
        self.spare.clear();
        for (record, token) in batch {
            if self.queue.courier().departing(&token, self.bell.partition) {
                self.spare.add(&record);
                records.push(record);
                tokens.push(token);
            }
        }
        let unwanted = of - records.len();
        if unwanted > 0 {
            self.counters.unwanted(unwanted);
            self.settled += unwanted;
        }
        (records, tokens)
    }

    fn deliver(&mut self, tokens: Vec<C::Token>, offsets: &[i64], took: Duration) {
        self.counters.delivered(tokens.len());
        self.sends.acknowledged(tokens.len(), took);
        self.settled += tokens.len();
        self.took = quick_of_late(self.took, took);
        for (token, offset) in tokens.into_iter().zip(offsets) {
            self.queue.courier().delivered(token, self.bell.partition, *offset);
        }
        self.backoff.reset();
    }

    fn refuse(&mut self, tokens: Vec<C::Token>, reason: &WriteError, may_be_written: bool) {
        debug!(topic = &*self.topic, partition = self.bell.partition, records = tokens.len(), %reason, "refused");
        self.counters.refused(tokens.len());
        self.sends.refused(tokens.len(), *reason == WriteError::TooLarge);
        self.settled += tokens.len();
        for token in tokens {
            self.queue.courier().failed(token, reason, may_be_written);
        }
    }

    /// The connection works, and nothing is left of what failed before.
    fn up(&mut self) {
        if self.is_up {
            return;
        }
        self.is_up = true;
        self.backoff.reset();
        self.pulse.up();
        self.queue.set_connected(&self.bell, true);
        if self.trouble.over() {
            info!(topic = &*self.topic, partition = self.bell.partition, "writing again");
        }
    }

    fn down(&mut self, error: &CallError) {
        let (error, partition) = (error.in_words(), self.bell.partition);
        self.pulse.down(&error);
        if std::mem::take(&mut self.is_up) {
            self.queue.set_connected(&self.bell, false);
        }
        let (topic, records) =
            (&*self.topic, self.kept.iter().map(|batch| batch.records.len()).sum::<usize>());
        if self.trouble.again(Instant::now(), !self.kafka.health().is_cut_off()) {
            warn!(topic, partition, error, records, "cannot write; trying on");
        } else {
            debug!(topic, partition, error, records, "cannot write");
        }
    }
}

/// What is quicker counts at once, and so does the first one; what is slower by an eighth.
fn quick_of_late(before: Duration, now: Duration) -> Duration {
    if before.is_zero() { now } else { now.min(before + now.saturating_sub(before) / 8) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slow_call_among_quick_ones_hardly_counts_and_many_do() {
        let (quick, slow) = (Duration::from_millis(1), Duration::from_millis(9));
        assert_eq!(quick_of_late(Duration::ZERO, slow), slow, "the first one");
        let took = quick_of_late(quick, slow);
        assert_eq!(took, Duration::from_millis(2));
        assert_eq!(quick_of_late(took, quick), quick);
        let took = (0..60).fold(quick, |took, _| quick_of_late(took, slow));
        assert!(took > Duration::from_micros(8_900), "{took:?}");
    }
}
