//! One run of the bench: starts what is measured, goes through the suites, leaves nothing behind.

use std::time::Duration;

use anyhow::{Context as _, Result};
use kafka::Kafka;
use parking_lot::Mutex;
use uuid::Uuid;

use super::caller::{Access, Endpoint};
use super::child::{self, PLAIN_PORT_VARIABLE, Role, Server};
use super::comparison::{OURS, PLAIN};
use super::driver::Load;
use super::findings::Findings;
use super::floor::Floor;
use super::options::{Options, Suite};
use super::progress::say;
use super::rounds::{Process, Target};
use super::stack::{Layout, Programs, Stack};
use super::suites::{fairness, idle, loads, payloads, secured, sharing, workers};
use crate::topics;

/// Longest wait for one answer of the broker.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// What every suite needs to know.
pub struct Session<'a> {
    /// What was asked for.
    pub options: &'a Options,
    bootstrap: &'a str,
    kafka: Kafka,
    /// What all our names on the broker begin with.
    prefix: String,
    topics: Mutex<Vec<String>>,
}

/// What is compared under load. Dropping it ends the processes.
pub struct Scene {
    /// The broker by itself.
    pub floor: Floor,
    /// In the report's order: HTTP by itself, ours, other builds of ours, others' gateways.
    servers: Vec<Target>,
    _plain: Server,
    _stacks: Vec<Stack>,
}

impl Scene {
    /// All that is driven.
    pub fn servers(&self) -> impl Iterator<Item = &Target> {
        self.servers.iter()
    }

    fn ours(&self) -> Result<&Target> {
        self.servers.iter().find(|target| target.name == OURS).context("ours is always among them")
    }
}

impl<'a> Session<'a> {
    /// On the broker at `bootstrap`.
    pub fn new(options: &'a Options, bootstrap: &'a str) -> Self {
        let kafka = Kafka::new(kafka::Config {
            brokers: vec![bootstrap.to_owned()],
            client_id: "bench".into(),
            timeout: CALL_TIMEOUT,
            security: kafka::Security::default(),
        });
        let prefix = format!("bench-{}", Uuid::new_v4().simple());
        Self { options, bootstrap, kafka, prefix, topics: Mutex::new(Vec::new()) }
    }

    /// Measures all suites that were asked for.
    ///
    /// # Errors
    /// Something cannot be started or watched. What fails while it is driven is among the findings.
    pub async fn measure(&self) -> Result<Findings> {
        let mut findings = Findings::default();
        say(&format!("this takes about {}", words(self.options.expected())));
        let wants = |suite| self.options.wants(suite);
        if !self.options.loads().is_empty() || wants(Suite::Idle) || wants(Suite::Payloads) {
            say("starting what is measured");
            let scene = self.scene().await?;
            findings.idle = idle::measure(self.options, scene.ours()?).await?;
            findings.loads = loads::measure(self, &scene).await;
            if wants(Suite::Payloads) {
                findings.bodies = payloads::measure(self, &scene).await;
            }
        }
        if wants(Suite::Sharing) {
            findings.sharing = Some(sharing::measure(self).await?);
        }
        if wants(Suite::Workers) {
            findings.workers = Some(workers::measure(self).await?);
        }
        if wants(Suite::Fairness) {
            findings.fairness = Some(fairness::measure(self).await?);
        }
        if wants(Suite::Secured) {
            findings.secured = Some(secured::measure(self).await?);
        }
        Ok(findings)
    }

    /// Deletes the topics that this run made. Everything that uses them has ended before.
    pub async fn delete_topics(&self) {
        let topics = std::mem::take(&mut *self.topics.lock());
        for topic in topics {
            // One that was never created, dead letters say, is no trouble.
            let _ = topics::delete(&self.kafka, &topic).await;
        }
    }

    /// A load with the durations that were asked for.
    pub fn load(&self, in_flight: usize, data_bytes: usize) -> Load {
        Load { in_flight, data_bytes, measure: self.options.seconds, warm_up: self.options.warm_up() }
    }

    /// Starts a stack with the settings that were asked for.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start_stack(
        &self,
        name: &str,
        gateways: usize,
        workers: usize,
        programs: Programs,
    ) -> Result<Stack> {
        let (settings, access) = (self.options.set.clone(), Access::default());
        self.start(name, &Layout { gateways, workers, programs, settings, access }).await
    }

    /// The programs of our gateway and worker.
    pub fn programs(&self) -> Programs {
        self.options.programs.clone().map_or(Programs::Own, Programs::Folder)
    }

    /// Starts a stack with settings of its own.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start(&self, name: &str, layout: &Layout) -> Result<Stack> {
        let name = format!("{}-{name}", self.prefix);
        self.topics.lock().extend(Stack::topics(&name));
        Stack::start(&name, self.bootstrap, layout).await
    }

    async fn scene(&self) -> Result<Scene> {
        self.topics.lock().extend(Floor::topics(&self.prefix));
        let floor = Floor::start(&self.kafka, &self.prefix).await.context("the broker alone")?;
        let port = child::free_port()?;
        let plain = Server::start(Role::Plain, &[(PLAIN_PORT_VARIABLE, port.to_string())])?;
        let address = format!("127.0.0.1:{port}");
        child::answering(&address).await.context("the server without Kafka")?;
        let mut servers = vec![Target {
            name: PLAIN.to_owned(),
            endpoints: vec![Endpoint::hash(address, Access::default())],
            processes: vec![Process { role: Role::Plain, pid: plain.pid() }],
        }];
        let ours = self.start_stack("ours", 1, 1, self.programs()).await?;
        servers.push(ours.target(OURS));
        let mut stacks = vec![ours];
        for (number, variant) in self.options.stack.iter().enumerate() {
            let programs = variant.folder.clone().map_or(Programs::Own, Programs::Folder);
            let settings = self.options.set.iter().chain(&variant.settings).cloned().collect();
            let access = Access::default();
            let layout = Layout { gateways: 1, workers: 1, programs, settings, access };
            let stack = self.start(&format!("stack-{number}"), &layout).await;
            let stack = stack.with_context(|| format!("--stack {}", variant.name))?;
            servers.push(stack.target(&variant.name));
            stacks.push(stack);
        }
        for rival in &self.options.gateway {
            let (address, path, access) = (rival.address.clone(), rival.path.clone(), Access::default());
            let endpoint = Endpoint { address, path, access };
            child::answering_at(&format!("http://{}{}", rival.address, rival.path))
                .await
                .with_context(|| format!("--gateway {}", rival.name))?;
            servers.push(Target {
                name: rival.name.clone(),
                endpoints: vec![endpoint],
                processes: Vec::new(),
            });
        }
        Ok(Scene { floor, servers, _plain: plain, _stacks: stacks })
    }
}

fn words(span: Duration) -> String {
    match span.as_secs() {
        seconds @ 0..90 => format!("{seconds} s"),
        seconds => format!("{} minutes", seconds.div_ceil(60)),
    }
}
