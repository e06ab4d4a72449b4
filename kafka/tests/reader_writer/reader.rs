//! Positions, ends and offsets out of range.

use std::time::Duration;

use anyhow::Result;
use kafka::reader::{Reader, Start};
use rskafka::client::{
    ClientBuilder,
    partition::{Compression, UnknownTopicHandling},
};
use tokio::time::timeout;

use crate::support::{Cluster, eventually, flushed, next, numbers, read, record, start_writer};

#[tokio::test]
async fn it_begins_where_it_is_told() -> Result<()> {
    let cluster = Cluster::any().await?;
    let topic = cluster.topic(1).await?;
    let (writer, _) = start_writer(&cluster, &topic, 1);
    writer.push_all((0..10).map(|n| (record(n), n))).unwrap();
    flushed(&writer).await?;
    for (start, first) in [(Start::Earliest, 0), (Start::Offset(4), 4)] {
        let mut reader = Reader::open(&cluster.kafka, &topic, 0, start).await?;
        assert!(!reader.is_at_end());
        let fetched = next(&mut reader).await?;
        assert_eq!(numbers(&fetched), Vec::from_iter(first..10));
        assert_eq!((fetched.next_offset, fetched.high_watermark, reader.position()), (10, 10, 10));
        assert!(reader.is_at_end());
        assert_eq!(fetched.max_age, None, "the end had not been seen before");
    }
    let mut reader = Reader::open(&cluster.kafka, &topic, 0, Start::Latest).await?;
    assert_eq!(reader.position(), 10);
    writer.push(record(10), 10).unwrap();
    let fetched = next(&mut reader).await?;
    assert_eq!(numbers(&fetched), [10]);
    assert!(fetched.max_age.is_some(), "it began at the end");
    let empty = cluster.topic(1).await?;
    let mut reader = Reader::open(&cluster.kafka, &empty, 0, Start::Earliest).await?;
    let (writer, _) = start_writer(&cluster, &empty, 1);
    writer.push(record(0), 0).unwrap();
    assert!(next(&mut reader).await?.max_age.is_some(), "the begin was the end");
    Ok(())
}

#[tokio::test]
async fn records_found_behind_a_seen_end_are_known_to_be_young() -> Result<()> {
    let cluster = Cluster::any().await?;
    let topic = cluster.topic(1).await?;
    let (writer, _) = start_writer(&cluster, &topic, 1);
    writer.push(record(0), 0).unwrap();
    flushed(&writer).await?;
    let mut reader = cluster.reader(&topic, 0).await?;
    assert_eq!(next(&mut reader).await?.max_age, None);
    let seen = std::time::Instant::now();
    writer.push(record(1), 1).unwrap();
    let fetched = next(&mut reader).await?;
    assert_eq!(numbers(&fetched), [1]);
    let age = fetched.max_age.expect("the end was seen");
    assert!(age < seen.elapsed() + Duration::from_secs(1), "{age:?}");
    Ok(())
}

#[tokio::test]
async fn a_next_that_is_dropped_loses_nothing_and_costs_no_wait() -> Result<()> {
    let cluster = Cluster::any().await?;
    let topic = cluster.topic(1).await?;
    let (writer, _) = start_writer(&cluster, &topic, 1);
    writer.connected().await;
    let mut reader = cluster.reader(&topic, 0).await?;
    for n in 0..20 {
        let none = timeout(Duration::from_millis(20), reader.next()).await;
        assert!(none.is_err(), "{none:?}");
        writer.push(record(n), n).unwrap();
        let pushed = std::time::Instant::now();
        assert_eq!(numbers(&next(&mut reader).await?), [n]);
        assert!(pushed.elapsed() < Duration::from_millis(400), "a fetch was parked behind another");
    }
    Ok(())
}

#[tokio::test]
async fn what_was_deleted_is_skipped_and_said_so() -> Result<()> {
    let cluster = Cluster::any().await?;
    let topic = cluster.topic(1).await?;
    let (writer, _) = start_writer(&cluster, &topic, 1);
    for n in 0..10 {
        writer.push(record(n), n).unwrap();
        flushed(&writer).await?;
    }
    let mut reader = Reader::open(&cluster.kafka, &topic, 0, Start::Offset(2)).await?;
    let client = ClientBuilder::new(cluster.kafka.config().brokers.clone()).build().await?;
    let partition = client.partition_client(topic.clone(), 0, UnknownTopicHandling::Error).await?;
    partition.delete_records(6, 5_000).await?;
    let fetched = next(&mut reader).await?;
    assert_eq!((fetched.skipped, fetched.restarted, fetched.next_offset), (Some(2..6), false, 6));
    assert_eq!(read(&mut reader, 4).await?, [6, 7, 8, 9]);
    Ok(())
}

