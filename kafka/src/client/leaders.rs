//! Who leads which partition, as last heard, and by how many changes since the start.

use std::{collections::HashMap, time::Duration};

use kafka_protocol::ResponseError;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::wire::{Metadata, Topic};

/// A topic that is said to be missing for so long, and by nobody to be there, is forgotten. A broker that has just started,
/// or has not heard of a new topic yet, says so for seconds.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(10);

/// What this process was told of leaders. One entry for each partition of the topics that it uses and that are there.
#[derive(Debug, Default)]
pub(super) struct Leaders {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    by_topic: HashMap<String, Partitions>,
    /// How often a leader has turned out to be another.
    changes: u64,
}

#[derive(Debug, Default)]
struct Partitions {
    of: HashMap<i32, Known>,
    /// Since when the topic is said to be missing.
    missing_since: Option<Instant>,
}

#[derive(Debug)]
struct Known {
    topic_id: Option<u128>,
    id: i32,
    epoch: i32,
    address: String,
    /// Which of the changes made it the leader; 0 for the first that we knew.
    change: u64,
}

impl Leaders {
    /// Takes in what a broker says of leaders; a partition without one keeps its last one here. Gives how many changes
    /// are known by now, none of which is news to that broker. Nothing if something is: a broker that is cut off from the
    /// others goes on telling of leaders of the past.
    pub(super) fn saw(&self, view: &Metadata, now: Instant) -> Option<u64> {
        let state = &mut *self.state.lock();
        let mut is_up_to_date = true;
        for topic in &view.topics {
            if topic.partitions.is_empty() {
                state.misses(topic, now);
                continue;
            }
            let known = state.by_topic.entry(topic.name.clone()).or_default();
            known.missing_since = None;
            let known = &mut known.of;
            for partition in &topic.partitions {
                let leader = partition.leader.and_then(|id| view.broker(id));
                let (Some(leader), epoch) = (leader, partition.leader_epoch) else { continue };
                let before = known.get(&partition.index);
                // Epochs count within the life of a topic.
                if before.is_some_and(|it| topic.id.is_some() && it.topic_id == topic.id && it.epoch > epoch)
                {
                    is_up_to_date = false;
                    continue;
                }
                let change = match before {
                    Some(before) if before.id == leader.id && !is_another(before.topic_id, topic.id) => {
                        before.change
                    }
                    Some(_) => {
                        state.changes += 1;
                        state.changes
                    }
                    None => 0,
                };
                let topic_id = topic.id.or(before.and_then(|it| it.topic_id));
                let (id, address) = (leader.id, leader.address());
                known.insert(partition.index, Known { topic_id, id, epoch, address, change });
            }
        }
        is_up_to_date.then_some(state.changes)
    }

    /// The change that made a broker the partition's leader, by its number. Who does not know of it is not to be
    /// believed.
    pub(super) fn change(&self, topic: &str, partition: i32) -> u64 {
        self.known(topic, partition, |known| known.change).unwrap_or(0)
    }

    /// Which broker leads a partition, as last known.
    pub(super) fn leader(&self, topic: &str, partition: i32) -> Option<i32> {
        self.known(topic, partition, |known| known.id)
    }

    /// Where the last known leader of a partition listens.
    pub(super) fn address(&self, topic: &str, partition: i32) -> Option<String> {
        self.known(topic, partition, |known| known.address.clone())
    }

    /// The topics of which anything was told.
    pub(super) fn topics(&self) -> Vec<String> {
        self.state.lock().by_topic.keys().cloned().collect()
    }

    fn known<T>(&self, topic: &str, partition: i32, read: impl FnOnce(&Known) -> T) -> Option<T> {
        Some(read(self.state.lock().by_topic.get(topic)?.of.get(&partition)?))
    }
}

impl State {
    /// A broker tells of no partitions of the topic.
    fn misses(&mut self, topic: &Topic, now: Instant) {
        if topic.error != Some(ResponseError::UnknownTopicOrPartition) {
            return;
        }
        let Some(known) = self.by_topic.get_mut(&topic.name) else { return };
        let since = *known.missing_since.get_or_insert(now);
        if now.saturating_duration_since(since) >= FORGOTTEN_AFTER {
            self.by_topic.remove(&topic.name);
        }
    }
}

