//! Who leads which partition, as last heard, and since when we know.

use std::collections::HashMap;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::wire::Metadata;

/// What this process was told of leaders. One entry for each partition of the topics that it uses.
#[derive(Debug, Default)]
pub(super) struct Leaders {
    by_topic: Mutex<HashMap<String, HashMap<i32, Known>>>,
}

#[derive(Debug)]
struct Known {
    topic_id: Option<u128>,
    id: i32,
    epoch: i32,
    address: String,
    /// When it turned out to be another than before, or to lead another topic; none for the first that we knew.
    changed: Option<Instant>,
}

impl Leaders {
    /// Takes in what a broker says of leaders; a partition without one keeps its last one here. Whether it is no older
    /// than what was known: a broker that is cut off from the others goes on telling of leaders of the past.
    pub(super) fn saw(&self, view: &Metadata) -> bool {
        let mut by_topic = self.by_topic.lock();
        let mut is_news = true;
        for topic in &view.topics {
            if topic.partitions.is_empty() {
                continue;
            }
            let known = by_topic.entry(topic.name.clone()).or_default();
            for partition in &topic.partitions {
                let leader = view.brokers.iter().find(|broker| Some(broker.id) == partition.leader);
                let (Some(leader), epoch) = (leader, partition.leader_epoch) else { continue };
                let before = known.get(&partition.index);
                // Epochs count within the life of a topic.
                if before.is_some_and(|it| topic.id.is_some() && it.topic_id == topic.id && it.epoch > epoch)
                {
                    is_news = false;
                    continue;
                }
                let changed = match before {
                    Some(before) if before.id != leader.id || before.topic_id != topic.id => {
                        Some(Instant::now())
                    }
                    Some(before) => before.changed,
                    None => None,
                };
                let (topic_id, id, address) = (topic.id, leader.id, leader.address());
                known.insert(partition.index, Known { topic_id, id, epoch, address, changed });
            }
        }
        is_news
    }

    /// When the partition's leader was last seen to be another than before. What was learned of the cluster earlier
    /// than that is not to be believed.
    pub(super) fn changed(&self, topic: &str, partition: i32) -> Option<Instant> {
        self.by_topic.lock().get(topic)?.get(&partition)?.changed
    }

    /// Which broker leads a partition, as last known.
    pub(super) fn leader(&self, topic: &str, partition: i32) -> Option<i32> {
        Some(self.by_topic.lock().get(topic)?.get(&partition)?.id)
    }

    /// Where the last known leader of a partition listens.
    pub(super) fn address(&self, topic: &str, partition: i32) -> Option<String> {
        Some(self.by_topic.lock().get(topic)?.get(&partition)?.address.clone())
    }
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
        assert_eq!((leaders.changed("topic", 0), leaders.address("topic", 0)), (None, None));
        for (seen, address, changed) in [
            (Some(1), "host-1:9092", false),
            (None, "host-1:9092", false),
            (Some(1), "host-1:9092", false),
            (Some(2), "host-2:9092", true),
            (Some(2), "host-2:9092", true),
        ] {
            assert!(leaders.saw(&view(None, seen, -1)));
            assert_eq!(leaders.address("topic", 0).as_deref(), Some(address));
            assert_eq!(leaders.changed("topic", 0).is_some(), changed, "{seen:?}");
        }
    }

    #[test]
    fn a_leader_of_the_past_is_not_believed_unless_the_topic_is_another() {
        let leaders = Leaders::default();
        let told = |id, leader, epoch| {
            let is_news = leaders.saw(&view(id, Some(leader), epoch));
            (is_news, leaders.address("topic", 0).unwrap())
        };
        assert_eq!(told(Some(7), 1, 4), (true, "host-1:9092".to_owned()));
        assert_eq!(told(Some(7), 2, 5), (true, "host-2:9092".to_owned()));
        assert_eq!(told(Some(7), 1, 4), (false, "host-2:9092".to_owned()));
        assert_eq!(told(Some(8), 1, 0), (true, "host-1:9092".to_owned()), "created anew");
        assert_eq!(told(None, 2, -1), (true, "host-2:9092".to_owned()), "one that does not know of ids");
    }
}
