//! How many partitions the topic has.

use crate::{
    Kafka,
    wire::{Connection, ResponseError, WireError, metadata},
};

/// Asks any broker; `kept` is the connection of the last time. 0 for a topic that does not exist, which asking does not
/// change.
pub(super) async fn count_partitions(
    kept: Option<Connection>,
    kafka: Kafka,
    topic: String,
) -> (Option<Connection>, Result<i32, WireError>) {
    let mut connection = match kept {
        Some(connection) => connection,
        None => match kafka.any_broker().await {
            Ok(connection) => connection,
            Err(error) => return (None, Err(error)),
        },
    };
    match metadata(&mut connection, Some(&[&topic]), kafka.config()).await {
        Ok(view) => match kafka.heard(connection.address(), &view) {
            Ok(_) => (Some(connection), read(&view, &topic)),
            Err(error) => (None, Err(error)),
        },
        Err(error) => (None, Err(error)),
    }
}

fn read(view: &crate::wire::Metadata, topic: &str) -> Result<i32, WireError> {
    let Some(found) = view.topic(topic) else { return Ok(0) };
    match found.error {
        None => Ok(found.partition_count()),
        Some(ResponseError::UnknownTopicOrPartition) => Ok(0),
        Some(error) => Err(WireError::Kafka { what: format!("the look-up of topic {topic}"), error }),
    }
}
