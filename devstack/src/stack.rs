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

/// Everything that runs. Gateways stop first, while processors still answer what is pending; the broker last.
pub(crate) struct Stack {
    broker: Broker,
    gateway_ports: Vec<u16>,
    management_ports: Vec<(String, u16)>,
    gateways: Services,
    processors: Services,
}

/// Services that stop together.
#[derive(Default)]
struct Services {
    shutdown: Shutdown,
    running: Vec<Running>,
}

struct Running {
    name: String,
    thread: JoinHandle<Result<()>>,
}

impl Stack {
    pub(crate) async fn start(options: &Options) -> Result<Self> {
        let config = Config { bind: options.broker_address(), ..Config::default() };
        let broker =
            Broker::start(config).await.context("choose another port for the broker with --broker-port")?;
        let mut stack = Self {
            broker,
            gateway_ports: Vec::new(),
            management_ports: Vec::new(),
            gateways: Services::default(),
            processors: Services::default(),
        };
        if !options.broker_only {
            for number in 1..=options.processors {
                stack.start_processor(options, number)?;
            }
            for number in 1..=options.gateways {
                stack.start_gateway(options, number)?;
            }
        }
        Ok(stack)
    }

    fn start_processor(&mut self, options: &Options, number: u16) -> Result<()> {
        let defaults = ProcessorSettings::default();
        let settings = ProcessorSettings {
            kafka: self.kafka(defaults.kafka.clone(), options),
            management_port: if number == 1 { defaults.management_port } else { Port::ANY },
            ..defaults
        };
        let processor = Processor::bind(settings)?;
        let name = format!("processor {number}");
        self.management_ports.push((name.clone(), processor.management_port()));
        self.processors.start(name, |shutdown| processor.run(shutdown))
    }

    fn start_gateway(&mut self, options: &Options, number: u16) -> Result<()> {
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
        self.gateways.start(name, |shutdown| gateway.run(shutdown))
    }

    fn kafka(&self, defaults: KafkaSettings, options: &Options) -> KafkaSettings {
        KafkaSettings { brokers: vec![self.broker.bootstrap()], partitions: options.partitions, ..defaults }
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
        let all = || self.gateways.running.iter().chain(&self.processors.running);
        while !all().any(|service| service.thread.is_finished()) {
            tokio::time::sleep(WATCH_INTERVAL).await;
        }
    }

    /// Stops everything in order, at once for whoever is in a `hurry`.
    pub(crate) async fn stop(self, hurry: &Shutdown) -> Result<()> {
        let Self { broker, gateways, processors, .. } = self;
        let gateways = gateways.stop(hurry).await;
        let processors = processors.stop(hurry).await;
        broker.stop().await;
        gateways.and(processors)
    }
}

impl Services {
    fn start(
        &mut self,
        name: String,
        service: impl FnOnce(&Shutdown) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        let shutdown = self.shutdown.clone();
        let thread = std::thread::Builder::new().name(name.clone()).spawn(move || service(&shutdown))?;
        self.running.push(Running { name, thread });
        Ok(())
    }

    async fn stop(self, hurry: &Shutdown) -> Result<()> {
        let Self { shutdown, running } = self;
        shutdown.trigger();
        let joined = tokio::task::spawn_blocking(move || join(running));
        tokio::pin!(joined);
        tokio::select! {
            ended = &mut joined => return ended?,
            () = hurry.hurried() => shutdown.hurry(),
        }
        joined.await?
    }
}

/// Waits for all of them; the first failure counts.
fn join(running: Vec<Running>) -> Result<()> {
    let mut outcome = Ok(());
    for Running { name, thread } in running {
        let ended = thread.join().unwrap_or_else(|_| Err(anyhow!("it panicked")));
        outcome = outcome.and(ended.with_context(|| format!("{name} failed")));
    }
    outcome
}
