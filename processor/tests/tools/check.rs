//! Is the cluster as a worker needs it?

use anyhow::{Result, ensure};

use crate::stand::{DEAD_LETTERS, RESPONSES, Stand};

#[tokio::test]
async fn a_cluster_that_is_right_is_all_ok() -> Result<()> {
    let stand = Stand::start(1).await?;
    let _worker = stand.worker().await?;
    let out = stand.ok("check").await?;
    for part in [
        "ok    broker 127.0.0.1:",
        "ok    cluster: 1 broker, reached at 127.0.0.1:",
        "ok    group workers: 1 member (Stable)",
    ] {
        ensure!(out.contains(part), "{part} in {out}");
    }
    for topic in ["requests", "responses", "requests.dlq"] {
        ensure!(out.lines().any(|line| line.contains(&format!(" topic {topic}: "))), "{topic} in {out}");
    }
    ensure!(!out.contains("FAIL"), "{out}");
    Ok(())
}

#[tokio::test]
async fn what_is_missing_is_named_with_what_to_do() -> Result<()> {
    let stand = Stand::start(1).await?;
    stand.broker.faults().delete_topic(DEAD_LETTERS);
    let out = stand.ok("check --kafka-partitions 3").await?;
    for part in [
        "ok    topic requests.dlq: is missing; the service creates it at its start, with 3 partitions",
        "warn  topic requests: the topic has 1 partitions where 3 are configured; it is used as it is",
        "warn  group workers: no members (Dead): no worker is running",
    ] {
        ensure!(out.contains(part), "{part} in {out}");
    }
    ensure!(stand.broker.partition_count(DEAD_LETTERS).is_none(), "a check creates nothing");
    let failed = stand.run("check --kafka-create-topics false").await?;
    let said = "FAIL  topic requests.dlq: is missing, and KAFKA_CREATE_TOPICS is false: create it";
    ensure!(failed.status == 1 && failed.out.contains(said), "{}", failed.out);
    Ok(())
}

#[tokio::test]
async fn a_record_from_the_future_tells_of_a_wrong_clock() -> Result<()> {
    let stand = Stand::start(1).await?;
    let ahead = kafka::batch::RawRecord {
        timestamp_ms: chrono::Utc::now().timestamp_millis() + 60_000,
        value: Some("x".into()),
        ..Default::default()
    };
    kafka::batch::produce_raw(&stand.kafka, RESPONSES, 0, &[ahead]).await?;
    let out = stand.ok("check").await?;
    ensure!(out.contains("warn  clock: the newest record of responses is dated "), "{out}");
    Ok(())
}

#[tokio::test]
async fn a_broker_that_is_away_or_silent_fails_and_nothing_hangs() -> Result<()> {
    let stand = Stand::start(1).await?;
    let away = stand.run("check --kafka-brokers 127.0.0.1:1").await?;
    ensure!(
        away.status == 1
            && away.out.starts_with("FAIL  broker 127.0.0.1:1: does not answer; is KAFKA_BROKERS right"),
        "{}",
        away.out
    );
    stand.broker.faults().freeze();
    let silent = stand.run("check --kafka-timeout 0.5").await?;
    ensure!(
        silent.status == 1 && silent.out.contains("did not answer connect within 500ms"),
        "{}",
        silent.out
    );
    stand.broker.faults().thaw();
    let one_of_two = format!("check --kafka-brokers 127.0.0.1:1,{}", stand.broker.bootstrap());
    let out = stand.ok(&one_of_two).await?;
    ensure!(out.contains("warn  broker 127.0.0.1:1: does not answer, so others are asked first"), "{out}");
    ensure!(stand.run("check --kafka-timeout never").await?.status == 2);
    Ok(())
}
