//! Faults of gateways and workers.

use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use super::Subject;
use crate::checker::Service;
use crate::programs;
use crate::soak::fleet::Claim;
use crate::soak::load::Access;

/// How soon a balancer that asks for `/health/ready` five times a second notices a change.
const NOTICE: Duration = Duration::from_millis(200);

/// How soon it notices that there is no answer.
const NOTICE_SILENCE: Duration = Duration::from_secs(1);

/// SIGKILL; another process starts `after` that.
pub(super) async fn kill(subject: &Subject, victim: Claim, after: Duration) -> Result<String> {
    victim.kill().await?;
    sleep(after).await;
    subject.fleet.start(victim.instance.service).await?;
    Ok(victim.instance.to_string())
}

/// SIGKILL of a worker, and everything its group committed is forgotten before anybody takes over.
pub(super) async fn kill_and_forget(subject: &Subject, victim: Claim, after: Duration) -> Result<String> {
    victim.kill().await?;
    sleep(after).await;
    let group = subject.names.worker_group();
    let was_there = subject.site.embedded()?.faults(|faults| faults.lose_offsets(&group))?;
    anyhow::ensure!(was_there, "there is no group {group}");
    subject.fleet.start(Service::Worker).await?;
    Ok(format!("{} and group {group}", victim.instance))
}

/// Another one first, then SIGTERM.
pub(super) async fn replace(subject: &Subject, victim: Claim) -> Result<String> {
    let other = subject.fleet.start(victim.instance.service).await?;
    victim.stop(NOTICE).await?;
    Ok(format!("{} by {}", victim.instance, other.instance))
}

/// All processes that run now, one by one.
pub(super) async fn replace_all(subject: &Subject) -> Result<String> {
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
pub(super) async fn freeze(victim: Claim, lasts: Duration) -> Result<String> {
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

/// A call that keeps a worker's core busy for `lasts`.
pub(super) async fn burn(subject: &Subject, lasts: Duration) -> Result<String> {
    subject.load.order(|data| programs::burn(lasts, data)).await;
    Ok("whoever got the call".to_owned())
}
