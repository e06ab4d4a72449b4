//! Batches, bounds, refusals and the choice of a lane.

use std::time::Duration;

use anyhow::Result;
use embedded_broker::{ResponseError, Times};
use kafka::writer::WriteError;

use crate::support::{Cluster, eventually, flushed, number, read, record, record_of, start_writer};

#[tokio::test]
async fn what_is_pushed_together_goes_in_few_batches() -> Result<()> {
    let cluster = Cluster::any().await?;
    let topic = cluster.topic(1).await?;
    let (writer, books) = start_writer(&cluster, &topic, 1);
    writer.connected().await;
    for n in 0..500 {
        writer.push(record(n), n).unwrap();
    }
    flushed(&writer).await?;
    let stats = writer.stats();
    assert_eq!((stats.records, stats.queued, stats.queued_bytes), (500, 0, 0));
    // A hundred first, and then as many or more.
    assert!((2..=5).contains(&stats.batches), "{} batches", stats.batches);
    let mut reader = cluster.reader(&topic, 0).await?;
    assert_eq!(read(&mut reader, 500).await?, Vec::from_iter(0..500));
    let delivered = books.delivered.lock().clone();
    assert!((0..500).all(|n| delivered[&n] == (0, i64::from(n))), "{delivered:?}");
    Ok(())
}

#[tokio::test]
async fn a_lane_takes_more_at_once_where_calls_take_longer() -> Result<()> {
    let cluster = Cluster::embedded().await?;
    let topic = cluster.topic(1).await?;
    let (writer, books) = start_writer(&cluster, &topic, 1);
    writer.connected().await;
    cluster.broker().faults().delay(Duration::from_millis(20));
    writer.push(record(0), 0).unwrap();
    flushed(&writer).await?;
    writer.push_all((1..601).map(|n| (record(n), n))).unwrap();
    flushed(&writer).await?;
    assert_eq!((writer.stats().batches, books.delivered.lock().len()), (2, 601));
    Ok(())
}

#[tokio::test]
async fn what_one_lane_leaves_goes_to_another() -> Result<()> {
    let cluster = Cluster::embedded().await?;
    let topic = cluster.topic(2).await?;
    let (writer, books) = start_writer(&cluster, &topic, 2);
    eventually("all lanes connected", || writer.stats().connected_lanes == 2).await?;
    // Neither is back before both have gone.
    cluster.broker().faults().delay(Duration::from_millis(100));
    writer.push_all((0..200).map(|n| (record(n), n))).unwrap();
    flushed(&writer).await?;
    let delivered = books.delivered.lock();
    let to_first = delivered.values().filter(|(partition, _)| *partition == 0).count();
    assert_eq!((writer.stats().batches, to_first, delivered.len()), (2, 100, 200));
    Ok(())
}

#[tokio::test]
async fn batches_end_at_a_thousand_records_and_below_the_topics_limit() -> Result<()> {
    let cluster = Cluster::any().await?;
    let topic = cluster.topic(1).await?;
    let (writer, books) = start_writer(&cluster, &topic, 1);
    writer.connected().await;
    let small = (0..2_500).map(|n| (record(n), n));
    writer.push_all(small).unwrap();
    flushed(&writer).await?;
    let before = writer.stats().batches;
    assert!((4..=25).contains(&before), "{before} batches");
    let large = (2_500..2_520).map(|n| (record_of(n, 200_000), n));
    writer.push_all(large).unwrap();
    flushed(&writer).await?;
    let stats = writer.stats();
    assert_eq!((stats.batches, stats.failures, stats.records), (before + 5, 0, 2_520), "four to a batch");
    assert_eq!(books.failed.lock().len(), 0);
    Ok(())
}

#[tokio::test]
async fn a_record_too_large_fails_alone() -> Result<()> {
    let cluster = Cluster::any().await?;
    let topic = cluster.topic(1).await?;
    let (writer, books) = start_writer(&cluster, &topic, 1);
    writer.connected().await;
    for n in 0..20 {
        writer.push(record_of(n, if n == 7 { 1_100_000 } else { 10 }), n).unwrap();
    }
    flushed(&writer).await?;
    assert_eq!(*books.failed.lock(), [(7, WriteError::TooLarge)].into());
    assert_eq!(books.delivered.lock().len(), 19);
    assert_eq!(writer.stats().refused, 1);
    Ok(())
}

