//! Records that rskafka cannot carry, written and read back.

use anyhow::Result;
use bytes::Bytes;
use kafka::{
    batch::{BatchContents, BatchReader, RawRecord, produce_raw, read_batch_at},
    wire::{self, ResponseError},
};
use kafka_protocol::{
    messages::{
        CreateTopicsRequest, TopicName,
        create_topics_request::{CreatableTopic, CreatableTopicConfig},
    },
    protocol::StrBytes,
};
use rskafka::client::{ClientBuilder, partition::UnknownTopicHandling};

use crate::{Broker, unique};

#[tokio::test]
async fn what_poisons_rskafka_is_read_and_passed() -> Result<()> {
    let broker = Broker::start().await?;
    let topic = create_topic(&broker, "producer").await?;
    let poison = RawRecord { headers: poisonous_headers(), ..plain("poison") };
    assert_eq!(produce_raw(&broker.kafka, &topic, 0, &[plain("before")]).await?, 0);
    assert_eq!(
        produce_raw(&broker.kafka, &topic, 0, &[plain("with"), poison.clone(), plain("beside")]).await?,
        1
    );
    assert_eq!(produce_raw(&broker.kafka, &topic, 0, &[plain("after")]).await?, 4);

    let client = ClientBuilder::new(broker.kafka.config().brokers.clone()).build().await?;
    let rskafka = client.partition_client(topic.clone(), 0, UnknownTopicHandling::Error).await?;
    let fetched = rskafka.fetch_records(1, 1..1_000_000, 100).await;
    assert!(fetched.is_err(), "rskafka has learned to read this: {fetched:?}");

    let contents = read_batch_at(&broker.kafka, &topic, 0, 1).await?;
    assert_eq!(values(&contents), ["with", "beside"]);
    assert_eq!((contents.next_offset, contents.high_watermark), (4, Some(5)));
    let [read] = &contents.unreadable[..] else { panic!("{contents:?}") };
    assert!(!read.reason.is_empty());
    assert_eq!(*read, RawRecord { offset: 2, reason: read.reason.clone(), ..poison });

    let rest = rskafka.fetch_records(contents.next_offset, 1..1_000_000, 1_000).await?.0;
    assert_eq!(rest[0].record.value.as_deref(), Some(b"after".as_slice()));
    Ok(())
}

#[tokio::test]
async fn one_reader_goes_through_a_log_batch_by_batch() -> Result<()> {
    let broker = Broker::start().await?;
    let topic = create_topic(&broker, "producer").await?;
    let mut reader = BatchReader::new(&broker.kafka, &topic, 0);
    let empty = reader.read_at(0).await?;
    assert_eq!(empty, BatchContents { high_watermark: Some(0), ..BatchContents::default() });
    for batch in [&["a", "b"][..], &["c"], &["d", "e"]] {
        let records: Vec<_> = batch.iter().map(|value| plain(value)).collect();
        produce_raw(&broker.kafka, &topic, 0, &records).await?;
    }
    let mut read = Vec::new();
    let mut offset = 1;
    while offset < 5 {
        let contents = reader.read_at(offset).await?;
        read.push((offset, values(&contents).join("")));
        offset = contents.next_offset;
    }
    assert_eq!(read, [(1, "b".to_owned()), (2, "c".to_owned()), (3, "de".to_owned())]);
    let end = reader.read_at(5).await?;
    assert_eq!((end.next_offset, end.records.len()), (5, 0));
    let error = reader.read_at(6).await.unwrap_err();
    assert_eq!(error.kafka(), Some(ResponseError::OffsetOutOfRange), "{error}");
    Ok(())
}

#[tokio::test]
async fn every_codec_a_topic_may_be_kept_in_is_read() -> Result<()> {
    let broker = Broker::start().await?;
    let text = "compressible ".repeat(5_000);
    // A broker that compresses by itself makes text of a header name that is none.
    let headers: Vec<_> = poisonous_headers().into_iter().filter(|(name, _)| name.is_ascii()).collect();
    for codec in ["uncompressed", "gzip", "snappy", "lz4", "zstd"] {
        let topic = create_topic(&broker, codec).await?;
        let odd = RawRecord { headers: headers.clone(), ..plain(&text) };
        produce_raw(&broker.kafka, &topic, 0, &[plain(&text), odd, plain("end")]).await?;
        let contents = read_batch_at(&broker.kafka, &topic, 0, 0).await?;
        assert_eq!(values(&contents), [text.as_str(), "end"], "{codec}");
        assert_eq!(contents.unreadable.len(), 1, "{codec}: {:?}", contents.unreadable);
        assert_eq!(contents.unreadable[0].headers, headers, "{codec}");
    }
    Ok(())
}

#[tokio::test]
async fn a_missing_partition_is_named() -> Result<()> {
    let broker = Broker::start().await?;
    let topic = create_topic(&broker, "producer").await?;
    let error = produce_raw(&broker.kafka, &topic, 1, &[plain("x")]).await.unwrap_err();
    assert_eq!(error.kafka(), Some(ResponseError::UnknownTopicOrPartition));
    assert!(error.to_string().contains(&format!("{topic}/1")), "{error}");
    let error = read_batch_at(&broker.kafka, &topic, 1, 0).await.unwrap_err();
    assert_eq!(error.kafka(), Some(ResponseError::UnknownTopicOrPartition));
    Ok(())
}

/// A topic of one partition that keeps its batches in `codec`.
async fn create_topic(broker: &Broker, codec: &str) -> Result<String> {
    let name = unique("batch");
    let setting = CreatableTopicConfig::default()
        .with_name(StrBytes::from_static_str("compression.type"))
        .with_value(Some(StrBytes::from_string(codec.to_owned())));
    let topic = CreatableTopic::default()
        .with_name(TopicName(StrBytes::from_string(name.clone())))
        .with_num_partitions(1)
        .with_replication_factor(1)
        .with_configs(vec![setting]);
    let request = CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(5_000);
    let config = broker.kafka.config();
    let mut connection = wire::bootstrap(config).await?;
    let version = connection.version::<CreateTopicsRequest>(7)?;
    let answer = connection.call(&request, version, config.timeout).await?;
    anyhow::ensure!(answer.topics[0].error_code == 0, "{:?}", answer.topics[0]);
    let deadline = tokio::time::Instant::now() + config.timeout;
    while wire::open_leader(&broker.kafka, &name, 0).await.is_err() {
        anyhow::ensure!(tokio::time::Instant::now() < deadline, "{name} has no leader");
        tokio::task::yield_now().await;
    }
    Ok(name)
}

fn plain(value: &str) -> RawRecord {
    RawRecord {
        timestamp_ms: 1_700_000_000_000,
        key: Some(Bytes::from_static(b"key")),
        value: Some(Bytes::from(value.to_owned())),
        ..RawRecord::default()
    }
}

/// A null value, a name that is no text, one that occurs twice, and an order that no map keeps.
fn poisonous_headers() -> Vec<(Bytes, Option<Bytes>)> {
    let value = |text: &'static str| Some(Bytes::from_static(text.as_bytes()));
    vec![
        (Bytes::from_static(b"z"), None),
        (Bytes::from_static(b"\xff"), value("1")),
        (Bytes::from_static(b"a"), value("2")),
        (Bytes::from_static(b"a"), value("3")),
    ]
}

fn values(contents: &BatchContents) -> Vec<&str> {
    let values = contents.records.iter().map(|record| record.record.value.as_deref().unwrap_or_default());
    values.map(|value| str::from_utf8(value).unwrap_or("not text")).collect()
}
