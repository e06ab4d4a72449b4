//! A broker, a worker on it where a test wants one, and the program to ask it with.

use std::process::{Output, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use embedded_broker::Broker;
use hash_processor::{Operations, Processor};
use kafka::batch::{RangeReader, RawRecord, produce_raw};
use kafka::{Config, Kafka};
use service::Shutdown;
use service::settings::{KafkaSettings, Port, ProcessorSettings};
use tokio::process::Command;
use tokio::time::{Instant, sleep, timeout};

pub(crate) const REQUESTS: &str = "requests";
pub(crate) const RESPONSES: &str = "responses";
pub(crate) const DEAD_LETTERS: &str = "requests.dlq";
pub(crate) const GROUP: &str = "workers";

/// What a test waits for comes within this time, or it fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// A broker with the three topics.
pub(crate) struct Stand {
    pub(crate) broker: Broker,
    pub(crate) kafka: Kafka,
}

/// A worker at work; gone when dropped.
pub(crate) struct Worker {
    shutdown: Shutdown,
    thread: Option<JoinHandle<Result<()>>>,
}

/// What the program said, and its exit status.
pub(crate) struct Said {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) status: i32,
}

impl Stand {
    pub(crate) async fn start(partitions: i32) -> Result<Self> {
        let broker = Broker::start(embedded_broker::Config::default()).await?;
        for topic in [REQUESTS, RESPONSES, DEAD_LETTERS] {
            broker.create_topic(topic, partitions).map_err(|error| anyhow!("{topic}: {error:?}"))?;
        }
        let config = Config {
            brokers: vec![broker.bootstrap()],
            client_id: "tools-tests".into(),
            timeout: Duration::from_secs(5),
            security: kafka::Security::default(),
        };
        Ok(Self { broker, kafka: Kafka::new(config) })
    }

    /// Runs the program to its end. `command` is split at blanks.
    pub(crate) async fn run(&self, command: &str) -> Result<Said> {
        let run = self.program(command).output();
        let Output { status, stdout, stderr } =
            timeout(PATIENCE, run).await.with_context(|| format!("{command} does not end"))??;
        let status = status.code().context("it ends by itself")?;
        Ok(Said { out: String::from_utf8(stdout)?, err: String::from_utf8(stderr)?, status })
    }

    /// The same where nobody reads what it says; gives its exit status.
    pub(crate) async fn run_unread(&self, command: &str) -> Result<Option<i32>> {
        let (reader, writer) = std::io::pipe()?;
        drop(reader);
        let mut child = self.program(command).stdout(writer).spawn()?;
        let ended =
            timeout(PATIENCE, child.wait()).await.with_context(|| format!("{command} does not end"))?;
        Ok(ended?.code())
    }

    fn program(&self, command: &str) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_hash-processor"));
        program
            .args(command.split_whitespace())
            .env_clear()
            .envs([
                ("KAFKA_BROKERS", self.broker.bootstrap().as_str()),
                ("KAFKA_REQUEST_TOPIC", REQUESTS),
                ("KAFKA_RESPONSE_TOPIC", RESPONSES),
                ("SERVICE_2_GROUP_ID", GROUP),
                ("KAFKA_TIMEOUT", "3"),
                ("KAFKA_PARTITIONS", "1"),
            ])
            .current_dir(env!("CARGO_TARGET_TMPDIR"))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        program
    }

    /// The same where it is to succeed.
    pub(crate) async fn ok(&self, command: &str) -> Result<String> {
        let said = self.run(command).await?;
        ensure!(said.status == 0, "{command} ends with {}: {}{}", said.status, said.out, said.err);
        Ok(said.out)
    }

    /// A worker that is in the group.
    pub(crate) async fn worker(&self) -> Result<Worker> {
        let defaults = ProcessorSettings::default();
        let settings = ProcessorSettings {
            kafka: KafkaSettings {
                brokers: vec![self.broker.bootstrap()],
                request_topic: REQUESTS.into(),
                response_topic: RESPONSES.into(),
                ..defaults.kafka.clone()
            },
            management_port: Port::ANY,
            group_id: GROUP.into(),
            heavy_threads: 1,
            ..defaults
        };
        let (shutdown, processor) = (
            Shutdown::manual(),
            Processor::bind_with(settings, Operations::shipped(), service::WallClock::system())?,
        );
        let told = shutdown.clone();
        let thread = std::thread::Builder::new().spawn(move || processor.run(&told))?;
        let worker = Worker { shutdown, thread: Some(thread) };
        self.until("the worker to join", || self.broker.member_count(GROUP) == 1).await?;
        Ok(worker)
    }

    pub(crate) async fn request(&self, value: &str, headers: &[(&str, Option<&[u8]>)]) -> Result<i64> {
        self.produce(REQUESTS, 0, value, headers).await
    }

    pub(crate) async fn produce(
        &self,
        topic: &str,
        partition: i32,
        value: &str,
        headers: &[(&str, Option<&[u8]>)],
    ) -> Result<i64> {
        let header = |(name, value): &(&str, Option<&[u8]>)| {
            ((*name).to_owned().into(), value.map(|value| value.to_vec().into()))
        };
        let record = RawRecord {
            timestamp_ms: chrono::Utc::now().timestamp_millis(),
            value: Some(value.to_owned().into()),
            headers: headers.iter().map(header).collect(),
            ..RawRecord::default()
        };
        Ok(produce_raw(&self.kafka, topic, partition, &[record]).await?)
    }

    /// Waits until a partition has so many records; gives them all.
    pub(crate) async fn records(&self, topic: &str, partition: i32, count: i64) -> Result<Vec<RawRecord>> {
        self.until(topic, || self.broker.log_end(topic, partition) >= Some(count)).await?;
        let mut reader = RangeReader::new(&self.kafka, topic, partition, 0..i64::MAX);
        let mut records = Vec::new();
        while let Some(record) = reader.next().await? {
            records.push(record);
        }
        Ok(records)
    }

    /// Waits for a state.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn() -> bool) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !holds() {
            ensure!(Instant::now() < deadline, "waited in vain for {what}");
            sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }
}

impl Worker {
    /// Stops it in order.
    pub(crate) async fn stop(mut self) -> Result<()> {
        self.shutdown.trigger();
        let thread = self.thread.take().context("it runs")?;
        tokio::task::spawn_blocking(move || thread.join()).await?.map_err(|_| anyhow!("it panicked"))?
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.shutdown.hurry();
        if let Some(thread) = self.thread.take() {
            // A test that fails has said why.
            let _ = thread.join();
        }
    }
}

/// The last value of a header, as text.
pub(crate) fn header(record: &RawRecord, name: &str) -> Option<String> {
    let found = record.headers.iter().rev().find(|(found, _)| found == name.as_bytes())?;
    Some(String::from_utf8_lossy(found.1.as_ref()?).into_owned())
}

/// A record's value as text.
pub(crate) fn value(record: &RawRecord) -> String {
    String::from_utf8_lossy(record.value.as_deref().unwrap_or_default()).into_owned()
}
