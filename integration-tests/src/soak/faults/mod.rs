//! What goes wrong, and how.
//!
//! ```text
//!   kind       every fault with its terms: where, how long, how long it may be felt
//!   processes  kill, SIGTERM, SIGSTOP, a handler that burns
//!   operators  topics deleted and grown, offsets lost
//!   brokers    one that is away, stands still, or answers with errors
//!   networks   connections that are cut, dead, slow
//!   nodes      one of several killed, cut off, relieved of its lead
//! ```

mod brokers;
mod kind;
mod networks;
mod nodes;
mod operators;
mod processes;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use kafka::Kafka;

use super::clock::Clock;
use super::fleet::{Claim, Fleet};
use super::load::Load;
use super::probe::Probe;
use super::site::Site;
use super::tail::Tail;
use super::topics::Names;
use crate::checker::{Fault, Service, Since};
pub use kind::{ALL, Kind, Needs, Of, Row};

/// What faults are done to.
pub struct Subject {
    /// The gateways and workers.
    pub fleet: Arc<Fleet>,
    /// Their callers.
    pub load: Arc<Load>,
    /// Who watches the topics.
    pub tail: Arc<Tail>,
    /// The broker.
    pub site: Site,
    /// Who tells when the brokers themselves cannot serve.
    pub probe: Arc<Probe>,
    /// What topics and groups are called.
    pub names: Names,
    /// The observer's own way to the broker.
    pub kafka: Kafka,
    /// The run's time.
    pub clock: Clock,
}

/// A fault that is planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Injection {
    /// Which one.
    pub kind: Kind,
    /// How long after the begin of its step.
    pub after: Duration,
    /// How long it is made to last.
    pub lasts: Duration,
    /// For how long callers may get errors; `None`: for no time at all.
    pub bound: Option<Duration>,
    /// Decides whom it meets, among those there are by then.
    pub pick: usize,
}

/// A fault that was made.
struct Made {
    /// Whom it met, in words.
    target: String,
    /// When the brokers themselves served again as a plain producer sees it, where it was they that could not: until then
    /// nothing is owed.
    served_again: Option<Duration>,
}

impl Injection {
    /// Makes the fault, and returns when it is over.
    ///
    /// # Errors
    /// It could not be made, or could not be ended.
    pub async fn inject(&self, subject: &Subject) -> Result<Fault> {
        let (row, began) = (self.kind.row(), subject.clock.now());
        let made = match row.of {
            Of::Processes => processes::make(self, subject).await,
            Of::Operators => operators::make(self, subject).await,
            Of::Brokers => brokers::make(self, subject).await,
            Of::Networks => networks::make(self, subject).await,
            Of::Nodes => nodes::make(self, subject).await,
        };
        let Made { target, served_again } = made.with_context(|| format!("fault {}", row.name))?;
        let now = subject.clock.now();
        let (ended, outage) = match row.since {
            Since::Ended => (served_again.unwrap_or(now), Duration::ZERO),
            Since::Began => (now, served_again.map_or(Duration::ZERO, |at| at.saturating_sub(began))),
        };
        let bound = self.bound.map(|bound| bound + outage);
        Ok(Fault { name: row.name, target, began, ended, since: row.since, bound })
    }

    /// A process of `service` that the fault has to itself.
    fn claim(&self, subject: &Subject, service: Service) -> Result<Claim> {
        let claimed = subject.fleet.claim(service, self.pick);
        claimed.with_context(|| format!("no {service:?} is free for it"))
    }
}

impl From<String> for Made {
    fn from(target: String) -> Self {
        Self { target, served_again: None }
    }
}
