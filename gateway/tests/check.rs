//! `api-gateway check` as a person runs it, against a broker over sockets.

use std::process::Output;
use std::time::Duration;

use embedded_broker::Broker;
use tokio::process::Command;
use tokio::time::timeout;

/// The program ends within this time, or the test fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// Exit status and stdout.
async fn check(broker: &Broker, arguments: &str) -> (Option<i32>, String) {
    let run = Command::new(env!("CARGO_BIN_EXE_api-gateway"))
        .arg("check")
        .args(arguments.split_whitespace())
        .env_clear()
        .env("KAFKA_BROKERS", broker.bootstrap())
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .kill_on_drop(true)
        .output();
    let Output { status, stdout, .. } = timeout(PATIENCE, run).await.expect("it ends").expect("it runs");
    (status.code(), String::from_utf8(stdout).expect("it is text"))
}

#[tokio::test]
async fn it_says_what_a_gateway_needs_and_what_is_not_so() {
    let broker = Broker::start(embedded_broker::Config::default()).await.unwrap();
    broker.create_topic("hash_requests", 3).unwrap();
    let (status, out) = check(&broker, "").await;
    assert_eq!(status, Some(0), "{out}");
    for line in [
        "ok    cluster: 1 broker, reached at 127.0.0.1:",
        "warn  topic hash_requests: the topic has retention.ms",
        "ok    topic hash_responses: is missing; the service creates it at its start, with 3 partitions",
        "ok    group service_1: no members (Dead)",
        "warn  group service_2: no members (Dead): no worker is running, so requests get 503 no_workers",
    ] {
        assert!(out.contains(line), "{line} in\n{out}");
    }
    assert_eq!(broker.topic_names(), ["hash_requests"], "a check creates nothing");
}

#[tokio::test]
async fn a_topic_too_small_for_the_largest_body_is_worth_a_warning() {
    let broker = Broker::start(embedded_broker::Config::default()).await.unwrap();
    let small = [("max.message.bytes".to_owned(), "100000".to_owned())].into();
    broker.create_topic_with("hash_requests", 3, &small).unwrap();
    let (_, out) = check(&broker, "").await;
    assert!(
        out.contains("warn  topic hash_requests: max.message.bytes is 100000: larger records are refused"),
        "{out}"
    );
}

#[tokio::test]
async fn a_failure_is_1_and_nothing_hangs() {
    let broker = Broker::start(embedded_broker::Config::default()).await.unwrap();
    let (status, out) = check(&broker, "--kafka-create-topics false").await;
    assert_eq!(status, Some(1), "{out}");
    assert!(out.contains("FAIL  topic hash_requests: is missing, and KAFKA_CREATE_TOPICS is false"), "{out}");
    broker.faults().freeze();
    let (status, out) = check(&broker, "--kafka-timeout 0.5").await;
    assert_eq!(status, Some(1), "{out}");
    assert!(out.starts_with("FAIL  broker 127.0.0.1:"), "{out}");
}
