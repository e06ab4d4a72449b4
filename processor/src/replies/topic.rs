//! One topic that replies may go to, and what is known of its partitions.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use kafka::Kafka;
use kafka::topics::{self, TopicError};
use parking_lot::Mutex;
use tokio::time::{Duration, sleep};

use super::partitioner::partition_of;

/// How long a topic that lacks a partition is taken to lack it: topics grow, and requests may name anything.
const BELIEVED: Duration = Duration::from_secs(1);

/// Time between two attempts to ask while Kafka does not answer.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(crate) struct ReplyTopic {
    name: String,
    known: Mutex<Known>,
    /// Whoever holds it asks; the others wait for what comes of it.
    asking: tokio::sync::Mutex<()>,
    /// Replies without a key take the partitions in turn.
    turn: AtomicU32,
}

#[derive(Debug, Clone, Copy, Default)]
struct Known {
    /// 0 if there is no such topic.
    partitions: Option<i32>,
    asked: Option<Instant>,
    answered: Option<Instant>,
}

/// Where in a topic a reply goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Partition(i32),
    /// Nobody can say before [`ReplyTopic::look_up`] has returned.
    Unknown,
    /// The topic has no such partition.
    NoSuchPartition(i32),
    NoSuchTopic,
}

impl ReplyTopic {
    pub(crate) fn new(name: String) -> Self {
        Self { name, known: Mutex::default(), asking: tokio::sync::Mutex::default(), turn: AtomicU32::new(0) }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The topic has this many partitions: 0 if there is none.
    pub(crate) fn learn(&self, partitions: i32, now: Instant) {
        *self.known.lock() = Known { partitions: Some(partitions), asked: Some(now), answered: Some(now) };
    }

    /// The place of a reply to a request that names this partition, or none.
    pub(crate) fn place(&self, named: Option<i32>, key: Option<&[u8]>, now: Instant) -> Place {
        let known = *self.known.lock();
        let Some(partitions) = known.partitions else { return Place::Unknown };
        let believed = known.answered.is_some_and(|at| now.saturating_duration_since(at) < BELIEVED);
        match named {
            Some(partition) if partition < partitions => Place::Partition(partition),
            _ if partitions == 0 && believed => Place::NoSuchTopic,
            Some(partition) if believed => Place::NoSuchPartition(partition),
            None if partitions > 0 => Place::Partition(self.any(key, partitions)),
            _ => Place::Unknown,
        }
    }

    /// Any partition that exists, as far as is known: `None` if there is none.
    pub(crate) fn any_place(&self, key: Option<&[u8]>) -> Option<i32> {
        let partitions = self.known.lock().partitions.filter(|partitions| *partitions > 0)?;
        Some(self.any(key, partitions))
    }

    /// Asks Kafka, once for all who want to know. Returns after an attempt, whether it told anything or not, so
    /// that the caller looks again whether it still needs to know. Bounded by the calls' own timeout.
    pub(crate) async fn look_up(&self, kafka: &Kafka) {
        let began = Instant::now();
        let one_at_a_time = self.asking.lock().await;
        let Known { asked, answered, .. } = *self.known.lock();
        if answered.is_some_and(|at| at >= began) {
            return;
        }
        if asked.is_some_and(|at| at.elapsed() < ASK_AGAIN_AFTER) {
            drop(one_at_a_time);
            sleep(ASK_AGAIN_AFTER).await;
            return;
        }
        let found = topics::partition_count(kafka, &self.name).await;
        let now = Instant::now();
        match found {
            Ok(partitions) => self.learn(partitions, now),
            Err(TopicError::Missing { .. }) => self.learn(0, now),
            Err(error) => {
                tracing::debug!(topic = self.name, %error, "cannot look up a reply topic");
                self.known.lock().asked = Some(now);
            }
        }
    }

    fn any(&self, key: Option<&[u8]>, partitions: i32) -> i32 {
        match key {
            Some(key) => partition_of(key, partitions),
            None => {
                let turn = self.turn.fetch_add(1, Ordering::Relaxed) % partitions.unsigned_abs().max(1);
                i32::try_from(turn).expect("less than the number of partitions")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(partitions: i32, now: Instant) -> ReplyTopic {
        let topic = ReplyTopic::new("hash_responses".into());
        topic.learn(partitions, now);
        topic
    }

    #[test]
    fn a_named_partition_that_exists_is_taken() {
        let now = Instant::now();
        let topic = topic(3, now);
        for partition in 0..3 {
            assert_eq!(topic.place(Some(partition), Some(b"key"), now), Place::Partition(partition));
        }
    }

    #[test]
    fn a_partition_that_is_missing_is_looked_up_at_most_once_a_second() {
        let now = Instant::now();
        let topic = topic(3, now);
        assert_eq!(topic.place(Some(3), None, now), Place::NoSuchPartition(3));
        assert_eq!(topic.place(Some(3), None, now + BELIEVED), Place::Unknown);
        topic.learn(4, now);
        assert_eq!(topic.place(Some(3), None, now + BELIEVED), Place::Partition(3));
    }

    #[test]
    fn nothing_is_said_of_a_topic_that_was_never_looked_up() {
        let topic = ReplyTopic::new("elsewhere".into());
        assert_eq!(topic.place(None, Some(b"key"), Instant::now()), Place::Unknown);
        assert_eq!(topic.any_place(None), None);
    }

    #[test]
    fn a_topic_that_is_missing_has_no_place_at_all() {
        let now = Instant::now();
        let topic = topic(0, now);
        assert_eq!(topic.place(None, None, now), Place::NoSuchTopic);
        assert_eq!(topic.place(Some(0), None, now), Place::NoSuchTopic);
        assert_eq!(topic.place(Some(0), None, now + BELIEVED), Place::Unknown);
        assert_eq!(topic.any_place(None), None);
    }

    #[test]
    fn equal_keys_land_together_and_replies_without_key_take_turns() {
        let now = Instant::now();
        let topic = topic(3, now);
        let by_key = topic.place(None, Some(b"test-123"), now);
        assert_eq!(topic.place(None, Some(b"test-123"), now), by_key);
        let turns: Vec<_> = (0..4).filter_map(|_| topic.any_place(None)).collect();
        assert_eq!(turns, [0, 1, 2, 0]);
    }
}