#[tokio::test]
async fn a_batch_that_is_refused_for_one_record_is_split_until_that_is_found() -> Result<()> {
    let cluster = Cluster::embedded().await?;
    let topic = "small".to_owned();
    let limit = [("max.message.bytes".to_owned(), "2000".to_owned())].into();
    cluster.broker().create_topic_with(&topic, 1, &limit).unwrap();
    let (writer, books) = start_writer(&cluster, &topic, 1);
    writer.connected().await;
    for n in 0..64 {
        writer.push(record_of(n, if n == 20 || n == 21 { 3_000 } else { 10 }), n).unwrap();
    }
    flushed(&writer).await?;
    assert_eq!(books.failed.lock().keys().collect::<Vec<_>>(), [&20, &21]);
    let mut reader = cluster.reader(&topic, 0).await?;
    assert_eq!(read(&mut reader, 62).await?, (0..64).filter(|n| *n != 20 && *n != 21).collect::<Vec<_>>());
    assert!(writer.is_connected());
    Ok(())
}

#[tokio::test]
async fn a_refusal_that_no_retry_mends_is_told() -> Result<()> {
    let cluster = Cluster::embedded().await?;
    let topic = cluster.topic(1).await?;
    let (writer, books) = start_writer(&cluster, &topic, 1);
    writer.connected().await;
    cluster.broker().faults().fail_produce(None, ResponseError::TopicAuthorizationFailed, Times::Next(1));
    writer.push_all((0..3).map(|n| (record(n), n))).unwrap();
    flushed(&writer).await?;
    let failed = books.failed.lock().clone();
    assert_eq!(failed.len(), 3);
    assert!(
        failed.values().all(|error| error.to_string().contains("TopicAuthorizationFailed")),
        "{failed:?}"
    );
    assert!(books.perhaps_written.lock().is_empty());
    writer.push(record(3), 3).unwrap();
    flushed(&writer).await?;
    assert_eq!(books.delivered.lock().len(), 1);
    Ok(())
}

#[tokio::test]
async fn what_is_refused_after_an_attempt_without_an_end_may_be_written() -> Result<()> {
    let cluster = Cluster::embedded().await?;
    let topic = cluster.topic(1).await?;
    let (writer, books) = start_writer(&cluster, &topic, 1);
    writer.connected().await;
    let faults = cluster.broker().faults();
    faults.fail_produce(None, ResponseError::NotEnoughReplicasAfterAppend, Times::Next(1));
    writer.push(record(0), 0).unwrap();
    eventually("the first attempt", || writer.stats().failures > 0).await?;
    faults.fail_produce(None, ResponseError::TopicAuthorizationFailed, Times::Next(1));
    flushed(&writer).await?;
    assert_eq!(books.failed.lock().keys().collect::<Vec<_>>(), [&0]);
    assert_eq!(*books.perhaps_written.lock(), [0]);
    Ok(())
}

#[tokio::test]
async fn the_queue_is_bounded_in_records_and_bytes() -> Result<()> {
    let mut cluster = Cluster::embedded().await?;
    let topic = cluster.topic(1).await?;
    let stopped = cluster.broker.take().expect("embedded").stop().await;
    let (writer, books) = start_writer(&cluster, &topic, 1);
    assert!(!writer.is_connected());
    let rejected = writer.push_all((0..5_003).map(|n| (record(n), n))).unwrap_err();
    assert_eq!(
        rejected.0.iter().map(|(record, _)| number(record)).collect::<Vec<_>>(),
        [5_000, 5_001, 5_002]
    );
    let (given_back, token) = writer.push(record(9_000), 9_000).unwrap_err().0;
    assert_eq!((number(&given_back), token), (9_000, 9_000));
    assert_eq!(writer.stats().queued, 5_000);
    assert_eq!(writer.shutdown(Duration::from_millis(10)).await, 5_000);

    let (writer, _) = start_writer(&cluster, &topic, 1);
    writer.push(record_of(1, 9_000_000), 1).expect("a lone record is taken whatever its size");
    writer.push(record(2), 2).expect_err("there is no room beside it");
    drop((stopped, books));
    Ok(())
}

#[tokio::test]
async fn records_nobody_wants_any_more_are_not_sent() -> Result<()> {
    let cluster = Cluster::any().await?;
    let topic = cluster.topic(1).await?;
    let (writer, books) = start_writer(&cluster, &topic, 1);
    writer.connected().await;
    books.unwanted.lock().extend([1, 3]);
    writer.push_all((0..5).map(|n| (record(n), n))).unwrap();
    flushed(&writer).await?;
    let mut reader = cluster.reader(&topic, 0).await?;
    assert_eq!(read(&mut reader, 3).await?, [0, 2, 4]);
    assert_eq!(writer.stats().unwanted, 2);
    assert_eq!(books.failed.lock().len(), 0);
    Ok(())
}

