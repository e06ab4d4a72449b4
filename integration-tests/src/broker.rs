//! The broker that tests run on.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use kafka::Kafka;
use parking_lot::Mutex;
use testcontainers::runners::AsyncRunner as _;
use testcontainers::{ContainerAsync, ImageExt as _};
use testcontainers_modules::kafka::apache;
use tokio::runtime::Handle;

use crate::wait;

/// The image that the container runs; the one that Docker Compose starts.
const IMAGE: (&str, &str) = ("apache/kafka", "4.3.1");

/// Longest wait for one answer of the broker.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// Which broker to run on, by `TEST_BROKER`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// In memory, a fresh one for each test.
    Embedded,
    /// Apache Kafka in a container, one for all tests and one more for each test that stops it.
    Container,
    /// Whatever answers at this address; tests that would stop it are skipped.
    Address(String),
}

impl Choice {
    /// What the environment says.
    pub fn from_environment() -> Self {
        match std::env::var("TEST_BROKER").unwrap_or_default().as_str() {
            "" | "embedded" => Self::Embedded,
            "container" => Self::Container,
            address => Self::Address(address.to_owned()),
        }
    }
}

/// A broker that a test may use.
#[derive(Clone)]
pub struct TestBroker {
    bootstrap: String,
    engine: Arc<Mutex<Engine>>,
}

enum Engine {
    Embedded(embedded_broker::Broker),
    EmbeddedStopped(embedded_broker::Stopped),
    Container(Box<ContainerAsync<apache::Kafka>>),
    Foreign,
    /// Between two states, or stopped for good.
    Moving,
}

impl TestBroker {
    /// A broker on its own, in memory.
    ///
    /// # Errors
    /// It cannot be started.
    pub async fn embedded() -> Result<Self> {
        let broker = embedded_broker::Broker::start(embedded_broker::Config::default()).await?;
        Ok(Self::of(broker.bootstrap(), Engine::Embedded(broker)))
    }

    /// Apache Kafka in a container of its own, on a port that survives a restart.
    ///
    /// # Errors
    /// There is no Docker engine, or it has no such image.
    pub async fn container() -> Result<Self> {
        let port = crate::bench::child::free_port()?;
        let image = apache::Kafka::default()
            .with_name(IMAGE.0)
            .with_tag(IMAGE.1)
            .with_mapped_port(port, apache::KAFKA_PORT)
            .with_env_var("KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS", "0")
            .with_env_var("KAFKA_HEAP_OPTS", "-Xms256m -Xmx512m");
        let container = image.start().await.context("cannot start Apache Kafka in a container")?;
        Ok(Self::of(format!("127.0.0.1:{port}"), Engine::Container(Box::new(container))))
    }

    /// Somebody else's broker.
    pub fn foreign(address: String) -> Self {
        Self::of(address, Engine::Foreign)
    }

    /// Where it is.
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// A client of it.
    pub fn kafka(&self) -> Kafka {
        let (brokers, client_id) = (vec![self.bootstrap.clone()], "test".into());
        Kafka::new(kafka::Config { brokers, client_id, timeout: CALL_TIMEOUT })
    }

    /// Stops the broker; what it holds stays.
    ///
    /// # Errors
    /// It is not ours to stop.
    pub async fn stop(&self) -> Result<()> {
        let stopped = match self.take() {
            Engine::Embedded(broker) => Engine::EmbeddedStopped(broker.stop().await),
            Engine::Container(container) => {
                container.stop_with_timeout(Some(10)).await?;
                Engine::Container(container)
            }
            Engine::EmbeddedStopped(_) | Engine::Foreign | Engine::Moving => {
                bail!("this broker cannot be stopped")
            }
        };
        *self.engine.lock() = stopped;
        Ok(())
    }

    /// Starts it again and waits until it answers.
    ///
    /// # Errors
    /// It does not come back.
    pub async fn start_again(&self) -> Result<()> {
        let running = match self.take() {
            Engine::EmbeddedStopped(stopped) => Engine::Embedded(stopped.start().await?),
            Engine::Container(container) => {
                container.start().await?;
                Engine::Container(container)
            }
            Engine::Embedded(_) | Engine::Foreign | Engine::Moving => bail!("this broker was not stopped"),
        };
        *self.engine.lock() = running;
        let config = self.kafka().config().clone();
        wait::until_ok("the broker to answer again", async || kafka::wire::bootstrap(&config).await).await?;
        Ok(())
    }

    fn of(bootstrap: String, engine: Engine) -> Self {
        Self { bootstrap, engine: Arc::new(Mutex::new(engine)) }
    }

    fn take(&self) -> Engine {
        std::mem::replace(&mut self.engine.lock(), Engine::Moving)
    }
}

/// Gives each test its broker.
pub struct Brokers {
    choice: Choice,
    /// The runtime that keeps shared containers; outlives the tests'.
    keeper: Handle,
    shared: tokio::sync::Mutex<Option<TestBroker>>,
}

impl Brokers {
    /// Brokers as chosen; what is shared lives on `keeper`.
    pub fn new(choice: Choice, keeper: Handle) -> Self {
        Self { choice, keeper, shared: tokio::sync::Mutex::new(None) }
    }

    /// One that other tests may be using at the same time.
    ///
    /// # Errors
    /// It cannot be started.
    pub async fn any(&self) -> Result<TestBroker> {
        match &self.choice {
            Choice::Embedded => TestBroker::embedded().await,
            Choice::Address(address) => Ok(TestBroker::foreign(address.clone())),
            Choice::Container => {
                let mut shared = self.shared.lock().await;
                if shared.is_none() {
                    *shared = Some(self.keeper.spawn(TestBroker::container()).await??);
                }
                shared.clone().context("the container was started just now")
            }
        }
    }

    /// One that the test may stop; none if there can be no such.
    ///
    /// # Errors
    /// It cannot be started.
    pub async fn own(&self) -> Result<Option<TestBroker>> {
        Ok(match &self.choice {
            Choice::Embedded => Some(TestBroker::embedded().await?),
            Choice::Container => Some(TestBroker::container().await?),
            Choice::Address(_) => None,
        })
    }
}
