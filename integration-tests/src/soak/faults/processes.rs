//! Faults of gateways and workers.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use futures::future::try_join_all;
use tokio::time::sleep;

use super::{Injection, Kind, Made, Subject};
use crate::checker::Service;
use crate::programs;
use crate::soak::fleet::Claim;
use crate::soak::load::Access;

/// How soon a balancer that asks for `/health/ready` five times a second notices a change.
const NOTICE: Duration = Duration::from_millis(200);

/// How soon it notices that there is no answer.
const NOTICE_SILENCE: Duration = Duration::from_secs(1);

pub(super) async fn make(injection: &Injection, subject: &Subject) -> Result<Made> {
    let (worker, gateway) = (Service::Worker, Service::Gateway);
    let (claim, lasts) = (|service| injection.claim(subject, service), injection.lasts);
    let target = match injection.kind {
        Kind::WorkerKilled => kill(subject, claim(worker)?, lasts).await?,
        Kind::GatewayKilled => kill(subject, claim(gateway)?, lasts).await?,
        Kind::WorkerReplaced => replace(subject, claim(worker)?).await?,
        Kind::GatewayReplaced => replace(subject, claim(gateway)?).await?,
        Kind::RollingRestart => replace_all(subject).await?,
        Kind::WorkerPaused | Kind::WorkerFrozen => freeze(claim(worker)?, lasts).await?,
        Kind::GatewayFrozen => freeze(claim(gateway)?, lasts).await?,
        Kind::HandlerBurns => burn(injection, subject).await?,
        other => bail!("{other:?} is not done to a process"),
    };
    Ok(target.into())
}

/// Calls made for one burning handler; the last is made long after any other fault.
const BURN_ATTEMPTS: usize = 50;

/// SIGKILL; another process starts `after` that.
async fn kill(subject: &Subject, victim: Claim, after: Duration) -> Result<String> {
    victim.kill().await?;
    sleep(after).await;
    subject.fleet.start(victim.instance.service).await?;
    Ok(victim.instance.to_string())
}

/// Another one first, then SIGTERM.
async fn replace(subject: &Subject, victim: Claim) -> Result<String> {
    let other = subject.fleet.start(victim.instance.service).await?;
    victim.stop(NOTICE).await?;
    Ok(format!("{} by {}", victim.instance, other.instance))
}

/// All processes that run now, one by one.
async fn replace_all(subject: &Subject) -> Result<String> {
    let mut count = 0;
    for service in [Service::Worker, Service::Gateway] {
        for member in subject.fleet.running(service) {
            // What another fault has to itself at this moment stays.
            if let Some(victim) = subject.fleet.claim_this(&member) {
                replace(subject, victim).await?;
                count += 1;
            }
        }
    }
    Ok(format!("{count} processes"))
}

/// SIGSTOP, and SIGCONT after `lasts`.
async fn freeze(victim: Claim, lasts: Duration) -> Result<String> {
    victim.freeze().await?;
    let noticed = NOTICE_SILENCE.min(lasts);
    sleep(noticed).await;
    victim.admit(Access::Shut);
    sleep(lasts - noticed).await;
    victim.thaw().await?;
    sleep(NOTICE).await;
    victim.admit(Access::Open);
    Ok(victim.instance.to_string())
}

/// A call that keeps a worker's core busy. One that is refused, because of another fault perhaps, is made again with data
/// of its own. Alone it costs no worker its membership.
async fn burn(injection: &Injection, subject: &Subject) -> Result<String> {
    let workers = subject.fleet.running(Service::Worker);
    let losses = || async { try_join_all(workers.iter().map(|worker| worker.losses())).await };
    let before = losses().await;
    let mut attempts = 0;
    while !subject.load.order(|data| programs::burn(injection.lasts, data)).await {
        attempts += 1;
        ensure!(attempts < BURN_ATTEMPTS, "no worker takes the call");
        sleep(NOTICE).await;
    }
    let is_alone = injection.bound.is_none();
    if is_alone {
        let (before, after) = (before?, losses().await?);
        ensure!(
            before == after,
            "a worker whose handler burned lost its membership: {before:?} became {after:?}"
        );
    }
    Ok("the worker that got the call".to_owned())
}
