//! What the broker itself costs: a bare request/reply over two topics with rskafka, nothing else.
//!
//! ```text
//!   produce ─▶ requests ─▶ fetch, parked since the last one
//!   fetch, parked since the last one ◀─ replies ◀─ produce
//! ```
//!
//! One request is in flight, its records have the bytes and headers that the stack would write, sockets have NODELAY
//! as ours do. As in the stack, a fetch waits at the broker before the record that it is for is written, and nobody
//! waits for an acknowledgement before listening.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use chrono::Utc;
use futures::poll;
use kafka::topics::{self, TopicSpec};
use kafka::{Kafka, Record};
use protocol::header::{self, Deadline, Headers};
use protocol::reply::encode_reply;
use protocol::{CorrelationId, Tag, add_request_headers, encode_request};
use rskafka::client::partition::{Compression, OffsetAt, PartitionClient};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::driver;
use super::sample::Sample;
use crate::wait;

const CALL_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_WAIT_MS: i32 = 500;
const MAX_BYTES: i32 = 4_000_000;
const RETENTION: Duration = Duration::from_secs(600);
/// What the gateway gives a request by default.
const TIME_TO_LIVE: Duration = Duration::from_secs(10);

/// Two topics and an echo between them.
pub struct Floor {
    reply_topic: String,
    requests: PartitionClient,
    replies: PartitionClient,
    _echo: JoinSet<Result<()>>,
}

impl Floor {
    /// The topics of a floor named `prefix`.
    pub fn topics(prefix: &str) -> [String; 2] {
        [format!("{prefix}-floor-requests"), format!("{prefix}-floor-replies")]
    }

    /// Creates the topics of that floor and starts the echo.
    ///
    /// # Errors
    /// The broker does not answer.
    pub async fn start(kafka: &Kafka, prefix: &str) -> Result<Self> {
        let [requests, replies] = Self::topics(prefix);
        let spec = |name: &String| TopicSpec { name: name.clone(), partitions: 1, retention: RETENTION };
        topics::ensure(kafka, &[spec(&requests), spec(&replies)], true).await?;
        let (echo_in, echo_out) = (connect(kafka, &requests).await?, connect(kafka, &replies).await?);
        // Known before the first request can be written.
        let position = echo_in.get_offset(OffsetAt::Latest).await?;
        let mut echoing = JoinSet::new();
        echoing.spawn(echo(echo_in, position, echo_out));
        Ok(Self {
            requests: connect(kafka, &requests).await?,
            replies: connect(kafka, &replies).await?,
            reply_topic: replies,
            _echo: echoing,
        })
    }

    /// Measures round trips of requests with `data_bytes` bytes of `data`.
    ///
    /// # Errors
    /// The broker does not answer.
    pub async fn measure(&self, data_bytes: usize, warm_up: Duration, measure: Duration) -> Result<Sample> {
        let (requests, replies) = (&self.requests, &self.replies);
        let mut sample = Sample::new(measure);
        let mut listening = Box::pin(next(replies, replies.get_offset(OffsetAt::Latest).await?));
        let _ = poll!(&mut listening);
        let data = driver::data(0, data_bytes);
        let begin = Instant::now() + warm_up;
        let end = begin + measure;
        while Instant::now() < end {
            let record = self.request(&data)?;
            let sent = Instant::now();
            let reply = async {
                let found = timeout(CALL_TIMEOUT, &mut listening).await;
                (sent.elapsed(), found)
            };
            let (acknowledged, (took, found)) = tokio::join!(produce(requests, vec![record]), reply);
            acknowledged?;
            let (position, _) = found.context("no reply came")??;
            listening.set(next(replies, position));
            // The first poll sends the fetch: it waits at the broker when the next request is written.
            let _ = poll!(&mut listening);
            if sent >= begin {
                sample.record(took);
            }
        }
        ensure!(sample.count() > 0, "not one reply came in the time that was measured");
        Ok(sample)
    }

    fn request(&self, data: &str) -> Result<Record> {
        let id = CorrelationId::random(Tag::from(*b"alon")).as_text();
        let now = u64::try_from(Utc::now().timestamp_millis())?;
        let mut headers = Headers::new();
        let deadline = Deadline::after(now, TIME_TO_LIVE);
        add_request_headers(&mut headers, &id, &self.reply_topic, Some(0), &deadline);
        Ok(Record {
            key: Some(id.as_bytes().to_vec()),
            value: Some(encode_request(&id, "hash", &json!({ "data": data }))?),
            headers,
            timestamp: Utc::now(),
        })
    }
}

/// A connection to the only partition of `topic`, whose leader may not know yet that it is one.
async fn connect(kafka: &Kafka, topic: &str) -> Result<PartitionClient> {
    wait::until_ok("the partition's leader", async || {
        let client = kafka.connect(topic, 0).await?;
        client.get_offset(OffsetAt::Latest).await?;
        anyhow::Ok(client)
    })
    .await
}

async fn echo(requests: PartitionClient, position: i64, replies: PartitionClient) -> Result<()> {
    let (mut position, mut found) = next(&requests, position).await?;
    loop {
        let answers = found.into_iter().map(reply).collect::<Result<Vec<_>>>()?;
        let (acknowledged, fetched) = tokio::join!(produce(&replies, answers), next(&requests, position));
        acknowledged?;
        (position, found) = fetched?;
    }
}

fn reply(request: Record) -> Result<Record> {
    let key = request.key.context("our requests have a key")?;
    let value = encode_reply(str::from_utf8(&key)?, &json!({ "hash": "0".repeat(64) }))?;
    let headers = Headers::from([(header::CORRELATION_ID.to_owned(), key.clone())]);
    Ok(Record { key: Some(key), value: Some(value), headers, timestamp: Utc::now() })
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

#[cfg(test)]
mod tests {
    use embedded_broker::{Broker, Config};

    use super::*;

    #[tokio::test]
    async fn replies_come_back() {
        let broker = Broker::start(Config::default()).await.unwrap();
        let kafka = Kafka::new(kafka::Config {
            brokers: vec![broker.bootstrap()],
            client_id: "test".into(),
            timeout: Duration::from_secs(5),
            security: kafka::Security::default(),
        });
        let floor = Floor::start(&kafka, "test").await.unwrap();
        for bytes in [10, 100_000] {
            let sample = floor.measure(bytes, Duration::from_millis(20), Duration::from_millis(100)).await;
            assert!(sample.unwrap().count() > 0);
        }
    }
}
