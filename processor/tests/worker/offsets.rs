//! Where a worker begins, and what it finds when Kafka was away.

use anyhow::{Result, ensure};
use embedded_broker::{ResponseError, Times};
use hash_processor::Operations;

use crate::rig::{DEAD_LETTERS, GROUP, REQUESTS, RESPONSES, Rig, Running, record, settings, until};

fn request(id: &str) -> kafka::batch::RawRecord {
    record(format!(r#"{{"id":"{id}","data":"{id}"}}"#), &[])
}

#[tokio::test]
async fn a_worker_goes_on_where_the_last_one_left_off() -> Result<()> {
    let rig = Rig::start().await?;
    rig.topics(1)?;
    let first = rig.processor(Operations::shipped()).await?;
    rig.request(&[request("a"), request("b")]).await?;
    rig.replies(2).await?;
    first.stop().await?;
    rig.request(&[request("c")]).await?;
    let second = rig.processor(Operations::shipped()).await?;
    rig.committed(3).await?;
    second.stop().await?;
    ensure!(rig.broker.log_end(RESPONSES, 0) == Some(3), "each is answered once");
    Ok(())
}

#[tokio::test]
async fn a_worker_that_vanishes_leaves_nothing_unanswered() -> Result<()> {
    let rig = Rig::start().await?;
    rig.topics(1)?;
    let first = rig.processor(Operations::shipped()).await?;
    rig.request(&[request("a")]).await?;
    rig.committed(1).await?;
    rig.broker.faults().freeze();
    drop(first);
    rig.broker.faults().thaw();
    rig.request(&[request("b")]).await?;
    let _second = Running::start(rig.settings(), Operations::shipped())?;
    rig.committed(2).await
}

#[tokio::test]
async fn a_worker_that_is_thrown_out_comes_back_and_goes_on() -> Result<()> {
    let rig = Rig::start().await?;
    rig.topics(1)?;
    let processor = rig.processor(Operations::shipped()).await?;
    rig.request(&[request("a")]).await?;
    rig.committed(1).await?;
    rig.broker.faults().fail_group(Some(GROUP), ResponseError::UnknownMemberId, Times::Next(1));
    processor.counted(r#"processor_rebalances_total{change="lost"} 1"#).await?;
    processor.counted(r#"processor_rebalances_total{change="assigned"} 2"#).await?;
    rig.request(&[request("b")]).await?;
    rig.committed(2).await?;
    ensure!(rig.broker.log_end(RESPONSES, 0) == Some(2), "each is answered once");
    Ok(())
}

#[tokio::test]
async fn it_starts_without_kafka_and_is_ready_when_kafka_comes() -> Result<()> {
    let rig = Rig::start().await?;
    let address = rig.broker.bootstrap();
    let stopped = rig.broker.stop().await;
    let processor = Running::start(settings(address), Operations::shipped())?;
    let answer = processor.get("/health/ready")?;
    ensure!(
        answer.contains("503") && answer.contains(r#""waiting_for":["kafka","topics","group"]"#),
        "{answer}"
    );
    ensure!(processor.get("/health/live")?.contains("200 OK"));
    let rig = Rig::of(stopped.start().await?);
    processor.ready().await?;
    for topic in [REQUESTS, RESPONSES, DEAD_LETTERS] {
        ensure!(rig.broker.partition_count(topic) == Some(1), "{topic} is created");
    }
    rig.request(&[request("a")]).await?;
    rig.replies(1).await?;
    processor.stop().await?;
    Ok(())
}

#[tokio::test]
async fn it_survives_a_restart_of_the_broker() -> Result<()> {
    let rig = Rig::start().await?;
    rig.topics(1)?;
    let processor = rig.processor(Operations::shipped()).await?;
    rig.request(&[request("a")]).await?;
    rig.committed(1).await?;
    let rig = Rig::of(rig.broker.stop().await.start().await?);
    rig.request(&[request("b")]).await?;
    rig.committed(2).await?;
    ensure!(rig.replies(2).await?[1].contains(r#""id":"b""#));
    processor.ready().await
}

#[tokio::test]
async fn a_topic_that_is_made_anew_is_read_from_its_beginning() -> Result<()> {
    let rig = Rig::start().await?;
    rig.topics(1)?;
    let _processor = rig.processor(Operations::shipped()).await?;
    rig.request(&[request("a"), request("b"), request("c")]).await?;
    rig.committed(3).await?;
    rig.broker.faults().delete_topic(REQUESTS);
    rig.broker.create_topic(REQUESTS, 1).expect("it was deleted");
    rig.request(&[request("d")]).await?;
    rig.committed(1).await?;
    ensure!(rig.replies(4).await?[3].contains(r#""id":"d""#));
    Ok(())
}

#[tokio::test]
async fn a_partition_added_while_running_is_worked_on() -> Result<()> {
    let rig = Rig::start().await?;
    rig.topics(1)?;
    let _processor = rig.processor(Operations::shipped()).await?;
    rig.broker.faults().add_partitions(REQUESTS, 2).expect("it has one");
    rig.produce(REQUESTS, 1, &[request("a")]).await?;
    until("the commit", || rig.broker.committed("workers", REQUESTS, 1) == Some(1)).await
}
