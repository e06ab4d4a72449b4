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
    wire::{self, Connection, WireError},
};

/// From version 4 (Kafka 2.4) the brokers' default replication can be asked for.
const OLDEST_VERSION: i16 = 4;
const NEWEST_VERSION: i16 = 7;
const DEFAULT_REPLICATION: i16 = -1;

/// Creates `missing`; gives the names of those that this call created, which leaves out what somebody else created
/// meanwhile. While the cluster cannot, for want of a controller or of time, it asks again, for `config.timeout`.
pub(super) async fn create(
    connection: &mut Connection,
    missing: &[&TopicSpec],
    config: &Config,
) -> Result<Vec<String>, TopicError> {
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    let deadline = Instant::now() + config.timeout;
    let mut to_controller = None;
    let mut created = Vec::new();
    loop {
        let via = to_controller.as_mut().unwrap_or(connection);
        let answer = request(via, missing, false, config).await?;
        created.extend(answer.iter().filter(|result| result.error_code == 0).map(|r| r.name.to_string()));
        let passing = answer.iter().filter_map(|result| passing(result.error_code)).next();
        if passing.is_none() || Instant::now() + LOOK_AGAIN_AFTER >= deadline {
            refusal(&answer)?;
            return Ok(created);
        }
        sleep(LOOK_AGAIN_AFTER).await;
        // A broker of a KRaft cluster passes the request on; where ZooKeeper keeps the cluster it does not.
        if passing == Some(ResponseError::NotController) {
            to_controller = open_controller(connection, config).await?;
        }
    }
}

async fn open_controller(
    connection: &mut Connection,
    config: &Config,
) -> Result<Option<Connection>, WireError> {
    let view = wire::metadata(connection, Some(&[]), config).await?;
    let Some(controller) = view.controller() else { return Ok(None) };
    Connection::open(&controller.address(), config).await.map(Some)
}

/// Asks the cluster whether it would create `missing`, and creates nothing.
pub(crate) async fn rehearse(
    connection: &mut Connection,
    missing: &TopicSpec,
    config: &Config,
) -> Result<(), TopicError> {
    let mut answer = request(connection, &[missing], true, config).await?;
    let not_controller =
        |result: &CreatableTopicResult| passing(result.error_code) == Some(ResponseError::NotController);
    if answer.iter().any(not_controller)
        && let Some(mut controller) = open_controller(connection, config).await?
    {
        answer = request(&mut controller, &[missing], true, config).await?;
    }
    refusal(&answer)
}

async fn request(
    connection: &mut Connection,
    missing: &[&TopicSpec],
    validate_only: bool,
    config: &Config,
) -> Result<Vec<CreatableTopicResult>, WireError> {
    let version = connection.version_within::<CreateTopicsRequest>(OLDEST_VERSION..=NEWEST_VERSION)?;
    let request = CreateTopicsRequest::default()
        .with_topics(missing.iter().map(|spec| creatable(spec)).collect())
        .with_validate_only(validate_only)
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

/// The error, if a topic refused with it may be created by the next attempt, or was by this one.
fn passing(code: i16) -> Option<ResponseError> {
    ResponseError::try_from_code(code).filter(|error| {
        matches!(
            error,
            ResponseError::NotController
                | ResponseError::RequestTimedOut
                | ResponseError::ThrottlingQuotaExceeded
        )
    })
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
