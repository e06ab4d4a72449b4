//! Handlers of all kinds, and the worker around them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use hash_processor::{Cost, HandlerError, Operations};
use serde_json::{Value, json};

use crate::rig::{REQUESTS, Rig, Running, record, until};

fn pause(pause: Duration) -> impl Fn(Value) -> Result<Value, HandlerError> + Send + Sync + 'static {
    move |_| {
        std::thread::sleep(pause);
        Ok(json!({ "hash": "slow" }))
    }
}

#[tokio::test]
async fn heavy_handlers_hold_up_no_short_ones() -> Result<()> {
    let rig = Rig::start().await?;
    rig.topics(1)?;
    let operations = Operations::shipped().with_fn("heavy", Cost::Heavy, pause(Duration::from_secs(1)));
    let _processor = rig.processor(operations).await?;
    rig.request(&[record(r#"{"id":"first","data":"x"}"#, &[])]).await?;
    rig.replies(1).await?;
    rig.request(&[
        record(r#"{"id":"heavy","operation":"heavy"}"#, &[]),
        record(r#"{"id":"short","data":"x"}"#, &[]),
    ])
    .await?;
    let replies = rig.replies(3).await?;
    ensure!(replies[1].contains("short") && replies[2].contains("heavy"), "{replies:?}");
    rig.committed(3).await
}

#[tokio::test]
async fn a_worker_that_stops_finishes_what_it_has_taken() -> Result<()> {
    let rig = Rig::start().await?;
    rig.topics(1)?;
    let began = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&began);
    let operations = Operations::heavy_fn("hash", move |_: Value| {
        counted.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(500));
        Ok::<_, HandlerError>(json!({ "hash": "slow" }))
    });
    let processor = rig.processor(operations).await?;
    rig.request(&[record(r#"{"id":"a"}"#, &[]), record(r#"{"id":"b"}"#, &[])]).await?;
    until("the handlers to begin", || began.load(Ordering::SeqCst) == 2).await?;
    let took = processor.stop().await?;
    ensure!(took < Duration::from_secs(3), "{took:?}");
    ensure!(rig.broker.committed("workers", REQUESTS, 0) == Some(2));
    ensure!(rig.broker.member_count("workers") == 0, "it has said goodbye");
    ensure!(rig.replies(2).await?.len() == 2);
    Ok(())
}

#[tokio::test]
async fn a_worker_that_stops_leaves_to_others_what_takes_too_long() -> Result<()> {
    let rig = Rig::start().await?;
    rig.topics(1)?;
    let began = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&began);
    let endless = Operations::heavy_fn("hash", move |_: Value| {
        counted.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_secs(8));
        Ok::<_, HandlerError>(json!({ "hash": "late" }))
    });
    let processor = rig.processor(endless).await?;
    rig.request(&[record(r#"{"id":"a","data":"x"}"#, &[])]).await?;
    until("the handler to begin", || began.load(Ordering::SeqCst) == 1).await?;
    let took = processor.stop().await?;
    ensure!(took < Duration::from_secs(6), "{took:?}");
    ensure!(rig.broker.committed("workers", REQUESTS, 0) == Some(0), "the record is not finished");
    let _other = rig.processor(Operations::shipped()).await?;
    ensure!(!rig.replies(1).await?[0].contains("late"), "the next worker does it again");
    rig.committed(1).await
}

#[tokio::test]
async fn a_partition_that_moves_is_drained_first() -> Result<()> {
    let rig = Rig::start().await?;
    rig.topics(2)?;
    let runs = Arc::new(AtomicUsize::new(0));
    let operations = || {
        let runs = Arc::clone(&runs);
        Operations::heavy_fn("hash", move |_: Value| {
            runs.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(100));
            Ok::<_, HandlerError>(json!({ "hash": "done" }))
        })
    };
    let _first = rig.processor(operations()).await?;
    for partition in 0..2 {
        let records: Vec<_> =
            (0..20).map(|number| record(format!(r#"{{"id":"{partition}-{number}"}}"#), &[])).collect();
        rig.produce(REQUESTS, partition, &records).await?;
    }
    until("the handlers to begin", || runs.load(Ordering::SeqCst) > 0).await?;
    let second = rig.processor(operations()).await?;
    for partition in 0..2 {
        let all = || rig.broker.committed("workers", REQUESTS, partition) == Some(20);
        until("all to be finished", all).await?;
    }
    second.ready().await?;
    ensure!(runs.load(Ordering::SeqCst) == 40, "nothing is done twice: {runs:?}");
    // Both serve from now on.
    until("the second to have a partition", || {
        second
            .get("/health/ready")
            .is_ok_and(|text| text.contains(r#""partitions":[0]"#) || text.contains(r#""partitions":[1]"#))
    })
    .await
}

#[tokio::test]
async fn no_more_records_are_taken_than_may_be_in_flight() -> Result<()> {
    let rig = Rig::start().await?;
    rig.topics(1)?;
    let operations = Operations::heavy_fn("hash", pause(Duration::from_millis(200)));
    let settings = service::settings::ProcessorSettings { max_in_flight: 3, ..rig.settings() };
    let processor = Running::start(settings, operations)?;
    let records: Vec<_> = (0..8).map(|number| record(format!(r#"{{"id":"{number}"}}"#), &[])).collect();
    rig.request(&records).await?;
    processor.counted("processor_in_flight 3").await?;
    rig.committed(8).await?;
    processor.counted("processor_in_flight 0").await
}
