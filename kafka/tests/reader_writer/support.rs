//! A cluster to test against, a courier that keeps books, and bounded waits.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use embedded_broker::Broker;
use kafka::{
    Config, Kafka, Record,
    reader::{Fetched, Reader, Start},
    topics::{TopicSpec, ensure},
    writer::{Courier, WriteError, Writer, WriterConfig},
};
use parking_lot::Mutex;
use tokio::time::{sleep, timeout};

/// Nothing that a test waits for takes longer, unless it is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

/// A cluster of one broker.
pub(crate) struct Cluster {
    pub(crate) kafka: Kafka,
    pub(crate) broker: Option<Broker>,
}

impl Cluster {
    /// Whatever broker was chosen.
    pub(crate) async fn any() -> Result<Self> {
        match std::env::var("TEST_BROKER") {
            Ok(address) if address != "embedded" => {
                Ok(Self { kafka: Kafka::new(config(address, Duration::from_secs(5))), broker: None })
            }
            _ => Self::embedded().await,
        }
    }

    /// One that can be made to fail. Calls to it end after one second.
    pub(crate) async fn embedded() -> Result<Self> {
        // A look-up that would create a topic is found out.
        let config =
            embedded_broker::Config { auto_create_partitions: Some(1), ..embedded_broker::Config::default() };
        let broker = Broker::start(config).await?;
        let kafka = Kafka::new(self::config(broker.bootstrap(), Duration::from_secs(1)));
        Ok(Self { kafka, broker: Some(broker) })
    }

    pub(crate) fn broker(&self) -> &Broker {
        self.broker.as_ref().expect("an embedded broker")
    }

    /// A topic of its own for the caller.
    pub(crate) async fn topic(&self, partitions: i32) -> Result<String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed()?.as_micros();
        let name = format!("reader-writer-{now}-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.create(&name, partitions).await?;
        Ok(name)
    }

    pub(crate) async fn create(&self, topic: &str, partitions: i32) -> Result<()> {
        let spec = TopicSpec { name: topic.to_owned(), partitions, retention: Duration::from_secs(3600) };
        ensure(&self.kafka, &[spec], true).await?;
        Ok(())
    }

    /// Stops the broker, lets `pause` pass and starts it again.
    pub(crate) async fn restart(&mut self, pause: Duration) -> Result<()> {
        let stopped = self.broker.take().context("an embedded broker")?.stop().await;
        sleep(pause).await;
        self.broker = Some(stopped.start().await?);
        Ok(())
    }

    pub(crate) async fn reader(&self, topic: &str, partition: i32) -> Result<Reader> {
        Ok(Reader::open(&self.kafka, topic, partition, Start::Earliest).await?)
    }
}

fn config(address: String, timeout: Duration) -> Config {
    Config {
        brokers: vec![address],
        client_id: "reader-writer-tests".to_owned(),
        timeout,
        security: kafka::Security::default(),
    }
}

/// Keeps books on every record, whose token is the number that it carries as its value.
#[derive(Default)]
pub(crate) struct Books {
    pub(crate) departures: Mutex<BTreeMap<u32, u32>>,
    pub(crate) delivered: Mutex<BTreeMap<u32, (i32, i64)>>,
    pub(crate) failed: Mutex<BTreeMap<u32, WriteError>>,
    /// Those of the failed that may have been written before.
    pub(crate) perhaps_written: Mutex<Vec<u32>>,
    /// Records that are not to be sent.
    pub(crate) unwanted: Mutex<Vec<u32>>,
    pub(crate) loads: Mutex<BTreeMap<i32, usize>>,
}

impl Courier for Books {
    type Token = u32;

    fn load(&self, partition: i32) -> usize {
        self.loads.lock().get(&partition).copied().unwrap_or(0)
    }

    fn departing(&self, number: &u32, _: i32) -> bool {
        let wanted = !self.unwanted.lock().contains(number);
        if wanted {
            *self.departures.lock().entry(*number).or_default() += 1;
        }
        wanted
    }

    fn delivered(&self, number: u32, partition: i32, offset: i64) {
        let before = self.delivered.lock().insert(number, (partition, offset));
        assert_eq!(before, None, "record {number} delivered twice");
    }

    fn failed(&self, number: u32, error: &WriteError, may_be_written: bool) {
        if may_be_written {
            self.perhaps_written.lock().push(number);
        }
        let before = self.failed.lock().insert(number, *error);
        assert_eq!(before, None, "record {number} failed twice");
    }
}

/// One lane to each partition.
pub(crate) fn start_writer(cluster: &Cluster, topic: &str, partitions: i32) -> (Writer<Books>, Arc<Books>) {
    let books = Arc::new(Books::default());
    let config = WriterConfig {
        topic: topic.to_owned(),
        partitions: (0..partitions).collect(),
        lanes_per_partition: 1,
        max_queued_records: 5_000,
        max_queued_bytes: 8_000_000,
    };
    (Writer::start(cluster.kafka.clone(), config, books.clone()), books)
}

pub(crate) fn record(number: u32) -> Record {
    record_of(number, 0)
}

/// One that carries its number and `padding` more bytes.
pub(crate) fn record_of(number: u32, padding: usize) -> Record {
    let mut value = number.to_string().into_bytes();
    value.resize(value.len() + padding, b' ');
    Record {
        key: Some(number.to_string().into_bytes()),
        value: Some(value),
        headers: BTreeMap::from([("number".to_owned(), number.to_be_bytes().to_vec())]),
        timestamp: rskafka::chrono::DateTime::from_timestamp_millis(1_700_000_000_000).expect("a date"),
    }
}

/// The number a record carries, which its key, value and header agree on.
pub(crate) fn number(record: &Record) -> u32 {
    let text = |bytes: &Option<Vec<u8>>| String::from_utf8(bytes.clone().expect("bytes")).expect("text");
    let number: u32 = text(&record.key).parse().expect("a number");
    assert_eq!(text(&record.value).trim_end(), number.to_string());
    assert_eq!(record.headers["number"], number.to_be_bytes());
    number
}

pub(crate) fn numbers(fetched: &Fetched) -> Vec<u32> {
    fetched.records.iter().map(|found| number(&found.record)).collect()
}

/// What `next` gives, if it gives anything in time.
pub(crate) async fn next(reader: &mut Reader) -> Result<Fetched> {
    timeout(PATIENCE, reader.next()).await.context("the reader found nothing")
}

/// The next `count` records of one partition.
pub(crate) async fn read(reader: &mut Reader, count: usize) -> Result<Vec<u32>> {
    let mut found = Vec::new();
    while found.len() < count {
        let fetched = next(reader).await?;
        assert_eq!(fetched.unreadable, []);
        found.extend(numbers(&fetched));
    }
    Ok(found)
}

pub(crate) async fn flushed(writer: &Writer<Books>) -> Result<()> {
    timeout(PATIENCE, writer.flush()).await.with_context(|| format!("not everything was written: {writer:?}"))
}

/// Waits until `condition` holds.
pub(crate) async fn eventually(what: &str, condition: impl Fn() -> bool) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        if Instant::now() > deadline {
            bail!("never came: {what}");
        }
        sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}
