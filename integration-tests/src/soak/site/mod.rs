//! The broker that a run is made on.

mod embedded;

use std::time::Duration;

use anyhow::{Result, bail};
use kafka::Kafka;

use crate::broker::TestBroker;
pub use embedded::Embedded;

/// Longest wait for one answer of the broker to the observer.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// Which kind of broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// In this process, in memory.
    Embedded,
    /// Apache Kafka in a container of its own.
    Container,
    /// Whatever answers at this address.
    Address(String),
}

/// A broker that runs.
pub enum Site {
    /// In this process.
    Embedded(Embedded),
    /// In a container.
    Container(TestBroker),
    /// Somebody else's.
    Foreign(String),
}

impl From<&str> for Choice {
    fn from(text: &str) -> Self {
        match text {
            "embedded" => Self::Embedded,
            "container" => Self::Container,
            address => Self::Address(address.to_owned()),
        }
    }
}

impl Site {
    /// Starts what was chosen. The first rebalance of a group waits for `initial_rebalance_delay`.
    ///
    /// # Errors
    /// It cannot be started.
    pub async fn start(choice: &Choice, initial_rebalance_delay: Duration) -> Result<Self> {
        Ok(match choice {
            Choice::Embedded => Self::Embedded(Embedded::start(initial_rebalance_delay).await?),
            Choice::Container => Self::Container(TestBroker::container().await?),
            Choice::Address(address) => Self::Foreign(address.clone()),
        })
    }

    /// Where the observer finds it.
    pub fn bootstrap(&self) -> &str {
        match self {
            Self::Embedded(embedded) => embedded.bootstrap(),
            Self::Container(container) => container.bootstrap(),
            Self::Foreign(address) => address,
        }
    }

    /// Where the services find it.
    pub fn bootstrap_for_services(&self) -> &str {
        self.bootstrap()
    }

    /// The observer's own way to it, past every proxy.
    pub fn kafka(&self) -> Kafka {
        let (brokers, client_id) = (vec![self.bootstrap().to_owned()], "soak".into());
        Kafka::new(kafka::Config { brokers, client_id, timeout: CALL_TIMEOUT })
    }

    /// Stops the broker for `duration` and starts it again; returns when it answers.
    ///
    /// # Errors
    /// It is not ours to stop, or does not come back.
    pub async fn restart(&self, duration: Duration) -> Result<()> {
        match self {
            Self::Embedded(embedded) => embedded.restart(duration).await,
            Self::Container(container) => {
                container.stop().await?;
                tokio::time::sleep(duration).await;
                container.start_again().await
            }
            Self::Foreign(_) => bail!("this broker is somebody else's"),
        }
    }

    /// The embedded broker, for faults that only it can be asked for.
    ///
    /// # Errors
    /// It is another one.
    pub fn embedded(&self) -> Result<&Embedded> {
        match self {
            Self::Embedded(embedded) => Ok(embedded),
            Self::Container(_) | Self::Foreign(_) => bail!("this fault takes the embedded broker"),
        }
    }
}
