//! What both services need to know of Kafka.

use std::time::Duration;

use crate::settings::reader::Reader;
use crate::settings::security::KafkaSecurity;

/// Where Kafka is and which topics are ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaSettings {
    /// `KAFKA_BROKERS`: `host:port` of the brokers to find the cluster by; never empty.
    pub brokers: Vec<String>,
    /// `KAFKA_CLIENT_ID`: the name under which brokers log this client.
    pub client_id: String,
    /// `KAFKA_TIMEOUT`: longest wait for one answer from a broker.
    pub timeout: Duration,
    /// `KAFKA_REQUEST_TOPIC`.
    pub request_topic: String,
    /// `KAFKA_RESPONSE_TOPIC`; never the request topic.
    pub response_topic: String,
    /// `KAFKA_PARTITIONS`: partitions of a topic that has to be created.
    pub partitions: i32,
    /// `KAFKA_CREATE_TOPICS`: whether missing topics are created, or only checked.
    pub create_topics: bool,
    /// `KAFKA_SECURITY_PROTOCOL` and what belongs to it.
    pub security: KafkaSecurity,
}

impl KafkaSettings {
    /// How long a request topic of our making keeps records: as long as anybody may ask what happened.
    pub const REQUEST_RETENTION: Duration = Duration::from_hours(24);
    /// The same of a response topic: replies matter no longer than anybody waits for them.
    pub const RESPONSE_RETENTION: Duration = Duration::from_mins(10);
    /// The same of a dead-letter topic: somebody has to come and look.
    pub const DEAD_LETTER_RETENTION: Duration = Duration::from_hours(14 * 24);

    /// `<request topic>.dlq`, where records that are no requests go.
    pub fn dead_letter_topic(&self) -> String {
        format!("{}.dlq", self.request_topic)
    }

    pub(super) fn read(reader: &mut Reader) -> Self {
        let settings = Self {
            brokers: reader.list("KAFKA_BROKERS"),
            client_id: reader.text("KAFKA_CLIENT_ID"),
            timeout: reader.duration("KAFKA_TIMEOUT"),
            request_topic: reader.text("KAFKA_REQUEST_TOPIC"),
            response_topic: reader.text("KAFKA_RESPONSE_TOPIC"),
            partitions: reader.whole("KAFKA_PARTITIONS"),
            create_topics: reader.switch("KAFKA_CREATE_TOPICS"),
            security: KafkaSecurity::read(reader),
        };
        if settings.request_topic == settings.response_topic {
            let reason =
                format!("both are {:?}; replies would be taken for requests", settings.request_topic);
            reader.conflict("KAFKA_REQUEST_TOPIC and KAFKA_RESPONSE_TOPIC", &reason);
        }
        if settings.response_topic == settings.dead_letter_topic() {
            let reason = format!("{:?} is where dead letters go", settings.response_topic);
            reader.conflict("KAFKA_RESPONSE_TOPIC", &reason);
        }
        settings
    }
}
