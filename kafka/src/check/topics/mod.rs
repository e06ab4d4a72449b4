//! Are the topics there, and if not, can they be created? Those that are there are judged one by one.

mod judge;

use std::collections::HashMap;

use kafka_protocol::ResponseError;

use super::{Existing, Needs, Report, TopicNeed, causes, in_words};
use crate::{
    Config, Kafka,
    permissions::Operations,
    topics::{create, inspect, rights},
    wire::{self, Connection, Metadata, WireError},
};
use judge::judge;

/// Looks at all of them; gives those that are there.
pub(super) async fn look(
    kafka: &Kafka,
    connection: &mut Connection,
    needs: &Needs,
    report: &mut Report<'_>,
) -> Vec<Existing> {
    let config = kafka.config();
    let names: Vec<&str> = needs.topics.iter().map(|need| need.spec.name.as_str()).collect();
    let mut existing = Vec::new();
    let seen = match see(connection, &names, config).await {
        Ok(seen) => seen,
        Err(error) => {
            report.fail("topics", format!("they cannot be looked up ({})", causes(&error)));
            return existing;
        }
    };
    for need in &needs.topics {
        let subject = format!("topic {}", need.spec.name);
        let topic = seen.view.topic(&need.spec.name);
        match topic.map_or(Some(ResponseError::UnknownTopicOrPartition), |topic| topic.error) {
            None => {}
            Some(ResponseError::UnknownTopicOrPartition) => {
                missing(connection, need, needs.creates_topics, config, report).await;
                continue;
            }
            Some(ResponseError::TopicAuthorizationFailed) => {
                report.fail(subject, format!("not to be seen (TopicAuthorizationFailed): {}", grant(need)));
                continue;
            }
            Some(error) => {
                report.fail(subject, format!("cannot be looked up ({error})"));
                continue;
            }
        }
        if let Some(topic) = topic {
            judge(need, topic, &seen, report);
            existing.push(Existing {
                name: need.spec.name.clone(),
                partitions: topic.partitions.iter().map(|partition| partition.index).collect(),
            });
        }
    }
    existing
}

/// What the brokers tell of topics.
struct Seen {
    view: Metadata,
    settings: HashMap<String, inspect::Settings>,
    operations: HashMap<String, Operations>,
}

async fn see(connection: &mut Connection, names: &[&str], config: &Config) -> Result<Seen, WireError> {
    let view = wire::metadata(connection, Some(names), config).await?;
    let there: Vec<&str> =
        view.topics.iter().filter(|topic| topic.error.is_none()).map(|topic| topic.name.as_str()).collect();
    let settings = inspect::settings(connection, &there, config).await?;
    let operations = rights::operations(connection, &there, config).await?;
    Ok(Seen { view, settings, operations })
}

async fn missing(
    connection: &mut Connection,
    need: &TopicNeed,
    creates: bool,
    config: &Config,
    report: &mut Report<'_>,
) {
    let (subject, spec) = (format!("topic {}", need.spec.name), &need.spec);
    if !creates {
        report.fail(subject, "is missing, and KAFKA_CREATE_TOPICS is false: create it");
        return;
    }
    match create::rehearse(connection, spec, config).await {
        Ok(()) => {
            let text = format!(
                "is missing; the service creates it at its start, with {} partitions",
                spec.partitions
            );
            report.ok(subject, text);
        }
        Err(error) => {
            let text = "is missing, and the service cannot create it: create it, or mend this";
            report.fail(subject, format!("{text} ({})", causes(&error)));
        }
    }
}

fn grant(need: &TopicNeed) -> String {
    format!("grant {} on topic {} to this client", in_words(need.operations), need.spec.name)
}
