//! Gateways and processors against a broker, each on threads of its own as if it were a process.

use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use api_gateway::Gateway;
use hash_processor::{Operations, Processor};
use service::settings::{GatewaySettings, KafkaSettings, NoWorker, Port, ProcessorSettings};
use service::{Shutdown, WallClock};
use uuid::Uuid;

use crate::broker::TestBroker;
use crate::client::Client;
use crate::wait;

/// Names that no other test uses, on one broker.
#[derive(Clone)]
pub struct TestStack {
    /// The broker.
    pub broker: TestBroker,
    name: String,
}

/// A service that runs.
pub struct Running {
    /// Port for requests; the management port for a processor.
    pub port: u16,
    /// Port for health, metrics and info.
    pub management_port: u16,
    shutdown: Shutdown,
    thread: Option<JoinHandle<Result<()>>>,
}

impl TestStack {
    /// A stack on `broker` with topics and groups of its own. Nothing runs yet.
    pub fn new(broker: TestBroker) -> Self {
        Self { broker, name: format!("test-{}", Uuid::new_v4().simple()) }
    }

    /// The request topic.
    pub fn requests(&self) -> String {
        format!("{}-requests", self.name)
    }

    /// The response topic.
    pub fn responses(&self) -> String {
        format!("{}-responses", self.name)
    }

    /// The dead-letter topic.
    pub fn dead_letters(&self) -> String {
        format!("{}.dlq", self.requests())
    }

    /// The gateways' group.
    pub fn gateway_group(&self) -> String {
        format!("{}-gateways", self.name)
    }

    /// The workers' group.
    pub fn worker_group(&self) -> String {
        format!("{}-workers", self.name)
    }

    /// Settings of a gateway of this stack, to be changed as a test needs.
    pub fn gateway_settings(&self) -> GatewaySettings {
        let defaults = GatewaySettings::default();
        GatewaySettings {
            kafka: self.kafka_settings(defaults.kafka.clone()),
            host: "127.0.0.1".into(),
            port: 0,
            management_port: Port::ANY,
            group_id: self.gateway_group(),
            worker_group_id: self.worker_group(),
            ..defaults
        }
    }

    /// Settings of a processor of this stack, to be changed as a test needs.
    pub fn processor_settings(&self) -> ProcessorSettings {
        let defaults = ProcessorSettings::default();
        ProcessorSettings {
            kafka: self.kafka_settings(defaults.kafka.clone()),
            management_port: Port::ANY,
            group_id: self.worker_group(),
            ..defaults
        }
    }

    /// Starts a gateway.
    ///
    /// # Errors
    /// Its ports cannot be had.
    pub fn start_gateway(&self, settings: GatewaySettings) -> Result<Running> {
        self.start_gateway_with(settings, WallClock::system())
    }

    /// Starts a gateway on a host with this clock.
    ///
    /// # Errors
    /// Its ports cannot be had.
    pub fn start_gateway_with(&self, settings: GatewaySettings, clock: WallClock) -> Result<Running> {
        let gateway = Gateway::bind_with(settings, clock)?;
        let (port, management_port) = (gateway.port(), gateway.management_port());
        Running::start(port, management_port, "gateway", move |shutdown| gateway.run(shutdown))
    }

    /// A gateway, ready, that lets requests wait for a worker: longer than a test waits for anything.
    ///
    /// # Errors
    /// It does not become ready.
    pub async fn start_patient_gateway(&self) -> Result<Running> {
        let mut settings = self.gateway_settings();
        settings.no_worker = NoWorker::Off;
        settings.request_timeout = 2 * wait::PATIENCE;
        let gateway = self.start_gateway(settings)?;
        gateway.ready().await?;
        Ok(gateway)
    }

    /// Starts a processor with the operations it ships with.
    ///
    /// # Errors
    /// Its management port cannot be had.
    pub fn start_processor(&self, settings: ProcessorSettings) -> Result<Running> {
        self.start_processor_with(settings, Operations::shipped())
    }

