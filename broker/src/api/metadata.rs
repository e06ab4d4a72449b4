//! Metadata: the one broker there is, and which topics it leads.

use std::collections::BTreeMap;

use kafka_protocol::{
    ResponseError,
    messages::{
        BrokerId, MetadataRequest, MetadataResponse, TopicName,
        metadata_response::{MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic},
    },
    protocol::StrBytes,
};

use super::code;
use crate::{
    dispatch::Call,
    node::NODE_ID,
    topics::{Topic, is_legal_name},
};

/// The leader of a partition that has none.
const NOBODY: BrokerId = BrokerId(-1);

pub(crate) fn answer(call: &Call<'_>, request: MetadataRequest) -> MetadataResponse {
    let may_create = call.version < 4 || request.allow_auto_topic_creation;
    // Version 0 had no null: an empty list asked for everything.
    let wanted = request.topics.filter(|topics| call.version > 0 || !topics.is_empty());
    let topics = match wanted {
        None => {
            call.node.state.topics.names().into_iter().map(|name| topic(call, name.into(), false)).collect()
        }
        Some(wanted) => wanted
            .into_iter()
            .map(|wanted| topic(call, wanted.name.map(StrBytes::from).unwrap_or_default(), may_create))
            .collect(),
    };
    let broker = MetadataResponseBroker::default()
        .with_node_id(BrokerId(NODE_ID))
        .with_host(call.endpoint.host.clone().into())
        .with_port(i32::from(call.endpoint.port));
    MetadataResponse::default()
        .with_brokers(vec![broker])
        .with_cluster_id(Some(StrBytes::from_static_str("embedded")))
        .with_controller_id(BrokerId(NODE_ID))
        .with_topics(topics)
}

fn topic(call: &Call<'_>, name: StrBytes, may_create: bool) -> MetadataResponseTopic {
    let found = find_or_create(call, &name, may_create);
    let partitions = found.map(|topic| {
        let led = |index| !call.node.faults.is_leaderless(&name, index);
        topic.partitions().map(|(index, _)| partition(index, led(index), call.version)).collect()
    });
    let response = MetadataResponseTopic::default().with_name(Some(TopicName(name)));
    match partitions {
        Err(error) => response.with_error_code(error.code()),
        Ok(partitions) => response.with_partitions(partitions),
    }
}

fn find_or_create(
    call: &Call<'_>,
    name: &str,
    may_create: bool,
) -> Result<std::sync::Arc<Topic>, ResponseError> {
    let (node, topics) = (call.node, &call.node.state.topics);
    if let Some(topic) = topics.get(name) {
        return Ok(topic);
    }
    if !is_legal_name(name) {
        return Err(ResponseError::InvalidTopicException);
    }
    match node.config.auto_create_partitions {
        Some(partitions) if may_create => topics
            .create(&node.config, name, partitions, &BTreeMap::new())
            // Created by another connection a moment ago is as good.
            .or_else(|refused| topics.get(name).ok_or(refused.error)),
        _ => Err(ResponseError::UnknownTopicOrPartition),
    }
}

fn partition(index: i32, led: bool, version: i16) -> MetadataResponsePartition {
    let response = MetadataResponsePartition::default()
        .with_error_code(code((!led).then_some(ResponseError::LeaderNotAvailable)))
        .with_partition_index(index)
        .with_leader_id(if led { BrokerId(NODE_ID) } else { NOBODY })
        .with_replica_nodes(vec![BrokerId(NODE_ID)])
        .with_isr_nodes(vec![BrokerId(NODE_ID)]);
    if version >= 7 { response.with_leader_epoch(0) } else { response }
}
