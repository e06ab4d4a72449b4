//! What runs, and in which order it starts and stops.

use std::fmt::Write as _;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use api_gateway::Gateway;
use embedded_broker::{Broker, Config};
use hash_processor::Processor;
use service::Shutdown;
use service::settings::{GatewaySettings, KafkaSettings, Port, ProcessorSettings};

use crate::Options;

/// How often to look whether something ended that should not have.
const WATCH_INTERVAL: Duration = Duration::from_millis(100);

/// Everything that runs. Services first to stop, the broker last.
pub(crate) struct Stack {
    broker: Broker,
    gateway_ports: Vec<u16>,
    management_ports: Vec<(String, u16)>,
    services: Vec<Running>,
}

struct Running {
    name: String,
    thread: JoinHandle<Result<()>>,
}

impl Stack {
    pub(crate) async fn start(options: &Options, shutdown: &Shutdown) -> Result<Self> {
        let config = Config { bind: options.broker_address(), ..Config::default() };
        let broker =
            Broker::start(config).await.context("choose another port for the broker with --broker-port")?;
        let mut stack =
            Self { broker, gateway_ports: Vec::new(), management_ports: Vec::new(), services: Vec::new() };
        if !options.broker_only {
            for number in 1..=options.processors {
                stack.start_processor(options, number, shutdown)?;
            }
            for number in 1..=options.gateways {
                stack.start_gateway(options, number, shutdown)?;
            }
        }
        Ok(stack)
    }

    fn start_processor(&mut self, options: &Options, number: u16, shutdown: &Shutdown) -> Result<()> {
        let defaults = ProcessorSettings::default();
        let settings = ProcessorSettings {
            kafka: self.kafka(defaults.kafka.clone(), options),
            management_port: if number == 1 { defaults.management_port } else { Port::ANY },
            ..defaults
        };
        let processor = Processor::bind(settings)?;
        let name = format!("processor {number}");
        self.management_ports.push((name.clone(), processor.management_port()));
        let shutdown = shutdown.clone();
        self.run(name, move || processor.run(&shutdown))
    }

    fn start_gateway(&mut self, options: &Options, number: u16, shutdown: &Shutdown) -> Result<()> {
        let defaults = GatewaySettings::default();
        let port = options
            .first_port
            .checked_add(number - 1)
            .context("no such port; choose a lower --first-port")?;
        let settings = GatewaySettings {
            kafka: self.kafka(defaults.kafka.clone(), options),
            port,
            management_port: if number == 1 { defaults.management_port } else { Port::ANY },
            ..defaults
        };
        let gateway = Gateway::bind(settings).with_context(|| {
            format!("gateway {number} needs port {port}; choose others with --first-port")
        })?;
        let name = format!("gateway {number}");
        self.gateway_ports.push(gateway.port());
        self.management_ports.push((name.clone(), gateway.management_port()));
        let shutdown = shutdown.clone();
        self.run(name, move || gateway.run(&shutdown))
    }

    fn kafka(&self, defaults: KafkaSettings, options: &Options) -> KafkaSettings {
        KafkaSettings { brokers: vec![self.broker.bootstrap()], partitions: options.partitions, ..defaults }
    }

    fn run(&mut self, name: String, service: impl FnOnce() -> Result<()> + Send + 'static) -> Result<()> {
        let thread = std::thread::Builder::new().name(name.clone()).spawn(service)?;
        self.services.push(Running { name, thread });
        Ok(())
    }

    /// What runs where, and what to try.
    pub(crate) fn describe(&self) -> String {
        let mut text = format!("broker        {} (in memory; Kafka protocol)\n", self.broker.bootstrap());
        for (number, port) in self.gateway_ports.iter().enumerate() {
            let _ = writeln!(text, "gateway {:<5} http://localhost:{port}", number + 1);
        }
        for (name, port) in &self.management_ports {
            let _ = writeln!(text, "{name:<13} http://localhost:{port}/health/ready, /metrics, /info");
        }
        match self.gateway_ports.first() {
            Some(port) => {
                let _ = write!(
                    text,
                    "\nTry it (Ctrl-C stops everything):\n  \
                     curl -s localhost:{port}/hash -H 'content-type: application/json' -d '{{\"data\":\"hello world\"}}'\n"
                );
            }
            None => {
                let _ = write!(text, "\nStart services with KAFKA_BROKERS={}\n", self.broker.bootstrap());
            }
        }
        text
    }

    /// Waits until something has ended by itself; for ever if nothing does.
    pub(crate) async fn ended(&self) {
        while !self.services.iter().any(|service| service.thread.is_finished()) {
            tokio::time::sleep(WATCH_INTERVAL).await;
        }
    }

    /// Waits for the services, which have been told, then stops the broker.
    pub(crate) async fn stop(self) -> Result<()> {
        let mut first_failure = Ok(());
        for Running { name, thread } in self.services {
            let ended = tokio::task::spawn_blocking(move || thread.join()).await?;
            let ended = ended.unwrap_or_else(|_| Err(anyhow!("it panicked")));
            first_failure = first_failure.and(ended.with_context(|| format!("{name} failed")));
        }
        self.broker.stop().await;
        first_failure
    }
}