    /// Starts a processor with `operations`.
    ///
    /// # Errors
    /// Its management port cannot be had.
    pub fn start_processor_with(
        &self,
        settings: ProcessorSettings,
        operations: Operations,
    ) -> Result<Running> {
        let processor = Processor::bind_with(settings, operations, service::WallClock::system())?;
        let port = processor.management_port();
        Running::start(port, port, "processor", move |shutdown| processor.run(shutdown))
    }

    /// A gateway and a processor with default settings, both ready.
    ///
    /// # Errors
    /// They do not become ready.
    pub async fn start_pair(&self) -> Result<(Running, Running)> {
        let processor = self.start_processor(self.processor_settings())?;
        let gateway = self.start_gateway(self.gateway_settings())?;
        processor.ready().await?;
        gateway.answering().await?;
        Ok((gateway, processor))
    }

    fn kafka_settings(&self, defaults: KafkaSettings) -> KafkaSettings {
        KafkaSettings {
            brokers: self.broker.addresses().to_vec(),
            request_topic: self.requests(),
            response_topic: self.responses(),
            ..defaults
        }
    }
}

impl Running {
    fn start(
        port: u16,
        management_port: u16,
        name: &str,
        run: impl FnOnce(&Shutdown) -> Result<()> + Send + 'static,
    ) -> Result<Self> {
        let shutdown = Shutdown::manual();
        let told = shutdown.clone();
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || run(&told))?;
        Ok(Self { port, management_port, shutdown, thread: Some(thread) })
    }

    /// A client of this gateway.
    ///
    /// # Errors
    /// The client cannot be made.
    pub fn client(&self) -> Result<Client> {
        Client::new(self.port)
    }

    /// Waits until `/health/ready` says yes.
    ///
    /// # Errors
    /// It does not.
    pub async fn ready(&self) -> Result<()> {
        Client::new(self.management_port)?.ready().await
    }

    /// Waits until this gateway answers a request with 200.
    ///
    /// # Errors
    /// It does not.
    pub async fn answering(&self) -> Result<()> {
        let client = self.client()?;
        wait::until_ok("an answer", async || client.hash("is anybody there").await).await?;
        Ok(())
    }

    /// The metrics page.
    ///
    /// # Errors
    /// The management port does not answer.
    pub async fn metrics(&self) -> Result<String> {
        Ok(Client::new(self.management_port)?.get("/metrics").await?.1)
    }

    /// The value of one metric by its name with labels, as the page writes it.
    ///
    /// # Errors
    /// There is none of that name.
    pub async fn metric(&self, name: &str) -> Result<f64> {
        Client::new(self.management_port)?.metric(name).await
    }

    /// Waits until so many requests are under way in a gateway.
    ///
    /// # Errors
    /// It does not come to that; says how many there were last.
    pub async fn until_pending(&self, count: u32) -> Result<()> {
        wait::until_ok(&format!("{count} requests under way"), async || {
            let pending = self.metric("gateway_pending_requests").await?;
            anyhow::ensure!(pending == f64::from(count), "there are {pending}");
            Ok(())
        })
        .await
    }

    /// Asks it to stop, as SIGTERM would.
    pub fn ask_to_stop(&self) {
        self.shutdown.trigger();
    }

    /// Asks it to stop at once, as a second SIGTERM would.
    pub fn hurry(&self) {
        self.shutdown.hurry();
    }

    /// Asks it to stop and waits at most `limit`.
    ///
    /// # Errors
    /// It failed, or is still running.
    pub async fn stop(mut self, limit: Duration) -> Result<()> {
        self.shutdown.trigger();
        let thread = self.thread.take().context("stopped before")?;
        let joined = tokio::task::spawn_blocking(move || thread.join());
        let joined = tokio::time::timeout(limit, joined).await.context("it is still running")??;
        joined.map_err(|_| anyhow!("it panicked"))?
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.hurry();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
