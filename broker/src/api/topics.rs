//! Creating, deleting and growing topics.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::{
    ResponseError,
    messages::{
        CreatePartitionsRequest, CreatePartitionsResponse, CreateTopicsRequest, CreateTopicsResponse,
        DeleteTopicsRequest, DeleteTopicsResponse,
        create_partitions_response::CreatePartitionsTopicResult,
        create_topics_request::CreatableTopic,
        create_topics_response::{CreatableTopicConfigs, CreatableTopicResult},
        delete_topics_response::DeletableTopicResult,
    },
    protocol::StrBytes,
};

use super::{code, configs};
use crate::{
    dispatch::Call,
    topics::{Refused, Settings},
};

pub(crate) fn create(call: &Call<'_>, request: CreateTopicsRequest) -> CreateTopicsResponse {
    let mut seen = BTreeSet::new();
    let twice: BTreeSet<_> = request
        .topics
        .iter()
        .map(|topic| topic.name.clone())
        .filter(|name| !seen.insert(name.clone()))
        .collect();
    let results = request.topics.into_iter().map(|wanted| {
        let created = if twice.contains(&wanted.name) {
            Err(Refused::new(ResponseError::InvalidRequest, "the topic is named twice in one request"))
        } else {
            create_one(call, &wanted, request.validate_only)
        };
        let result = CreatableTopicResult::default().with_name(wanted.name);
        match created {
            Ok((partitions, configs)) => {
                result.with_num_partitions(partitions).with_replication_factor(1).with_configs(Some(configs))
            }
            Err(refused) => result
                .with_error_code(refused.error.code())
                .with_error_message(Some(refused.message.into()))
                .with_configs(Some(Vec::new())),
        }
    });
    CreateTopicsResponse::default().with_topics(results.collect())
}

fn create_one(
    call: &Call<'_>,
    wanted: &CreatableTopic,
    validate_only: bool,
) -> Result<(i32, Vec<CreatableTopicConfigs>), Refused> {
    let (config, topics) = (&call.node.config, &call.node.state.topics);
    let partitions = partitions_of(wanted, config.default_partitions)?;
    let settings: BTreeMap<_, _> = wanted
        .configs
        .iter()
        .filter_map(|setting| Some((setting.name.to_string(), setting.value.as_ref()?.to_string())))
        .collect();
    let in_force = if validate_only {
        topics.check(config, &wanted.name, partitions, &settings)?;
        Settings::parse(&settings)?
    } else {
        topics.create(config, &wanted.name, partitions, &settings)?.settings.clone()
    };
    let shown = in_force.all(config).map(|(setting, value, own)| {
        CreatableTopicConfigs::default()
            .with_name(StrBytes::from_static_str(setting.name))
            .with_value(Some(value.into()))
            .with_config_source(configs::source(own))
    });
    // Before version 5 the answer has no place for them.
    Ok((partitions, if call.version >= 5 { shown.collect() } else { Vec::new() }))
}

/// How many partitions are wanted, with -1 and explicit assignments resolved.
fn partitions_of(wanted: &CreatableTopic, default: i32) -> Result<i32, Refused> {
    if wanted.replication_factor > 1 {
        let message = "replication factor larger than the number of brokers, which is 1";
        return Err(Refused::new(ResponseError::InvalidReplicationFactor, message));
    }
    if wanted.assignments.is_empty() {
        if wanted.replication_factor == 0 || wanted.replication_factor < -1 {
            let message = "the replication factor is 1, or -1 for the broker's default";
            return Err(Refused::new(ResponseError::InvalidReplicationFactor, message));
        }
        return Ok(if wanted.num_partitions == -1 { default } else { wanted.num_partitions });
    }
    let indexes: BTreeSet<_> =
        wanted.assignments.iter().map(|assignment| assignment.partition_index).collect();
    let count = i32::try_from(wanted.assignments.len()).unwrap_or(i32::MAX);
    if indexes.into_iter().eq(0..count) {
        Ok(count)
    } else {
        let message = "assigned partitions are numbered from 0 without gaps";
        Err(Refused::new(ResponseError::InvalidReplicaAssignment, message))
    }
}

pub(crate) fn delete(call: &Call<'_>, request: DeleteTopicsRequest) -> DeleteTopicsResponse {
    let results = request.topic_names.into_iter().map(|name| {
        let missing = !call.node.state.delete_topic(&name);
        DeletableTopicResult::default()
            .with_error_code(code(missing.then_some(ResponseError::UnknownTopicOrPartition)))
            .with_name(Some(name))
    });
    DeleteTopicsResponse::default().with_responses(results.collect())
}

pub(crate) fn grow(call: &Call<'_>, request: CreatePartitionsRequest) -> CreatePartitionsResponse {
    let results = request.topics.into_iter().map(|wanted| {
        let (config, topics) = (&call.node.config, &call.node.state.topics);
        let refused = topics.grow(config, &wanted.name, wanted.count, request.validate_only).err();
        CreatePartitionsTopicResult::default()
            .with_name(wanted.name)
            .with_error_code(code(refused.as_ref().map(|refused| refused.error)))
            .with_error_message(refused.map(|refused| refused.message.into()))
    });
    CreatePartitionsResponse::default().with_results(results.collect())
}
