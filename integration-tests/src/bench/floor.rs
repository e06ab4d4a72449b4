//! What the broker itself costs: a bare request/reply over two topics with rskafka, nothing else.
//!
//! produce → parked fetch → produce → parked fetch, one in flight. Sockets have NODELAY as ours do.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use chrono::Utc;
use kafka::topics::{self, TopicSpec};
use kafka::{Kafka, Record};
use rskafka::client::partition::{Compression, OffsetAt, PartitionClient};
use tokio::time::timeout;

use super::sample::Sample;

const CALL_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_WAIT_MS: i32 = 500;
const MAX_BYTES: i32 = 4_000_000;

struct Sockets {
    requests_out: PartitionClient,
    requests_in: PartitionClient,
    replies_out: PartitionClient,
    replies_in: PartitionClient,
}

/// Measures the floor for records whose value has `payload_bytes` bytes, on topics named after `prefix`.
///
/// # Errors
/// The broker does not answer.
pub async fn measure(kafka: &Kafka, prefix: &str, payload_bytes: usize, measure: Duration) -> Result<Sample> {
    let (requests, replies) = (format!("{prefix}-floor-requests"), format!("{prefix}-floor-replies"));
    let spec =
        |name: &String| TopicSpec { name: name.clone(), partitions: 1, retention: Duration::from_secs(600) };
    topics::ensure(kafka, &[spec(&requests), spec(&replies)], true).await?;
    let sockets = Sockets {
        requests_out: kafka.connect(&requests, 0).await?,
        requests_in: kafka.connect(&requests, 0).await?,
        replies_out: kafka.connect(&replies, 0).await?,
        replies_in: kafka.connect(&replies, 0).await?,
    };
    let Sockets { requests_out, requests_in, replies_out, replies_in } = sockets;
    let worker = tokio::spawn(echo(requests_in, replies_out));
    let mut position = replies_in.get_offset(OffsetAt::Latest).await?;
    let mut sample = Sample::new(measure);
    let begin = Instant::now() + measure / 4;
    let end = begin + measure;
    while Instant::now() < end {
        let sent = Instant::now();
        let record = Record {
            key: Some(vec![b'k'; 36]),
            value: Some(vec![b'v'; payload_bytes + 64]),
            headers: [("kafka_correlationId".to_owned(), vec![b'c'; 36])].into(),
            timestamp: Utc::now(),
        };
        // As in our gateway, the reply is listened for while the acknowledgement is on its way.
        let (written, next) = tokio::join!(produce(&requests_out, vec![record]), next(&replies_in, position));
        written?;
        position = next?.0;
        if sent >= begin {
            sample.record(sent.elapsed());
        }
    }
    worker.abort();
    Ok(sample)
}

async fn echo(requests: PartitionClient, replies: PartitionClient) -> Result<()> {
    let mut position = requests.get_offset(OffsetAt::Latest).await?;
    loop {
        let (after, mut records) = next(&requests, position).await?;
        position = after;
        for record in &mut records {
            record.value = Some(vec![b'r'; 144]);
        }
        produce(&replies, records).await?;
    }
}

async fn produce(client: &PartitionClient, records: Vec<Record>) -> Result<()> {
    timeout(CALL_TIMEOUT, client.produce(records, Compression::NoCompression))
        .await
        .context("no acknowledgement")??;
    Ok(())
}

async fn next(client: &PartitionClient, position: i64) -> Result<(i64, Vec<Record>)> {
    loop {
        let fetch = client.fetch_records(position, 1..MAX_BYTES, MAX_WAIT_MS);
        let (found, _) = timeout(CALL_TIMEOUT, fetch).await.context("no fetch response")??;
        if let Some(last) = found.last() {
            return Ok((last.offset + 1, found.into_iter().map(|found| found.record).collect()));
        }
    }
}
