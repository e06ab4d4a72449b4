//! Processes that are killed.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use integration_tests::process::{Process, Program};
use integration_tests::stack::TestStack;
use libtest_mimic::Trial;
use tokio::task::JoinSet;

use crate::{Context, test};

/// Requests a second while the worker dies and comes back.
const RATE: u32 = 500;

pub(crate) fn tests(context: &Context) -> Vec<Trial> {
    vec![
        test("the_only_worker_killed_and_started_again_costs_no_answer", context, only_worker_killed),
        test("the_programs_stop_cleanly_on_sigterm", context, sigterm),
    ]
}

fn start(stack: &TestStack, program: Program) -> Result<Process> {
    Process::start(
        program,
        &[
            ("KAFKA_BROKERS", stack.broker.bootstrap()),
            ("KAFKA_REQUEST_TOPIC", &stack.requests()),
            ("KAFKA_RESPONSE_TOPIC", &stack.responses()),
            ("SERVICE_1_GROUP_ID", &stack.gateway_group()),
            ("SERVICE_2_GROUP_ID", &stack.worker_group()),
            ("SERVICE_1_HOST", "127.0.0.1"),
            ("SERVICE_1_PORT", "0"),
            ("SERVICE_1_MANAGEMENT_PORT", "0"),
            ("SERVICE_2_MANAGEMENT_PORT", "0"),
            // The worker comes back after two seconds; until then requests are to wait for it.
            ("SERVICE_1_NO_WORKER_GRACE", "10"),
        ],
    )
}

async fn only_worker_killed(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let worker = start(&stack, Program::Processor)?;
    let gateway = stack.start_gateway(stack.gateway_settings())?;
    gateway.answering().await?;
    let (client, begin) = (gateway.client()?, Instant::now());
    let mut calls = JoinSet::new();
    let mut worker = Some(worker);
    for n in 0..RATE * 5 {
        let due = begin + Duration::from_secs(1) * n / RATE;
        tokio::time::sleep_until(due.into()).await;
        if n == RATE {
            worker.take().context("it runs")?.kill().await?;
        }
        if n == RATE * 3 {
            worker = Some(start(&stack, Program::Processor)?);
        }
        let client = client.clone();
        calls.spawn(
            async move { client.hash(&format!("call {n}")).await.with_context(|| format!("call {n}")) },
        );
    }
    while let Some(call) = calls.join_next().await {
        call??;
    }
    Ok(())
}

async fn sigterm(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let mut worker = start(&stack, Program::Processor)?;
    let mut gateway = start(&stack, Program::Gateway)?;
    let address = gateway.listening().await?;
    integration_tests::bench::child::answering(&address).await?;
    ensure!(gateway.terminate().await?.success(), "the gateway's exit status");
    ensure!(worker.terminate().await?.success(), "the worker's exit status");
    Ok(())
}