#[tokio::test]
async fn the_least_loaded_partition_comes_first() -> Result<()> {
    let cluster = Cluster::any().await?;
    let topic = cluster.topic(3).await?;
    let (writer, books) = start_writer(&cluster, &topic, 3);
    eventually("all lanes connected", || writer.stats().connected_lanes == 3).await?;
    *books.loads.lock() = [(0, 7), (1, 3), (2, 5)].into();
    for n in 0..10 {
        writer.push(record(n), n).unwrap();
        flushed(&writer).await?;
    }
    assert!(books.delivered.lock().values().all(|(partition, _)| *partition == 1));
    // Of equals the longest idle: they take turns.
    books.loads.lock().clear();
    for n in 10..16 {
        writer.push(record(n), n).unwrap();
        flushed(&writer).await?;
    }
    let mut served: Vec<_> = (10..16).map(|n| books.delivered.lock()[&n].0).collect();
    served.sort_unstable();
    assert_eq!(served, [0, 0, 1, 1, 2, 2]);
    Ok(())
}

#[tokio::test]
async fn a_partition_far_ahead_gets_nothing_even_when_its_lane_alone_is_idle() -> Result<()> {
    let cluster = Cluster::embedded().await?;
    let topic = cluster.topic(2).await?;
    let (writer, books) = start_writer(&cluster, &topic, 2);
    eventually("all lanes connected", || writer.stats().connected_lanes == 2).await?;
    *books.loads.lock() = [(0, 10_000), (1, 10)].into();
    cluster.broker().faults().delay(Duration::from_millis(100));
    for n in 0..3 {
        writer.push(record(n), n).unwrap();
        // The lane to partition 1 has taken it and is busy now.
        eventually("departure", || books.departures.lock().contains_key(&n)).await?;
    }
    flushed(&writer).await?;
    assert!(books.delivered.lock().values().all(|(partition, _)| *partition == 1));
    Ok(())
}

#[tokio::test]
async fn partitions_added_to_a_topic_are_written_to() -> Result<()> {
    let cluster = Cluster::embedded().await?;
    let topic = cluster.topic(1).await?;
    let (writer, books) = start_writer(&cluster, &topic, 1);
    writer.connected().await;
    cluster.broker().faults().add_partitions(&topic, 2).unwrap();
    writer.add_partition(1);
    writer.add_partition(1);
    eventually("a lane to the new partition", || writer.stats().connected_lanes == 2).await?;
    books.loads.lock().insert(0, 1);
    writer.push(record(0), 0).unwrap();
    flushed(&writer).await?;
    assert_eq!(books.delivered.lock()[&0], (1, 0));
    assert_eq!(writer.stats().lanes, 2);
    Ok(())
}

#[tokio::test]
async fn shutdown_sends_what_is_left_and_accepts_nothing_more() -> Result<()> {
    let cluster = Cluster::any().await?;
    let topic = cluster.topic(1).await?;
    let (writer, books) = start_writer(&cluster, &topic, 1);
    writer.push_all((0..100).map(|n| (record(n), n))).unwrap();
    assert_eq!(writer.shutdown(Duration::from_secs(10)).await, 0);
    assert_eq!(books.delivered.lock().len(), 100);
    writer.push(record(100), 100).unwrap_err();
    assert!(!writer.is_connected());
    Ok(())
}

/// Its owner's fault here, but one of ours ends a lane just so.
#[tokio::test]
async fn a_lane_that_panics_is_told_of() -> Result<()> {
    let cluster = Cluster::embedded().await?;
    let topic = cluster.topic(1).await?;
    let (writer, books) = start_writer(&cluster, &topic, 1);
    writer.connected().await;
    assert!(cluster.kafka.health().subscribe().borrow().fault.is_none());
    // The books refuse to hear of a record a second time.
    books.delivered.lock().insert(0, (0, 0));
    writer.push(record(0), 0).unwrap();
    let fault = tokio::time::timeout(Duration::from_secs(10), cluster.kafka.health().fault()).await?;
    assert_eq!(fault.to_string(), format!("a lane to {topic}/0 panicked"));
    Ok(())
}
