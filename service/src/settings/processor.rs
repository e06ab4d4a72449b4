//! The processor's settings.

use std::time::Duration;

use crate::settings::catalogue::Service;
use crate::settings::kafka::KafkaSettings;
use crate::settings::log::LogSettings;
use crate::settings::port::Port;
use crate::settings::reader::Reader;
use crate::settings::traces::TraceSettings;
use crate::settings::{Settings, defaults};

/// Everything the processor can be told. [`Default`] is the catalogue's defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessorSettings {
    /// Where Kafka is.
    pub kafka: KafkaSettings,
    /// How to log.
    pub log: LogSettings,
    /// Which traces go where.
    pub traces: TraceSettings,
    /// `SERVICE_2_GROUP_ID`: consumer group on the request topic.
    pub group_id: String,
    /// `SERVICE_2_MANAGEMENT_PORT`.
    pub management_port: Port,
    /// `SERVICE_2_MAX_AGE`: age past which a request that carries no deadline is dropped.
    pub max_age: Duration,
    /// `SERVICE_2_MAX_IN_FLIGHT`: records of a partition taken and not yet answered; at least 1.
    pub max_in_flight: usize,
    /// `SERVICE_2_REPLY_TOPICS`: topics a request may name for its reply; empty means the default pair, see
    /// [`ProcessorSettings::allowed_reply_topics`].
    pub reply_topics: Vec<String>,
    /// `SERVICE_2_HEAVY_THREADS`: threads for heavy handlers; at least 1.
    pub heavy_threads: usize,
}

impl ProcessorSettings {
    /// The topics a request may name for its reply: those set, else the response topic and
    /// `<request topic>.reply`. The response topic is always among them: replies to requests that name no topic
    /// go there.
    pub fn allowed_reply_topics(&self) -> Vec<String> {
        let response = self.kafka.response_topic.clone();
        let named = if self.reply_topics.is_empty() {
            vec![format!("{}.reply", self.kafka.request_topic)]
        } else {
            self.reply_topics.clone()
        };
        let others = named.into_iter().filter(|topic| *topic != response);
        std::iter::once(response.clone()).chain(others).collect()
    }
}

impl Settings for ProcessorSettings {
    const SERVICE: Service = Service::Processor;

    fn read(reader: &mut Reader) -> Self {
        Self {
            kafka: KafkaSettings::read(reader),
            log: LogSettings::read(reader),
            traces: TraceSettings::read(reader),
            group_id: reader.text("SERVICE_2_GROUP_ID"),
            management_port: Port::read(reader, "SERVICE_2_MANAGEMENT_PORT"),
            max_age: reader.duration("SERVICE_2_MAX_AGE"),
            max_in_flight: reader.whole("SERVICE_2_MAX_IN_FLIGHT"),
            reply_topics: reader.list("SERVICE_2_REPLY_TOPICS"),
            heavy_threads: reader.whole("SERVICE_2_HEAVY_THREADS"),
        }
    }

    fn log(&self) -> &LogSettings {
        &self.log
    }
}

impl Default for ProcessorSettings {
    fn default() -> Self {
        defaults()
    }
}
