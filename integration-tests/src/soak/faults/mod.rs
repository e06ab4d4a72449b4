//! What goes wrong, and how.
//!
//! ```text
//!   kind       every fault with its terms: where, how long, how long it may be felt
//!   processes  kill, SIGTERM, SIGSTOP, a handler that burns
//!   broker     what a broker does to its clients
//!   topics     deleted, grown
//! ```

mod broker;
mod kind;
mod processes;
mod topics;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use kafka::Kafka;

use super::clock::Clock;
use super::fleet::{Claim, Fleet};
use super::load::Load;
use super::site::Site;
use super::tail::Tail;
use super::topics::Names;
use crate::checker::{Fault, Service};
pub use kind::{ALL, Kind, Needs, Row};

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

impl Injection {
    /// Makes the fault, and returns when it is over.
    ///
    /// # Errors
    /// It could not be made, or could not be ended.
    pub async fn inject(&self, subject: &Subject) -> Result<Fault> {
        let (row, began) = (self.kind.row(), subject.clock.now());
        let target = self.make(subject).await.with_context(|| format!("fault {}", row.name))?;
        let ended = subject.clock.now();
        Ok(Fault { name: row.name, target, began, ended, since: row.since, bound: self.bound })
    }

    /// Says whom it met.
    async fn make(&self, subject: &Subject) -> Result<String> {
        match self.kind {
            Kind::WorkerKilled => {
                processes::kill(subject, self.claim(subject, Service::Worker)?, self.lasts).await
            }
            Kind::GatewayKilled => {
                processes::kill(subject, self.claim(subject, Service::Gateway)?, self.lasts).await
            }
            Kind::WorkerReplaced => processes::replace(subject, self.claim(subject, Service::Worker)?).await,
            Kind::GatewayReplaced => {
                processes::replace(subject, self.claim(subject, Service::Gateway)?).await
            }
            Kind::RollingRestart => processes::replace_all(subject).await,
            Kind::WorkerPaused | Kind::WorkerFrozen => {
                processes::freeze(self.claim(subject, Service::Worker)?, self.lasts).await
            }
            Kind::GatewayFrozen => {
                processes::freeze(self.claim(subject, Service::Gateway)?, self.lasts).await
            }
            Kind::HandlerBurns => processes::burn(subject, self.lasts).await,
            Kind::OffsetsLost => {
                let worker = self.claim(subject, Service::Worker)?;
                processes::kill_and_forget(subject, worker, self.lasts).await
            }
            Kind::RequestsDeleted => topics::delete(subject, crate::checker::Topic::Requests).await,
            Kind::ResponsesDeleted => topics::delete(subject, crate::checker::Topic::Responses).await,
            Kind::PartitionsAdded => topics::grow(subject).await,
            Kind::BrokerRestarted => {
                subject.site.restart(self.lasts).await?;
                Ok("the broker".to_owned())
            }
            embedded => broker::misbehave(subject, embedded, self.lasts).await,
        }
    }

    fn claim(&self, subject: &Subject, service: Service) -> Result<Claim> {
        let claimed = subject.fleet.claim(service, self.pick);
        claimed.with_context(|| format!("no {service:?} is free for it"))
    }
}
