//! Creates topics at the cluster's controller.

use kafka_protocol::{
    ResponseError,
    messages::{
        CreateTopicsRequest, TopicName,
        create_topics_request::{CreatableTopic, CreatableTopicConfig},
        create_topics_response::CreatableTopicResult,
    },
    protocol::StrBytes,
};
use tokio::time::{Instant, sleep};

use super::{LOOK_AGAIN_AFTER, TopicError, TopicSpec, inspect::RETENTION_MS};
use crate::{
    Config,
    wire::{self, Connection, Metadata, WireError},
};

/// From version 4 (Kafka 2.4) the brokers' default replication can be asked for.
const OLDEST_VERSION: i16 = 4;
const NEWEST_VERSION: i16 = 7;
const DEFAULT_REPLICATION: i16 = -1;

/// Creates `missing`; gives the names of those that this call created, which leaves out what somebody else created
/// meanwhile. While the cluster has no controller it asks again, for `config.timeout`.
pub(super) async fn create(
    connection: &mut Connection,
    view: &Metadata,
    missing: &[&TopicSpec],
    config: &Config,
) -> Result<Vec<String>, TopicError> {
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    let deadline = Instant::now() + config.timeout;
    let mut controller = view.controller().cloned();
    let mut created = Vec::new();
    loop {
        // Where ZooKeeper keeps the cluster only the controller creates topics; elsewhere every broker passes it on.
        let answer = match &controller {
            Some(broker) => {
                request(&mut Connection::open(&broker.address(), config).await?, missing, config).await?
            }
            None => request(connection, missing, config).await?,
        };
        created.extend(answer.iter().filter(|result| result.error_code == 0).map(|r| r.name.to_string()));
        let busy = answer.iter().any(|result| is_passing(result.error_code));
        if !busy || Instant::now() + LOOK_AGAIN_AFTER >= deadline {
            refusal(&answer)?;
            return Ok(created);
        }
        sleep(LOOK_AGAIN_AFTER).await;
        controller = wire::metadata(connection, Some(&[]), config).await?.controller().cloned();
    }
}

async fn request(
    connection: &mut Connection,
    missing: &[&TopicSpec],
    config: &Config,
) -> Result<Vec<CreatableTopicResult>, WireError> {
    let version = connection.version_within::<CreateTopicsRequest>(OLDEST_VERSION..=NEWEST_VERSION)?;
    let request = CreateTopicsRequest::default()
        .with_topics(missing.iter().map(|spec| creatable(spec)).collect())
        .with_timeout_ms(i32::try_from(config.timeout.as_millis()).unwrap_or(i32::MAX));
    Ok(connection.call(&request, version, config.timeout).await?.topics)
}

fn creatable(spec: &TopicSpec) -> CreatableTopic {
    let retention = CreatableTopicConfig::default()
        .with_name(StrBytes::from_static_str(RETENTION_MS))
        .with_value(Some(StrBytes::from_string(spec.retention.as_millis().to_string())));
    CreatableTopic::default()
        .with_name(TopicName(StrBytes::from_string(spec.name.clone())))
        .with_num_partitions(spec.partitions)
        .with_replication_factor(DEFAULT_REPLICATION)
        .with_configs(vec![retention])
}

/// A topic refused so may be created by the next attempt, or was by this one.
fn is_passing(code: i16) -> bool {
    matches!(
        ResponseError::try_from_code(code),
        Some(
            ResponseError::NotController
                | ResponseError::RequestTimedOut
                | ResponseError::ThrottlingQuotaExceeded
        )
    )
}

fn refusal(answer: &[CreatableTopicResult]) -> Result<(), TopicError> {
    for result in answer {
        match ResponseError::try_from_code(result.error_code) {
            None | Some(ResponseError::TopicAlreadyExists) => {}
            Some(error) => {
                return Err(TopicError::refused(
                    "create",
                    &result.name,
                    error,
                    result.error_message.as_deref(),
                ));
            }
        }
    }
    Ok(())
}
