//! Which topic it is that goes by a name.
//!
//! A topic that was deleted and created anew begins at offset 0 again. When it has grown past our position by the time
//! we are back, fetching there works, and what lies before would be lost without a word. Its id is another, though.

use kafka_protocol::{
    messages::{MetadataRequest, TopicName, metadata_request::MetadataRequestTopic},
    protocol::StrBytes,
};

use crate::{Kafka, wire::WireError};

/// From version 10 topics have ids.
const OLDEST_VERSION: i16 = 10;
const NEWEST_VERSION: i16 = 12;

/// The topic's id; `None` from a broker that gives topics none.
pub(super) async fn topic_id(kafka: &Kafka, topic: &str) -> Result<Option<u128>, WireError> {
    let config = kafka.config();
    let mut connection = kafka.any_broker().await?;
    let Ok(version) = connection.version_within::<MetadataRequest>(OLDEST_VERSION..=NEWEST_VERSION) else {
        return Ok(None);
    };
    let name = TopicName(StrBytes::from_string(topic.to_owned()));
    let request = MetadataRequest::default()
        .with_topics(Some(vec![MetadataRequestTopic::default().with_name(Some(name))]))
        .with_allow_auto_topic_creation(false);
    let answer = connection.call(&request, version, config.timeout).await?;
    let id = answer.topics.first().map(|topic| topic.topic_id.as_u128());
    Ok(id.filter(|id| *id != 0))
}
