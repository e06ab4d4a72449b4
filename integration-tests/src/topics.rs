//! Looking into topics, and putting records there by hand.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use chrono::Utc;
use kafka::reader::{Reader, Start};
use kafka::topics::{self, TopicSpec};
use kafka::{Kafka, Record, RecordAndOffset};
use rskafka::client::partition::Compression;
use tokio::time::timeout;

const RETENTION: Duration = Duration::from_secs(3600);
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a read waits for one more record before it takes the log for complete.
const QUIET: Duration = Duration::from_millis(700);

/// Creates a topic.
///
/// # Errors
/// The broker refuses.
pub async fn create(kafka: &Kafka, topic: &str, partitions: i32) -> Result<()> {
    let spec = TopicSpec { name: topic.to_owned(), partitions, retention: RETENTION };
    topics::ensure(kafka, &[spec], true).await?;
    Ok(())
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

/// Writes one batch.
///
/// # Errors
/// The broker refuses.
pub async fn write(kafka: &Kafka, topic: &str, partition: i32, records: Vec<Record>) -> Result<()> {
    let client = kafka.connect(topic, partition).await?;
    timeout(CALL_TIMEOUT, client.produce(records, Compression::NoCompression)).await??;
    Ok(())
}

/// Everything in a topic now, partition by partition.
///
/// # Errors
/// It cannot be read.
pub async fn read_all(kafka: &Kafka, topic: &str) -> Result<Vec<RecordAndOffset>> {
    let mut found = Vec::new();
    for partition in 0..topics::partition_count(kafka, topic).await? {
        let mut reader = Reader::open(kafka, topic, partition, Start::Earliest).await?;
        while let Ok(fetched) = timeout(QUIET, reader.next()).await {
            if fetched.records.is_empty() && fetched.unreadable.is_empty() {
                break;
            }
            found.extend(fetched.records);
        }
    }
    Ok(found)
}
