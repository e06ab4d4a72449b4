//! Looking into topics, and putting records there by hand.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bytes::{Bytes, BytesMut};
use chrono::Utc;
use flate2::write::GzEncoder;
use kafka::reader::{Reader, Start};
use kafka::topics::{self, TopicSpec};
use kafka::{Kafka, Record, RecordAndOffset, wire};
use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    CreatePartitionsRequest, CreateTopicsRequest, DeleteTopicsRequest, ProduceRequest, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records::{Compression, Record as RawRecord, RecordBatchEncoder, RecordEncodeOptions};
use lz4_flex::frame::FrameEncoder;
use rskafka::client::partition::Compression::NoCompression;
use rskafka::client::partition::PartitionClient;
use ruzstd::encoding::CompressionLevel;
use tokio::time::timeout;

use crate::wait;

const RETENTION: Duration = Duration::from_secs(3600);
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// Creates a topic.
///
/// # Errors
/// The broker refuses.
pub async fn create(kafka: &Kafka, topic: &str, partitions: i32) -> Result<()> {
    let spec = TopicSpec { name: topic.to_owned(), partitions, retention: RETENTION };
    topics::ensure(kafka, &[spec], true).await?;
    for partition in 0..partitions {
        leader(kafka, topic, partition).await?;
    }
    Ok(())
}

/// A connection to the partition's leader, which may not know yet that it is one right after the topic was created.
async fn leader(kafka: &Kafka, topic: &str, partition: i32) -> Result<PartitionClient> {
    wait::until_ok("the partition's leader", async || kafka.connect(topic, partition).await).await
}

/// A record as somebody would type it.
pub fn record(key: Option<&str>, value: Option<&[u8]>, headers: &[(&str, &[u8])]) -> Record {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), value.to_vec()));
    Record {
        key: key.map(|key| key.as_bytes().to_vec()),
        value: value.map(<[u8]>::to_vec),
        headers: headers.collect::<BTreeMap<_, _>>(),
        timestamp: Utc::now(),
    }
}

/// Creates a topic whose batches may have at most `max_bytes` bytes.
///
/// # Errors
/// The broker refuses.
pub async fn create_limited(kafka: &Kafka, topic: &str, partitions: i32, max_bytes: usize) -> Result<()> {
    let limit = CreatableTopicConfig::default()
        .with_name(StrBytes::from_static_str("max.message.bytes"))
        .with_value(Some(StrBytes::from_string(max_bytes.to_string())));
    let topic = CreatableTopic::default()
        .with_name(TopicName(StrBytes::from_string(topic.to_owned())))
        .with_num_partitions(partitions)
        .with_replication_factor(1)
        .with_configs(vec![limit]);
    let request = CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(5000);
    let mut broker = wire::bootstrap(kafka.config()).await?;
    let version = broker.version::<CreateTopicsRequest>(5)?;
    let answer = broker.call(&request, version, CALL_TIMEOUT).await?;
    ensure!(answer.topics.iter().all(|topic| topic.error_code == 0), "{:?}", answer.topics);
    Ok(())
}

/// Gives a topic more partitions, `count` in all.
///
/// # Errors
/// The broker refuses.
pub async fn add_partitions(kafka: &Kafka, topic: &str, count: i32) -> Result<()> {
    let topic = CreatePartitionsTopic::default()
        .with_name(TopicName(StrBytes::from_string(topic.to_owned())))
        .with_count(count)
        .with_assignments(None);
    let request = CreatePartitionsRequest::default().with_topics(vec![topic]).with_timeout_ms(5000);
    let mut broker = wire::bootstrap(kafka.config()).await?;
    let version = broker.version::<CreatePartitionsRequest>(1)?;
    let answer = broker.call(&request, version, CALL_TIMEOUT).await?;
    ensure!(answer.results.iter().all(|result| result.error_code == 0), "{:?}", answer.results);
    Ok(())
}

