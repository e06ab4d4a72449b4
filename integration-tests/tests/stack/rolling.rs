//! Everything is replaced, one after the other, and callers see nothing of it.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use integration_tests::process::{Environment, Process, Program};
use integration_tests::stack::TestStack;
use libtest_mimic::Trial;

use crate::steady::{Steady, all_answered};
use crate::{Context, test};

const RATE: u32 = 200;
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// Answers between two changes.
const BETWEEN: usize = 40;

/// How often one of two gateways is stopped and started again.
const SIGTERMS: usize = 8;

pub(crate) fn tests(context: &Context) -> Vec<Trial> {
    vec![
        test("a_rolling_restart_of_everything_shows_callers_no_error", context, everything),
        test("eight_sigterms_to_one_of_two_gateways_cut_no_request", context, sigterms),
    ]
}

async fn everything(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let mut workers = vec![
        stack.start_processor(stack.processor_settings())?,
        stack.start_processor(stack.processor_settings())?,
    ];
    let (mut steady, mut gateways) = (Steady::start(RATE), Vec::new());
    for worker in &workers {
        worker.ready().await?;
    }
    for _ in 0..2 {
        let gateway = stack.start_gateway(stack.gateway_settings())?;
        gateway.answering().await?;
        steady.add(gateway.port, gateway.management_port)?;
        gateways.push(gateway);
    }
    for _ in 0..2 {
        workers.remove(0).stop(STOP_LIMIT).await?;
        let worker = stack.start_processor(stack.processor_settings())?;
        worker.ready().await?;
        workers.push(worker);
        steady.more(BETWEEN).await?;
    }
    for _ in 0..2 {
        gateways.remove(0).stop(STOP_LIMIT).await?;
        let gateway = stack.start_gateway(stack.gateway_settings())?;
        steady.add(gateway.port, gateway.management_port)?;
        gateways.push(gateway);
        steady.more(BETWEEN).await?;
    }
    let calls = steady.stop().await?;
    let cut = all_answered(&calls)?;
    eprintln!("rolling restart: {} calls, {cut}", calls.len());
    Ok(())
}

/// What a service of `stack` is told that is a process of its own.
pub(crate) fn environment(stack: &TestStack) -> Environment {
    Environment::default()
        .with("KAFKA_BROKERS", stack.broker.bootstrap())
        .with("KAFKA_REQUEST_TOPIC", stack.requests())
        .with("KAFKA_RESPONSE_TOPIC", stack.responses())
        .with("SERVICE_1_GROUP_ID", stack.gateway_group())
        .with("SERVICE_2_GROUP_ID", stack.worker_group())
        .with("SERVICE_1_HOST", "127.0.0.1")
        .with("SERVICE_1_PORT", 0)
        .with("SERVICE_1_MANAGEMENT_PORT", 0)
        .with("SERVICE_2_MANAGEMENT_PORT", 0)
}

fn port_of(address: &str) -> Result<u16> {
    let (_, port) = address.rsplit_once(':').context("no port")?;
    Ok(port.parse()?)
}

async fn sigterms(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let (stays, _worker) = stack.start_pair().await?;
    let mut steady = Steady::start(RATE);
    steady.add(stays.port, stays.management_port)?;
    for _ in 0..SIGTERMS {
        let mut gateway = Process::start(Program::Gateway, &environment(&stack).pairs())?;
        let (address, management) = (gateway.listening().await?, gateway.management().await?);
        steady.add(port_of(&address)?, port_of(&management)?)?;
        steady.more(BETWEEN).await?;
        ensure!(gateway.terminate().await?.success(), "the gateway's exit status");
    }
    let calls = steady.stop().await?;
    let cut = all_answered(&calls)?;
    eprintln!("{SIGTERMS} SIGTERMs: {} calls, {cut}", calls.len());
    Ok(())
}
