//! Which broker each test gets.

use anyhow::{Context as _, Result};
use tokio::runtime::Handle;

use super::TestBroker;

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

    /// Which broker was chosen.
    pub fn choice(&self) -> &Choice {
        &self.choice
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
                    let start = || Handle::current().block_on(TestBroker::container());
                    *shared = Some(self.keeper.spawn_blocking(start).await??);
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