/// Deletes a topic.
///
/// # Errors
/// The broker refuses.
pub async fn delete(kafka: &Kafka, topic: &str) -> Result<()> {
    let request = DeleteTopicsRequest::default()
        .with_topic_names(vec![TopicName(StrBytes::from_string(topic.to_owned()))])
        .with_timeout_ms(5000);
    let mut broker = wire::bootstrap(kafka.config()).await?;
    let version = broker.version::<DeleteTopicsRequest>(5)?;
    let answer = broker.call(&request, version, CALL_TIMEOUT).await?;
    ensure!(answer.responses.iter().all(|topic| topic.error_code == 0), "{:?}", answer.responses);
    Ok(())
}

/// Records as one batch, compressed by a producer of codec `compression`. All codecs are pure Rust.
///
/// # Errors
/// They cannot be encoded.
pub fn compressed(records: &[RawRecord], compression: Compression) -> Result<Bytes> {
    let mut batch = BytesMut::new();
    let options = RecordEncodeOptions { version: 2, compression };
    RecordBatchEncoder::encode_with_custom_compression(&mut batch, records, &options, Some(compress))?;
    Ok(batch.freeze())
}

fn compress(plain: &mut BytesMut, batch: &mut BytesMut, compression: Compression) -> Result<()> {
    let packed = match compression {
        Compression::None => plain.to_vec(),
        Compression::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(plain)?;
            encoder.finish()?
        }
        Compression::Snappy => {
            // Brokers read the framing of the Java library, not the bare block.
            let block = snap::raw::Encoder::new().compress_vec(plain)?;
            let length = u32::try_from(block.len())?.to_be_bytes();
            [b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01", &length[..], &block].concat()
        }
        Compression::Lz4 => {
            let mut encoder = FrameEncoder::new(Vec::new());
            encoder.write_all(plain)?;
            encoder.finish()?
        }
        Compression::Zstd => ruzstd::encoding::compress_to_vec(&plain[..], CompressionLevel::Fastest),
    };
    batch.extend_from_slice(&packed);
    Ok(())
}

/// Appends a batch that is encoded already.
///
/// # Errors
/// The broker refuses.
pub async fn write_encoded(kafka: &Kafka, topic: &str, partition: i32, batch: Bytes) -> Result<()> {
    let data = PartitionProduceData::default().with_index(partition).with_records(Some(batch));
    let named = TopicProduceData::default()
        .with_name(TopicName(StrBytes::from_string(topic.to_owned())))
        .with_partition_data(vec![data]);
    let request = ProduceRequest::default().with_acks(-1).with_timeout_ms(5000).with_topic_data(vec![named]);
    let mut leader = wire::open_leader(kafka, topic, partition).await?;
    let version = leader.version::<ProduceRequest>(9)?;
    let answer = leader.call(&request, version, CALL_TIMEOUT).await?;
    let refused = answer.responses.iter().flat_map(|t| &t.partition_responses).any(|p| p.error_code != 0);
    ensure!(!refused, "{:?}", answer.responses);
    Ok(())
}

/// Writes one batch.
///
/// # Errors
/// The broker refuses.
pub async fn write(kafka: &Kafka, topic: &str, partition: i32, records: Vec<Record>) -> Result<()> {
    // A leader may not know yet that it is one, right after the topic was created.
    let client =
        wait::until_ok("the partition's leader", async || kafka.connect(topic, partition).await).await?;
    timeout(CALL_TIMEOUT, client.produce(records, NoCompression)).await??;
    Ok(())
}

/// Everything in a topic now, partition by partition.
///
/// # Errors
/// It cannot be read.
pub async fn read_all(kafka: &Kafka, topic: &str) -> Result<Vec<RecordAndOffset>> {
    let partitions: Vec<i32> = (0..topics::partition_count(kafka, topic).await?).collect();
    let mut found = Vec::new();
    for (partition, end) in kafka::log_ends(kafka, topic, &partitions).await? {
        let open = async || Reader::open(kafka, topic, partition, Start::Earliest).await;
        let mut reader = wait::until_ok("the partition's leader", open).await?;
        while reader.position() < end {
            let fetched =
                timeout(CALL_TIMEOUT, reader.next()).await.context("the log does not reach its end")?;
            found.extend(fetched.records);
        }
    }
    Ok(found)
}
