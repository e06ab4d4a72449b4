//! Brokers that stop, hang, forget and come back.

use std::{collections::BTreeSet, time::Duration};

use anyhow::Result;
use embedded_broker::{ResponseError, Times};
use kafka::writer::Writer;

use crate::support::{
    Books, Cluster, eventually, flushed, next, numbers, read, record, record_of, start_writer,
};

/// Pushes records `from..to`, a few at a time, while other tasks run.
async fn push_slowly(writer: &Writer<Books>, numbers: std::ops::Range<u32>) {
    for n in numbers {
        writer.push(record(n), n).expect("room");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_restart_under_load_loses_no_wanted_record() -> Result<()> {
    let mut cluster = Cluster::embedded().await?;
    let topic = cluster.topic(3).await?;
    let (writer, books) = start_writer(&cluster, &topic, 3);
    writer.connected().await;
    let pushing = push_slowly(&writer, 0..800);
    let restarting = async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        cluster.restart(Duration::from_millis(300)).await
    };
    let ((), restarted) = tokio::join!(pushing, restarting);
    restarted?;
    flushed(&writer).await?;
    assert_eq!(books.delivered.lock().len(), 800);
    assert_eq!(books.failed.lock().len(), 0);
    let mut found = BTreeSet::new();
    for partition in 0..3 {
        let mut reader = cluster.reader(&topic, partition).await?;
        while !reader.is_at_end() {
            let fetched = next(&mut reader).await?;
            found.extend(numbers(&fetched));
        }
    }
    assert_eq!(found, (0..800).collect());
    eventually("all lanes connected", || writer.stats().connected_lanes == 3).await?;
    assert_eq!(cluster.kafka.health().last_error(), None);
    Ok(())
}

#[tokio::test]
async fn a_reader_goes_on_after_a_restart_where_it_was() -> Result<()> {
    let mut cluster = Cluster::embedded().await?;
    let topic = cluster.topic(1).await?;
    let (writer, _) = start_writer(&cluster, &topic, 1);
    let mut reader = cluster.reader(&topic, 0).await?;
    writer.push(record(0), 0).unwrap();
    assert_eq!(read(&mut reader, 1).await?, [0]);
    let stopped = cluster.broker.take().expect("embedded").stop().await;
    let status = reader.status();
    let reading = tokio::spawn(async move { read(&mut reader, 1).await });
    eventually("the reader is down", || status.down_for().is_some()).await?;
    eventually("the lane is down", || !writer.is_connected()).await?;
    assert!(!cluster.kafka.health().is_reachable());
    assert!(cluster.kafka.health().last_error().is_some());
    cluster.broker = Some(stopped.start().await?);
    writer.connected().await;
    writer.push(record(1), 1).unwrap();
    assert_eq!(reading.await??, [1]);
    assert_eq!(status.down_for(), None);
    assert!(cluster.kafka.health().is_reachable());
    Ok(())
}

#[tokio::test]
async fn a_broker_that_hangs_is_noticed_and_found_again() -> Result<()> {
    let cluster = Cluster::embedded().await?;
    let topic = cluster.topic(2).await?;
    let (writer, books) = start_writer(&cluster, &topic, 2);
    eventually("all lanes connected", || writer.stats().connected_lanes == 2).await?;
    let mut reader = cluster.reader(&topic, 0).await?;
    let reading = tokio::spawn(async move {
        let mut found = BTreeSet::new();
        while !found.contains(&1) {
            found.extend(numbers(&next(&mut reader).await?));
        }
        Ok::<_, anyhow::Error>(found)
    });
    cluster.broker().faults().freeze();
    writer.push(record(0), 0).unwrap();
    // One lane times out; the other one, idle, is asked because of it.
    eventually("no lane connected", || !writer.is_connected()).await?;
    eventually("not reachable", || !cluster.kafka.health().is_reachable()).await?;
    cluster.broker().faults().thaw();
    flushed(&writer).await?;
    assert!(books.departures.lock()[&0] > 1, "asked again before it was sent again");
    eventually("all lanes connected", || writer.stats().connected_lanes == 2).await?;
    books.loads.lock().insert(1, 1);
    writer.push(record(1), 1).unwrap();
    flushed(&writer).await?;
    let (partition, _) = books.delivered.lock()[&1];
    assert_eq!(partition, 0);
    reading.await??;
    Ok(())
}

#[tokio::test]
async fn what_is_no_longer_wanted_is_not_tried_again() -> Result<()> {
    let cluster = Cluster::embedded().await?;
    let topic = cluster.topic(1).await?;
    let (writer, books) = start_writer(&cluster, &topic, 1);
    writer.connected().await;
    cluster.broker().faults().fail_produce(None, ResponseError::NotEnoughReplicas, Times::Every);
    writer.push_all((0..4).map(|n| (record(n), n))).unwrap();
    eventually("a second attempt", || books.departures.lock().get(&0) >= Some(&2)).await?;
    books.unwanted.lock().extend([0, 1, 3]);
    eventually("they are dropped", || writer.stats().unwanted == 3).await?;
    cluster.broker().faults().clear();
    flushed(&writer).await?;
    let mut reader = cluster.reader(&topic, 0).await?;
    assert_eq!(read(&mut reader, 1).await?, [2]);
    assert!(writer.is_connected());
    Ok(())
}

#[tokio::test]
async fn a_lost_acknowledgement_makes_a_duplicate_not_a_loss() -> Result<()> {
    let cluster = Cluster::embedded().await?;
    let topic = cluster.topic(1).await?;
    let (writer, books) = start_writer(&cluster, &topic, 1);
    writer.connected().await;
    cluster.broker().faults().lose_acknowledgement(None, Times::Next(1));
    writer.push_all((0..2).map(|n| (record(n), n))).unwrap();
    flushed(&writer).await?;
    let mut reader = cluster.reader(&topic, 0).await?;
    assert_eq!(read(&mut reader, 4).await?, [0, 1, 0, 1]);
    assert_eq!(books.delivered.lock().len(), 2);
    assert_eq!(writer.stats().failures, 1);
    Ok(())
}

#[tokio::test]
async fn a_topic_deleted_and_made_anew_is_written_and_read_again() -> Result<()> {
    let cluster = Cluster::embedded().await?;
    let topic = cluster.topic(1).await?;
    let (writer, _) = start_writer(&cluster, &topic, 1);
    let mut reader = cluster.reader(&topic, 0).await?;
    writer.push_all((0..3).map(|n| (record(n), n))).unwrap();
    assert_eq!(read(&mut reader, 3).await?, [0, 1, 2]);
    assert!(cluster.broker().faults().delete_topic(&topic));
    let status = reader.status();
    let reading = tokio::spawn(async move {
        let restarted = next(&mut reader).await?.restarted;
        Ok::<_, anyhow::Error>((restarted, read(&mut reader, 1).await?))
    });
    eventually("the reader is down", || status.down_for().is_some()).await?;
    writer.push(record(3), 3).unwrap();
    eventually("the lane is down", || !writer.is_connected()).await?;
    let failures = status.stats().failures;
    eventually("more attempts", || status.stats().failures > failures + 2).await?;
    assert_eq!(cluster.broker().partition_count(&topic), None, "our look-ups must not create it");
    cluster.broker().create_topic(&topic, 1).unwrap();
    flushed(&writer).await?;
    assert_eq!(reading.await??, (true, vec![3]));
    Ok(())
}

#[tokio::test]
async fn errors_that_pass_are_waited_out() -> Result<()> {
    let cluster = Cluster::embedded().await?;
    let topic = cluster.topic(1).await?;
    let (writer, books) = start_writer(&cluster, &topic, 1);
    let mut reader = cluster.reader(&topic, 0).await?;
    for (n, error) in (0..).zip([
        ResponseError::NotLeaderOrFollower,
        ResponseError::UnknownTopicOrPartition,
        ResponseError::RequestTimedOut,
        ResponseError::KafkaStorageError,
        ResponseError::UnknownServerError,
    ]) {
        cluster.broker().faults().fail_produce(None, error, Times::Next(2));
        cluster.broker().faults().fail_fetch(None, error, Times::Next(2));
        writer.push(record(n), n).unwrap();
        assert_eq!(read(&mut reader, 1).await?, [n], "{error:?}");
        flushed(&writer).await?;
    }
    assert_eq!(books.delivered.lock().len(), 5);
    Ok(())
}

#[tokio::test]
async fn starting_before_the_broker_is_no_trouble() -> Result<()> {
    let mut cluster = Cluster::embedded().await?;
    let topic = cluster.topic(1).await?;
    let stopped = cluster.broker.take().expect("embedded").stop().await;
    let (writer, books) = start_writer(&cluster, &topic, 1);
    writer.push(record(0), 0).unwrap();
    eventually("the first failure", || cluster.kafka.health().last_error().is_some()).await?;
    cluster.broker = Some(stopped.start().await?);
    flushed(&writer).await?;
    assert_eq!(books.delivered.lock()[&0], (0, 0));
    Ok(())
}

#[tokio::test]
async fn sockets_do_not_pile_up() -> Result<()> {
    let cluster = Cluster::embedded().await?;
    let topic = cluster.topic(2).await?;
    let (writer, books) = start_writer(&cluster, &topic, 2);
    eventually("all lanes connected", || writer.stats().connected_lanes == 2).await?;
    let before = cluster.broker().connection_count();
    for n in 0..10 {
        cluster.broker().faults().drop_connections();
        writer.push(record(n), n).unwrap();
        flushed(&writer).await?;
    }
    assert_eq!(books.delivered.lock().len(), 10);
    eventually("all lanes connected", || writer.stats().connected_lanes == 2).await?;
    eventually("no more sockets than before", || cluster.broker().connection_count() <= before + 1).await?;
    drop(writer);
    Ok(())
}

/// Frames of 8 KiB and more come in two pieces; with Nagle's algorithm on the second waits some 40 ms.
#[tokio::test]
async fn large_records_do_not_wait_for_a_delayed_acknowledgement() -> Result<()> {
    let mut cluster = Cluster::embedded().await?;
    let topic = cluster.topic(1).await?;
    cluster.restart(Duration::ZERO).await?;
    let (writer, _) = start_writer(&cluster, &topic, 1);
    for round in 0..2 {
        writer.connected().await;
        writer.push(record(round), round).unwrap();
        flushed(&writer).await?;
        let began = std::time::Instant::now();
        for n in 0..10 {
            writer.push(record_of(n + 100 * (round + 1), 20_000), n + 100 * (round + 1)).unwrap();
            flushed(&writer).await?;
        }
        let took = began.elapsed();
        assert!(took < Duration::from_millis(300), "ten records of 20 KB took {took:?}");
        cluster.restart(Duration::from_millis(50)).await?;
    }
    Ok(())
}
