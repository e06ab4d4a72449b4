//! The topics that replies may go to. A header may not aim our writes anywhere else.

use std::time::Instant;

use kafka::Kafka;
use protocol::ReplyTo;

use super::topic::{Place, ReplyTopic};

/// A partition of one of the allowed topics, which goes by its place in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Destination {
    pub(crate) topic: usize,
    pub(crate) partition: i32,
}

/// Where a reply may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// There.
    To(Destination),
    /// Nobody can say before [`AllowedTopics::look_up`] of this topic has returned.
    Unknown { topic: usize },
    /// The request names a topic that is not on the list.
    NotAllowed,
    /// The request names a partition that its topic does not have.
    NoSuchPartition(i32),
    /// The topic that the request names does not exist.
    NoSuchTopic,
}

#[derive(Debug)]
pub(crate) struct AllowedTopics {
    /// The first is the response topic, for requests that name none.
    topics: Vec<ReplyTopic>,
}

const RESPONSE_TOPIC: usize = 0;

impl AllowedTopics {
    /// The response topic, which has this many partitions, and others.
    pub(crate) fn new(names: impl IntoIterator<Item = String>, response_partitions: i32) -> Self {
        let topics: Vec<_> = names.into_iter().map(ReplyTopic::new).collect();
        if let Some(response) = topics.get(RESPONSE_TOPIC) {
            response.learn(response_partitions, Instant::now());
        }
        Self { topics }
    }

    pub(crate) fn name(&self, topic: usize) -> &str {
        self.topics.get(topic).map_or("", ReplyTopic::name)
    }

    /// Where the reply to a request with this key goes.
    pub(crate) fn route(&self, reply_to: &ReplyTo<'_>, key: Option<&[u8]>, now: Instant) -> Route {
        let Some(topic) = self.find(reply_to.topic) else { return Route::NotAllowed };
        let named = reply_to.partition.map(|named| named.partition);
        match self.topics[topic].place(named, key, now) {
            Place::Partition(partition) => Route::To(Destination { topic, partition }),
            Place::Unknown => Route::Unknown { topic },
            Place::NoSuchPartition(partition) => Route::NoSuchPartition(partition),
            Place::NoSuchTopic => Route::NoSuchTopic,
        }
    }

    /// Where an error reply goes that cannot wait: as near to what the request names as is known to exist. `None`
    /// only if not even the response topic has a partition.
    pub(crate) fn nearest(&self, reply_to: &ReplyTo<'_>, key: Option<&[u8]>) -> Option<Destination> {
        if let Route::To(destination) = self.route(reply_to, key, Instant::now()) {
            return Some(destination);
        }
        let wanted = self.find(reply_to.topic).unwrap_or(RESPONSE_TOPIC);
        [wanted, RESPONSE_TOPIC].into_iter().find_map(|topic| {
            let partition = self.topics.get(topic)?.any_place(key)?;
            Some(Destination { topic, partition })
        })
    }

    /// Finds out what is unknown of a topic; see [`ReplyTopic::look_up`].
    pub(crate) async fn look_up(&self, topic: usize, kafka: &Kafka) {
        if let Some(topic) = self.topics.get(topic) {
            topic.look_up(kafka).await;
        }
    }

    fn find(&self, named: Option<&str>) -> Option<usize> {
        let Some(named) = named else { return Some(RESPONSE_TOPIC) };
        self.topics.iter().position(|topic| topic.name() == named)
    }
}

#[cfg(test)]
mod tests {
    use protocol::header::{PartitionEncoding, ReplyPartition};

    use super::*;

    fn allowed() -> AllowedTopics {
        AllowedTopics::new(["responses".to_owned(), "requests.reply".to_owned()], 3)
    }

    fn reply_to(topic: Option<&str>, partition: Option<i32>) -> ReplyTo<'_> {
        let partition =
            partition.map(|partition| ReplyPartition { partition, encoding: PartitionEncoding::Binary });
        ReplyTo { topic, partition }
    }

    #[test]
    fn no_topic_means_the_response_topic() {
        let route = allowed().route(&reply_to(None, Some(2)), None, Instant::now());
        assert_eq!(route, Route::To(Destination { topic: RESPONSE_TOPIC, partition: 2 }));
    }

    #[test]
    fn a_topic_outside_the_list_gets_nothing() {
        let allowed = allowed();
        let elsewhere = reply_to(Some("payments"), Some(0));
        assert_eq!(allowed.route(&elsewhere, None, Instant::now()), Route::NotAllowed);
        let told = allowed.nearest(&elsewhere, Some(b"key")).unwrap();
        assert_eq!(allowed.name(told.topic), "responses");
    }

    #[test]
    fn an_allowed_topic_is_looked_up_before_the_first_reply() {
        let allowed = allowed();
        let other = reply_to(Some("requests.reply"), None);
        assert_eq!(allowed.route(&other, None, Instant::now()), Route::Unknown { topic: 1 });
        assert_eq!(allowed.nearest(&other, None).unwrap().topic, RESPONSE_TOPIC, "an error does not wait");
        allowed.topics[1].learn(1, Instant::now());
        let found = Destination { topic: 1, partition: 0 };
        assert_eq!(allowed.route(&other, None, Instant::now()), Route::To(found));
    }

    #[test]
    fn an_error_about_a_missing_partition_goes_elsewhere_on_its_topic() {
        let allowed = allowed();
        allowed.topics[1].learn(2, Instant::now());
        let missing = reply_to(Some("requests.reply"), Some(9));
        assert_eq!(allowed.route(&missing, None, Instant::now()), Route::NoSuchPartition(9));
        let told = allowed.nearest(&missing, Some(b"key")).unwrap();
        assert_eq!(told.topic, 1);
        assert!(told.partition < 2);
    }
}
