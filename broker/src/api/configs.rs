//! DescribeConfigs, for topics and for the broker itself.

use kafka_protocol::{
    ResponseError,
    messages::{
        DescribeConfigsRequest, DescribeConfigsResponse,
        describe_configs_request::DescribeConfigsResource,
        describe_configs_response::{DescribeConfigsResourceResult, DescribeConfigsResult},
    },
    protocol::StrBytes,
};

use crate::{
    config::Config,
    dispatch::Call,
    node::NODE_ID,
    topics::{Refused, SettingKind},
};

const TOPIC: i8 = 2;
const BROKER: i8 = 4;

/// Where a topic's setting comes from: 1, the topic's own; 5, a default.
pub(crate) fn source(own: bool) -> i8 {
    if own { 1 } else { 5 }
}

pub(crate) fn describe(call: &Call<'_>, request: DescribeConfigsRequest) -> DescribeConfigsResponse {
    let results = request.resources.into_iter().map(|wanted| {
        let described = match wanted.resource_type {
            TOPIC => topic(call, &wanted),
            BROKER => broker(call, &wanted),
            other => {
                let message = format!("resources of type {other} have no settings here");
                Err(Refused::new(ResponseError::InvalidRequest, message))
            }
        };
        let result = DescribeConfigsResult::default()
            .with_resource_type(wanted.resource_type)
            .with_resource_name(wanted.resource_name);
        match described {
            Ok(configs) => result.with_configs(configs),
            Err(refused) => {
                result.with_error_code(refused.error.code()).with_error_message(Some(refused.message.into()))
            }
        }
    });
    DescribeConfigsResponse::default().with_results(results.collect())
}

fn topic(
    call: &Call<'_>,
    wanted: &DescribeConfigsResource,
) -> Result<Vec<DescribeConfigsResourceResult>, Refused> {
    let topic = call.node.state.topics.get(&wanted.resource_name);
    let topic = topic.ok_or_else(|| Refused::new(ResponseError::UnknownTopicOrPartition, "no such topic"))?;
    let shown =
        topic.settings.all(&call.node.config).filter(|(setting, ..)| is_asked_for(wanted, setting.name));
    let result = |(setting, value, own): (&'static crate::topics::Setting, String, bool)| {
        entry(setting.name, value, setting.kind).with_config_source(source(own))
    };
    Ok(shown.map(result).collect())
}

fn broker(
    call: &Call<'_>,
    wanted: &DescribeConfigsResource,
) -> Result<Vec<DescribeConfigsResourceResult>, Refused> {
    let name = wanted.resource_name.as_str();
    if !name.is_empty() && name != NODE_ID.to_string() {
        return Err(Refused::new(ResponseError::InvalidRequest, format!("the only broker is {NODE_ID}")));
    }
    /// The broker's properties file, as Kafka numbers the sources.
    const STATIC: i8 = 4;
    let result =
        |(name, kind, value)| entry(name, value, kind).with_config_source(STATIC).with_read_only(true);
    let shown =
        broker_settings(&call.node.config).into_iter().filter(|(name, ..)| is_asked_for(wanted, name));
    Ok(shown.map(result).collect())
}

/// The settings of a Kafka broker that this one has too, under Kafka's names.
fn broker_settings(config: &Config) -> [(&'static str, SettingKind, String); 9] {
    let creates = config.auto_create_partitions.is_some();
    [
        ("auto.create.topics.enable", SettingKind::Boolean, creates.to_string()),
        ("default.replication.factor", SettingKind::Int, "1".to_owned()),
        ("group.initial.rebalance.delay.ms", SettingKind::Int, ms(config.initial_rebalance_delay)),
        ("group.max.session.timeout.ms", SettingKind::Int, ms(config.max_session_timeout)),
        ("group.min.session.timeout.ms", SettingKind::Int, ms(config.min_session_timeout)),
        ("log.retention.bytes", SettingKind::Long, config.retention_bytes.to_string()),
        ("message.max.bytes", SettingKind::Int, config.max_message_bytes.to_string()),
        ("min.insync.replicas", SettingKind::Int, "1".to_owned()),
        ("num.partitions", SettingKind::Int, config.default_partitions.to_string()),
    ]
}

fn ms(duration: std::time::Duration) -> String {
    duration.as_millis().to_string()
}

/// Whether a setting was asked for: by name, or by naming none.
fn is_asked_for(wanted: &DescribeConfigsResource, name: &str) -> bool {
    wanted.configuration_keys.as_ref().is_none_or(|keys| keys.iter().any(|key| key.as_str() == name))
}

fn entry(name: &'static str, value: String, kind: SettingKind) -> DescribeConfigsResourceResult {
    DescribeConfigsResourceResult::default()
        .with_name(StrBytes::from_static_str(name))
        .with_value(Some(value.into()))
        .with_config_type(kind.code())
}
