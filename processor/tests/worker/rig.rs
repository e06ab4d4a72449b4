//! A broker, processors on it, and hands to write requests and read what comes of them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use embedded_broker::Broker;
use hash_processor::{Operations, Processor};
use kafka::batch::{RawRecord, produce_raw};
use kafka::reader::{Reader, Start};
use kafka::{Config, Kafka, Record};
use service::settings::{KafkaSettings, Port, ProcessorSettings};
use service::{Shutdown, WallClock};
use tokio::time::{Instant, sleep, timeout};

pub(crate) const REQUESTS: &str = "requests";
pub(crate) const RESPONSES: &str = "responses";
pub(crate) const DEAD_LETTERS: &str = "requests.dlq";
pub(crate) const GROUP: &str = "workers";

/// What a test waits for comes within this time, or it fails.
const PATIENCE: Duration = Duration::from_secs(15);

/// A broker with the topics of one worker group, one partition each unless the test makes them first.
pub(crate) struct Rig {
    pub(crate) broker: Broker,
    pub(crate) kafka: Kafka,
}

/// A processor at work.
pub(crate) struct Running {
    pub(crate) management_port: u16,
    shutdown: Shutdown,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Rig {
    pub(crate) async fn start() -> Result<Self> {
        Ok(Self::of(Broker::start(embedded_broker::Config::default()).await?))
    }

    pub(crate) fn of(broker: Broker) -> Self {
        let config = Config {
            brokers: vec![broker.bootstrap()],
            client_id: "processor-tests".into(),
            timeout: Duration::from_secs(5),
            security: kafka::Security::default(),
        };
        Self { broker, kafka: Kafka::new(config) }
    }

    pub(crate) fn settings(&self) -> ProcessorSettings {
        settings(self.broker.bootstrap())
    }

    /// A processor that is in the group.
    pub(crate) async fn processor(&self, operations: Operations) -> Result<Running> {
        let before = self.broker.member_count(GROUP);
        let running = Running::start(self.settings(), operations)?;
        until("the processor to join", || self.broker.member_count(GROUP) > before).await?;
        Ok(running)
    }

    /// Appends records as one batch; gives the offset of the first.
    pub(crate) async fn produce(&self, topic: &str, partition: i32, records: &[RawRecord]) -> Result<i64> {
        Ok(produce_raw(&self.kafka, topic, partition, records).await?)
    }

    /// Appends requests to the first partition.
    pub(crate) async fn request(&self, records: &[RawRecord]) -> Result<i64> {
        self.produce(REQUESTS, 0, records).await
    }

    /// The first `count` records of a partition, once they are there. A reader of its own each time.
    pub(crate) async fn read(&self, topic: &str, partition: i32, count: usize) -> Result<Vec<Record>> {
        let what = format!("{count} records in {topic}/{partition}");
        let mut records = Vec::new();
        let reading = async {
            let mut reader = Reader::open(&self.kafka, topic, partition, Start::Earliest).await?;
            while records.len() < count {
                records.extend(reader.next().await.records.into_iter().map(|found| found.record));
            }
            anyhow::Ok(())
        };
        timeout(PATIENCE, reading).await.with_context(|| format!("waited in vain for {what}"))??;
        Ok(records)
    }

    /// The same of the replies, by their text.
    pub(crate) async fn replies(&self, count: usize) -> Result<Vec<String>> {
        let records = self.read(RESPONSES, 0, count).await?;
        Ok(records.iter().map(|record| text(record.value.as_deref().unwrap_or_default())).collect())
    }

    /// Waits until the group has finished the first partition up to `offset`.
    pub(crate) async fn committed(&self, offset: i64) -> Result<()> {
        let committed = || self.broker.committed(GROUP, REQUESTS, 0);
        until("the commit", || committed() == Some(offset))
            .await
            .with_context(|| format!("{:?} is committed instead of {offset}", committed()))
    }

    /// Makes the topics, with one partition each unless said otherwise.
    pub(crate) fn topics(&self, partitions: i32) -> Result<()> {
        for topic in [REQUESTS, RESPONSES, DEAD_LETTERS] {
            self.broker.create_topic(topic, partitions).map_err(|error| anyhow!("{topic}: {error:?}"))?;
        }
        Ok(())
    }
}

pub(crate) fn settings(broker: String) -> ProcessorSettings {
    let defaults = ProcessorSettings::default();
    let kafka = KafkaSettings {
        brokers: vec![broker],
        request_topic: REQUESTS.into(),
        response_topic: RESPONSES.into(),
        partitions: 1,
        ..defaults.kafka.clone()
    };
    ProcessorSettings {
        kafka,
        management_port: Port::ANY,
        group_id: GROUP.into(),
        heavy_threads: 2,
        ..defaults
    }
}

impl Running {
    pub(crate) fn start(settings: ProcessorSettings, operations: Operations) -> Result<Self> {
        Self::start_with(settings, operations, WallClock::system())
    }

    pub(crate) fn start_with(
        settings: ProcessorSettings,
        operations: Operations,
        clock: WallClock,
    ) -> Result<Self> {
        let processor = Processor::bind_with(settings, operations, clock)?;
        let management_port = processor.management_port();
        let shutdown = Shutdown::manual();
        let told = shutdown.clone();
        let thread =
            std::thread::Builder::new().name("processor".into()).spawn(move || processor.run(&told))?;
        Ok(Self { management_port, shutdown, thread: Some(thread) })
    }

    /// Stops it in order; gives how long that took.
    pub(crate) async fn stop(mut self) -> Result<Duration> {
        let began = Instant::now();
        self.shutdown.trigger();
        let thread = self.thread.take().context("it runs")?;
        let ended = tokio::task::spawn_blocking(move || thread.join()).await?;
        ended.map_err(|_| anyhow!("the processor panicked"))??;
        Ok(began.elapsed())
    }

    /// What the management port answers.
    pub(crate) fn get(&self, path: &str) -> Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.management_port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    /// Waits until it calls itself ready.
    pub(crate) async fn ready(&self) -> Result<()> {
        until("readiness", || self.get("/health/ready").is_ok_and(|answer| answer.contains("200 OK"))).await
    }

    /// Waits until its readiness page has this text.
    pub(crate) async fn shows(&self, text: &str) -> Result<()> {
        let shows = || self.get("/health/ready").is_ok_and(|page| page.contains(text));
        until("the page", shows)
            .await
            .with_context(|| format!("{text} in {}", self.get("/health/ready").unwrap_or_default()))
    }

    /// Waits until the metrics have this line.
    pub(crate) async fn counted(&self, line: &str) -> Result<()> {
        let has = || self.get("/metrics").is_ok_and(|text| text.lines().any(|found| found == line));
        until("the metric", has)
            .await
            .with_context(|| format!("{line} in {}", self.get("/metrics").unwrap_or_default()))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.hurry();
        if let Some(thread) = self.thread.take() {
            // A test that fails has said why.
            let _ = thread.join();
        }
    }
}

/// Waits for a state.
pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        ensure!(Instant::now() < deadline, "waited in vain for {what}");
        sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

/// A record with this value and these headers, as of now.
pub(crate) fn record(value: impl Into<String>, headers: &[(&str, &[u8])]) -> RawRecord {
    let value = value.into();
    RawRecord {
        timestamp_ms: chrono::Utc::now().timestamp_millis(),
        value: Some(value.into()),
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).to_owned().into(), Some(value.to_vec().into())))
            .collect(),
        ..RawRecord::default()
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(crate) fn header(record: &Record, name: &str) -> String {
    text(record.headers.get(name).map(Vec::as_slice).unwrap_or_default())
}
