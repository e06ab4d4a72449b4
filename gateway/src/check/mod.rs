//! `api-gateway check`: is everything as a gateway needs it, the files that it reads and the cluster?

mod files;

use std::process::ExitCode;

use anyhow::Result;
use kafka::Kafka;
use kafka::check::{Finding, GroupNeed, Level, Needs, TopicNeed, check};
use kafka::permissions::Operation::{Describe, Read, Write};
use kafka::topics::TopicSpec;
use service::settings::{GatewaySettings, KafkaSettings, NoWorker};
use service::{Command, terminal};

const DETAILS: &str = "\
One line each: ok, warn or FAIL, and what to do. Nothing is changed, and no secret is shown. Exit status 1 if anything
fails, 2 if a setting is wrong.";

/// Settings that its help lists.
const SETTINGS: &[&str] = &[
    "KAFKA_BROKERS",
    "KAFKA_REQUEST_TOPIC",
    "KAFKA_RESPONSE_TOPIC",
    "KAFKA_TIMEOUT",
    "KAFKA_PARTITIONS",
    "KAFKA_CREATE_TOPICS",
    "SERVICE_1_GROUP_ID",
    "SERVICE_2_GROUP_ID",
    "SERVICE_1_API_KEYS_FILE",
    "SERVICE_1_JWKS",
    "SERVICE_1_JWKS_CA",
    "SERVICE_1_JWT_ALGORITHMS",
    "SERVICE_1_TLS_CERT",
    "SERVICE_1_TLS_KEY",
    "SERVICE_1_TLS_CLIENT_CA",
];

/// So many single waits for a broker are the longest that all of it may take.
const LONGEST_WAITS: u32 = 6;

/// The command.
pub(crate) fn command() -> Command<GatewaySettings> {
    Command::new("check", "See whether files and cluster are as a gateway needs them", run)
        .uses(SETTINGS)
        .details(DETAILS)
}

fn run(settings: GatewaySettings, (): ()) -> Result<ExitCode> {
    let needs = needs(&settings);
    terminal::run(async |terminal: &terminal::Terminal| {
        let (mut written, mut worst) = (Ok(()), Level::Ok);
        let mut tell = |finding: Finding| {
            worst = worst.max(finding.level);
            if written.is_ok() {
                written = terminal.line(finding);
            }
        };
        files::look(&settings, &mut tell).await;
        match connect::config(&settings.kafka) {
            Ok(config) => {
                check(&Kafka::new(config), &needs, &mut tell).await;
            }
            Err(error) => {
                let text = format!("{:#}", anyhow::Error::from(error));
                tell(Finding { level: Level::Fail, subject: "kafka".to_owned(), text });
            }
        }
        written?;
        Ok(if worst == Level::Fail { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    })
}

fn needs(settings: &GatewaySettings) -> Needs {
    let GatewaySettings { kafka, group_id, worker_group_id, .. } = settings;
    let topic = |name: &str, retention, operations, largest_record| TopicNeed {
        spec: TopicSpec { name: name.to_owned(), partitions: kafka.partitions, retention },
        operations,
        largest_record,
    };
    let requests = topic(
        &kafka.request_topic,
        KafkaSettings::REQUEST_RETENTION,
        &[Write, Describe],
        GatewaySettings::MAX_RECORD_BYTES,
    );
    let responses = topic(&kafka.response_topic, KafkaSettings::RESPONSE_RETENTION, &[Read, Describe], 0);
    let own = GroupNeed {
        id: group_id.clone(),
        topic: kafka.response_topic.clone(),
        operations: &[Read, Describe],
        if_empty: None,
    };
    let workers = GroupNeed {
        id: worker_group_id.clone(),
        topic: kafka.request_topic.clone(),
        operations: &[Describe],
        if_empty: Some("no worker is running, so requests get 503 no_workers; start hash-processor"),
    };
    let watches_workers = settings.no_worker == NoWorker::Group;
    Needs {
        topics: vec![requests, responses],
        groups: std::iter::once(own).chain(watches_workers.then_some(workers)).collect(),
        creates_topics: kafka.create_topics,
        limit: LONGEST_WAITS * kafka.timeout,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_that_nobody_watches_are_not_looked_for() {
        let groups = |no_worker| {
            let needs = needs(&GatewaySettings { no_worker, ..GatewaySettings::default() });
            needs.groups.into_iter().map(|group| group.id).collect::<Vec<_>>()
        };
        assert_eq!(groups(NoWorker::Group), ["service_1", "service_2"]);
        assert_eq!(groups(NoWorker::Off), ["service_1"]);
    }
}