/// Whether a topic was created anew. A broker that is older than topic ids cannot say.
fn is_another(before: Option<u128>, now: Option<u128>) -> bool {
    matches!((before, now), (Some(before), Some(now)) if before != now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Broker, Partition, Topic};

    fn view(id: Option<u128>, leader: Option<i32>, leader_epoch: i32) -> Metadata {
        let broker = |id: i32| Broker { id, host: format!("host-{id}"), port: 9092 };
        let partition =
            Partition { index: 0, leader, leader_epoch, replicas: Vec::new(), in_sync: Vec::new() };
        let topic = Topic { name: "topic".to_owned(), id, error: None, partitions: vec![partition] };
        Metadata { brokers: vec![broker(1), broker(2)], controller_id: None, topics: vec![topic] }
    }

    #[test]
    fn a_change_is_one_to_another_leader() {
        let leaders = Leaders::default();
        assert_eq!((leaders.change("topic", 0), leaders.address("topic", 0)), (0, None));
        for (seen, address, changes) in [
            (Some(1), "host-1:9092", 0),
            (None, "host-1:9092", 0),
            (Some(1), "host-1:9092", 0),
            (Some(2), "host-2:9092", 1),
            (Some(2), "host-2:9092", 1),
            (Some(1), "host-1:9092", 2),
        ] {
            assert_eq!(leaders.saw(&view(None, seen, -1), Instant::now()), Some(changes));
            assert_eq!(leaders.address("topic", 0).as_deref(), Some(address));
            assert_eq!(leaders.change("topic", 0), changes, "{seen:?}");
        }
        assert_eq!(leaders.topics(), ["topic"]);
    }

    #[test]
    fn a_leader_of_the_past_is_not_believed_unless_the_topic_is_another() {
        let leaders = Leaders::default();
        let told = |id, leader, epoch| {
            let changes = leaders.saw(&view(id, Some(leader), epoch), Instant::now());
            (changes, leaders.address("topic", 0).unwrap())
        };
        assert_eq!(told(Some(7), 1, 4), (Some(0), "host-1:9092".to_owned()));
        assert_eq!(told(Some(7), 2, 5), (Some(1), "host-2:9092".to_owned()));
        assert_eq!(told(Some(7), 1, 4), (None, "host-2:9092".to_owned()));
        assert_eq!(told(Some(8), 1, 0), (Some(2), "host-1:9092".to_owned()), "created anew");
        assert_eq!(told(None, 2, -1), (Some(3), "host-2:9092".to_owned()), "one that does not know of ids");
        assert_eq!(told(Some(8), 2, 0), (Some(3), "host-2:9092".to_owned()), "the same as before");
    }

    fn missing(error: ResponseError) -> Metadata {
        let mut view = view(None, None, -1);
        (view.topics[0].error, view.topics[0].partitions) = (Some(error), Vec::new());
        view
    }

    #[test]
    fn a_deleted_topic_is_forgotten_and_one_that_a_broker_does_not_know_yet_is_not() {
        let (leaders, start) = (Leaders::default(), Instant::now());
        let gone = missing(ResponseError::UnknownTopicOrPartition);
        let saw =
            |view: &Metadata, minutes| leaders.saw(view, start + Duration::from_mins(minutes)).is_some();
        saw(&view(Some(7), Some(1), 0), 0);
        for (view, minutes) in [
            (&gone, 1),
            (&view(Some(7), Some(1), 0), 10),
            (&gone, 12),
            (&missing(ResponseError::TopicAuthorizationFailed), 20),
            (&gone, 21),
        ] {
            assert!(saw(view, minutes));
            assert_eq!(leaders.topics(), ["topic"], "after {minutes} minutes");
        }
        assert!(saw(&gone, 22));
        assert_eq!((leaders.topics(), leaders.leader("topic", 0)), (Vec::new(), None));
        assert!(saw(&view(Some(8), Some(2), 0), 23));
        assert_eq!(leaders.leader("topic", 0), Some(2), "created anew");
    }
}
