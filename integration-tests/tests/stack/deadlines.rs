//! What nobody waits for any more is not executed, and no skewed clock makes that of what somebody waits for.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use futures::future::try_join_all;
use hash_processor::Cost;
use integration_tests::client::Client;
use integration_tests::process::{Process, Program, Signal};
use integration_tests::stack::{Running, TestStack};
use integration_tests::wait;
use libtest_mimic::Trial;
use service::WallClock;
use service::settings::NoWorker;

use crate::gate::Gate;
use crate::rolling::environment;
use crate::{Context, test};

const DEADLINE: Duration = Duration::from_secs(1);

/// How long workers stand still: well past the deadline, and short of a session.
const STANDSTILL: Duration = Duration::from_secs(5);

/// Longest that a gateway may take to stop.
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// Requests that are sent meanwhile.
const REQUESTS: usize = 1_000;

const ANSWERED: &str = r#"processor_requests_total{operation="hash",outcome="answered"}"#;
const EXPIRED: &str = r#"processor_requests_total{operation="hash",outcome="expired"}"#;

pub(crate) fn tests(context: &Context) -> Vec<Trial> {
    vec![
        test("a_held_up_worker_executes_nothing_that_has_expired", context, held_up),
        test("a_frozen_worker_executes_nothing_that_has_expired", context, frozen),
        test("clocks_half_a_minute_apart_drop_nothing_live", context, clocks),
    ]
}

/// A gateway that waits no longer than the deadline, and does not look for workers: the ones here stand still. Whatever
/// the first request has to wait for on a busy machine, it has by then waited for at a gateway with more patience.
async fn impatient(stack: &TestStack) -> Result<Running> {
    let patient = stack.start_gateway(stack.gateway_settings())?;
    patient.answering().await?;
    patient.stop(STOP_LIMIT).await?;
    let mut settings = stack.gateway_settings();
    settings.request_timeout = DEADLINE;
    settings.no_worker = NoWorker::Off;
    let gateway = stack.start_gateway(settings)?;
    gateway.ready().await?;
    Ok(gateway)
}

/// Sends them all at once; none is answered in time.
async fn send_in_vain(client: &Client) -> Result<()> {
    let calls = (0..REQUESTS).map(|n| {
        let client = client.clone();
        async move {
            let refused = client.refused(&format!("in vain {n}")).await?;
            ensure!(refused.code == "outcome_unknown", "{refused:?}");
            Ok(())
        }
    });
    try_join_all(calls).await?;
    Ok(())
}

async fn held_up(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let gate = Gate::default();
    // A short handler that takes its time holds up the worker's whole loop.
    let worker = stack.start_processor_with(stack.processor_settings(), gate.operations(Cost::Short))?;
    worker.ready().await?;
    let gateway = impatient(&stack).await?;
    let (before, expired_before) = (gate.begun(), worker.metric(EXPIRED).await?);
    gate.close();
    let (client, began) = (gateway.client()?, Instant::now());
    ensure!(client.refused("holds the worker up").await?.code == "outcome_unknown");
    ensure!(gate.begun() == before + 1);
    send_in_vain(&client).await?;
    tokio::time::sleep_until((began + STANDSTILL).into()).await;
    gate.open();
    wait::until_ok("all of them to be counted as expired", async || {
        let expired = worker.metric(EXPIRED).await? - expired_before;
        ensure!(expired == REQUESTS as f64, "{expired}");
        Ok(())
    })
    .await?;
    ensure!(gate.begun() == before + 1, "{} were executed", gate.begun() - before - 1);
    Ok(())
}

async fn frozen(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let worker = Process::start(Program::Processor, &environment(&stack).pairs())?;
    let management = Client::at(&worker.management().await?)?;
    management.ready().await?;
    let gateway = impatient(&stack).await?;
    let (before, expired_before) = (management.metric(ANSWERED).await?, management.metric(EXPIRED).await?);
    worker.signal(Signal::Freeze).await?;
    let began = Instant::now();
    send_in_vain(&gateway.client()?).await?;
    tokio::time::sleep_until((began + STANDSTILL).into()).await;
    worker.signal(Signal::Thaw).await?;
    wait::until_ok("all of them to be counted as expired", async || {
        let expired = management.metric(EXPIRED).await? - expired_before;
        ensure!(expired == REQUESTS as f64, "{expired}");
        Ok(())
    })
    .await?;
    let executed = management.metric(ANSWERED).await? - before;
    ensure!(executed == 0.0, "{executed} were executed");
    Ok(())
}

/// Gateways whose clocks are behind the worker's and ahead of it: by the one every deadline has passed before it begins.
async fn clocks(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let worker = stack.start_processor(stack.processor_settings())?;
    worker.ready().await?;
    let mut clients = Vec::new();
    let mut gateways = Vec::new();
    for seconds in [-30, 30] {
        let clock = WallClock::skewed(chrono::TimeDelta::seconds(seconds));
        let gateway = stack.start_gateway_with(stack.gateway_settings(), clock)?;
        gateway.answering().await?;
        clients.push(gateway.client()?);
        gateways.push(gateway);
    }
    // What was sent before the worker first saw where the new log ends may have any age, for all that it can tell.
    let before = worker.metric(EXPIRED).await?;
    for round in 0..20 {
        let calls = (0..20).map(|n| {
            let client = clients[n % clients.len()].clone();
            async move { client.hash(&format!("live {round}, {n}")).await }
        });
        try_join_all(calls).await.with_context(|| format!("round {round}"))?;
    }
    let expired = worker.metric(EXPIRED).await? - before;
    ensure!(expired == 0.0, "{expired} live requests were dropped");
    Ok(())
}
