//! `hash-processor check`: is the cluster as a worker needs it?

use std::process::ExitCode;

use anyhow::Result;
use kafka::check::{GroupNeed, Level, Needs, TopicNeed, check};
use kafka::permissions::Operation::{Describe, Read, Write};
use service::Command;
use service::settings::{GatewaySettings, ProcessorSettings};

use super::{OF_CHECK, session};
use crate::processor::topic_specs;

const DETAILS: &str = "\
One line each: ok, warn or FAIL, and what to do. Nothing is changed. Exit status 1 if anything fails, 2 if a
setting is wrong.";

/// So many single waits for a broker are the longest that all of it may take.
const LONGEST_WAITS: u32 = 6;

pub(super) fn command() -> Command<ProcessorSettings> {
    Command::new("check", "See whether the cluster is as a worker needs it", run)
        .uses(OF_CHECK)
        .details(DETAILS)
}

fn run(settings: ProcessorSettings, (): ()) -> Result<ExitCode> {
    let needs = needs(&settings);
    session::run(&settings.kafka, async |session| {
        let mut written = Ok(());
        let mut tell = |finding| {
            if written.is_ok() {
                written = session.line(finding);
            }
        };
        let worst = check(&session.kafka, &needs, &mut tell).await;
        written?;
        Ok(if worst == Level::Fail { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    })
}

fn needs(settings: &ProcessorSettings) -> Needs {
    let [requests, responses, dead_letters] = topic_specs(&settings.kafka);
    let topic = |spec, operations, largest_record| TopicNeed { spec, operations, largest_record };
    Needs {
        topics: vec![
            topic(requests, &[Read, Describe], 0),
            topic(responses, &[Write, Describe], 0),
            topic(dead_letters, &[Write, Describe], GatewaySettings::MAX_RECORD_BYTES),
        ],
        groups: vec![GroupNeed {
            id: settings.group_id.clone(),
            topic: settings.kafka.request_topic.clone(),
            operations: &[Read, Describe],
            if_empty: Some("no worker is running, so gateways answer 503 no_workers; start one"),
        }],
        creates_topics: settings.kafka.create_topics,
        limit: LONGEST_WAITS * settings.kafka.timeout,
    }
}