#[tokio::test]
async fn a_position_behind_the_end_begins_again() -> Result<()> {
    let cluster = Cluster::any().await?;
    let topic = cluster.topic(1).await?;
    let (writer, _) = start_writer(&cluster, &topic, 1);
    writer.push_all((0..3).map(|n| (record(n), n))).unwrap();
    flushed(&writer).await?;
    let mut reader = Reader::open(&cluster.kafka, &topic, 0, Start::Offset(50)).await?;
    let fetched = next(&mut reader).await?;
    assert_eq!((fetched.skipped, fetched.restarted, fetched.next_offset), (None, true, 0));
    assert_eq!(read(&mut reader, 3).await?, [0, 1, 2]);
    Ok(())
}

/// A broker that gives topics no ids leaves only offsets to go by.
#[tokio::test]
async fn a_topic_created_anew_is_read_from_its_begin() -> Result<()> {
    let cluster = Cluster::any().await?;
    let topic = cluster.topic(1).await?;
    let (writer, _) = start_writer(&cluster, &topic, 1);
    writer.push_all((0..3).map(|n| (record(n), n))).unwrap();
    let mut reader = cluster.reader(&topic, 0).await?;
    assert_eq!(read(&mut reader, 3).await?, [0, 1, 2]);
    let client = ClientBuilder::new(cluster.kafka.config().brokers.clone()).build().await?;
    client.controller_client()?.delete_topic(&topic, 5_000).await?;
    while reader.status().down_for().is_none() {
        let none = timeout(Duration::from_millis(10), reader.next()).await;
        assert!(none.is_err(), "{none:?}");
    }
    drop(writer);
    let gives_ids = cluster.broker.is_none();
    let count = if gives_ids { 10 } else { 2 };
    cluster.create(&topic, 1).await?;
    let (writer, _) = start_writer(&cluster, &topic, 1);
    writer.push_all((0..count).map(|n| (record(n), n))).unwrap();
    flushed(&writer).await?;
    let fetched = next(&mut reader).await?;
    assert_eq!((fetched.restarted, fetched.next_offset, fetched.records.len()), (true, 0, 0));
    assert_eq!(read(&mut reader, usize::try_from(count)?).await?, Vec::from_iter(0..count));
    Ok(())
}

#[tokio::test]
async fn what_rskafka_compressed_is_read() -> Result<()> {
    let cluster = Cluster::any().await?;
    let topic = cluster.topic(1).await?;
    let client = ClientBuilder::new(cluster.kafka.config().brokers.clone()).build().await?;
    let partition = client.partition_client(topic.clone(), 0, UnknownTopicHandling::Error).await?;
    for (n, compression) in [(0, Compression::Gzip), (1, Compression::Snappy)] {
        partition.produce(vec![record(n)], compression).await?;
    }
    let mut reader = cluster.reader(&topic, 0).await?;
    assert_eq!(read(&mut reader, 2).await?, [0, 1]);
    Ok(())
}

#[tokio::test]
async fn a_topic_that_is_missing_is_an_error_and_is_not_created() -> Result<()> {
    let config =
        embedded_broker::Config { auto_create_partitions: Some(1), ..embedded_broker::Config::default() };
    let broker = embedded_broker::Broker::start(config).await?;
    let config = kafka::Config {
        brokers: vec![broker.bootstrap()],
        client_id: "reader-writer-tests".to_owned(),
        timeout: Duration::from_secs(1),
        security: kafka::Security::default(),
    };
    let kafka = kafka::Kafka::new(config);
    let error = Reader::open(&kafka, "missing", 0, Start::Latest).await.err().expect("no such topic");
    assert_eq!(error.to_string(), "cannot read missing/0");
    assert_eq!(broker.topic_names(), Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn its_status_outlives_it() -> Result<()> {
    let cluster = Cluster::any().await?;
    let topic = cluster.topic(1).await?;
    let (writer, _) = start_writer(&cluster, &topic, 1);
    writer.push_all((0..3).map(|n| (record(n), n))).unwrap();
    flushed(&writer).await?;
    let mut reader = Reader::open(&cluster.kafka, &topic, 0, Start::Offset(1)).await?;
    let status = reader.status();
    read(&mut reader, 2).await?;
    drop(reader);
    let stats = status.stats();
    assert_eq!((stats.records, stats.position, stats.high_watermark, stats.lag), (2, 3, 3, 0));
    assert!(stats.bytes > 0 && stats.fetches > 0);
    assert_eq!(status.down_for(), None);
    drop(writer);
    eventually("nobody left to report", || !cluster.kafka.health().is_reachable()).await
}
