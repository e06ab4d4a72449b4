//! Brokers that are not there yet, go away, come back, and topics that are not as we would make them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use integration_tests::client::Client;
use integration_tests::stack::TestStack;
use integration_tests::{topics, wait};
use kafka::topics::partition_count;
use libtest_mimic::Trial;
use tokio::task::JoinSet;

use crate::{Context, test};

/// What the gateway has answered with 200.
const ANSWERED: &str = r#"http_server_request_duration_seconds_count{http_request_method="POST",url_scheme="http",http_route="/hash",http_response_status_code="200",error_type=""}"#;

pub(crate) fn tests(context: &Context) -> Vec<Trial> {
    vec![
        test("a_gateway_without_a_broker_becomes_ready_when_it_comes", context, broker_comes_late),
        test("a_broker_that_restarts_under_load_costs_no_answer", context, restart_under_load),
        test("a_topic_with_other_settings_is_used_as_it_is", context, other_settings),
        test("topics_that_somebody_deletes_come_back", context, deleted_topics),
        test("without_leave_to_create_topics_their_absence_is_told", context, no_creation),
    ]
}

async fn broker_comes_late(context: Context) -> Result<()> {
    let Some(broker) = context.own_broker().await? else { return Ok(()) };
    broker.stop().await?;
    let stack = TestStack::new(broker.clone());
    let gateway = stack.start_gateway(stack.gateway_settings())?;
    let processor = stack.start_processor(stack.processor_settings())?;
    let client = gateway.client()?;
    ensure!(client.refused("x").await?.code == "kafka_unavailable");
    let (status, _) = Client::new(gateway.management_port)?.get("/health/ready").await?;
    ensure!(status == 503);
    broker.start_again().await?;
    gateway.ready().await?;
    processor.ready().await?;
    gateway.answering().await
}

/// Calls without a pause until told to stop; every call has to be answered right.
async fn call_until(client: Client, lane: usize, stop: Arc<AtomicBool>) -> Result<usize> {
    let mut calls = 0;
    while !stop.load(Ordering::Relaxed) {
        match client.try_hash(&format!("{lane}-{calls}")).await? {
            Ok(_) => calls += 1,
            // Refused before anything was sent is honest while the broker is away.
            Err(problem) if problem.code == "kafka_unavailable" => tokio::time::sleep(PAUSE).await,
            Err(problem) => anyhow::bail!("lane {lane}, call {calls}: {}", problem.body),
        }
    }
    Ok(calls)
}

const PAUSE: Duration = Duration::from_millis(20);

async fn restart_under_load(context: Context) -> Result<()> {
    let Some(broker) = context.own_broker().await? else { return Ok(()) };
    let stack = TestStack::new(broker.clone());
    let mut settings = stack.gateway_settings();
    settings.request_timeout = Duration::from_secs(25);
    let gateway = stack.start_gateway(settings)?;
    let processor = stack.start_processor(stack.processor_settings())?;
    processor.ready().await?;
    gateway.answering().await?;
    let stop = Arc::new(AtomicBool::new(false));
    let mut lanes = JoinSet::new();
    for lane in 0..8 {
        lanes.spawn(call_until(gateway.client()?, lane, stop.clone()));
    }
    let before = answered(&gateway).await?;
    wait::until("some answers", async || answered(&gateway).await.is_ok_and(|n| n > before + 50.0)).await?;
    broker.stop().await?;
    broker.start_again().await?;
    let after = answered(&gateway).await?;
    wait::until("answers after the restart", async || {
        answered(&gateway).await.is_ok_and(|n| n > after + 50.0)
    })
    .await?;
    stop.store(true, Ordering::Relaxed);
    while let Some(lane) = lanes.join_next().await {
        ensure!(lane?? > 0, "a lane had no answer");
    }
    Ok(())
}

async fn answered(gateway: &integration_tests::stack::Running) -> Result<f64> {
    gateway.metric(ANSWERED).await
}

async fn other_settings(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let kafka = stack.broker.kafka();
    topics::create(&kafka, &stack.requests(), 1).await?;
    topics::create(&kafka, &stack.responses(), 7).await?;
    let (gateway, _processor) = stack.start_pair().await?;
    gateway.client()?.hash("x").await?;
    ensure!(partition_count(&kafka, &stack.requests()).await? == 1);
    ensure!(partition_count(&kafka, &stack.responses()).await? == 7);
    Ok(())
}

async fn deleted_topics(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let kafka = stack.broker.kafka();
    let (gateway, _processor) = stack.start_pair().await?;
    for topic in [stack.requests(), stack.responses(), stack.dead_letters()] {
        topics::delete(&kafka, &topic).await?;
    }
    wait::until("the topics to be missed", async || {
        partition_count(&kafka, &stack.requests()).await.is_err()
    })
    .await?;
    wait::until("the topics to be back", async || partition_count(&kafka, &stack.responses()).await.is_ok())
        .await?;
    gateway.answering().await
}

async fn no_creation(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let mut settings = stack.gateway_settings();
    settings.kafka.create_topics = false;
    let gateway = stack.start_gateway(settings)?;
    let refused = gateway.client()?.refused("x").await?;
    ensure!(refused.code == "kafka_unavailable", "{refused:?}");
    let kafka = stack.broker.kafka();
    ensure!(partition_count(&kafka, &stack.requests()).await.is_err(), "the topic was created after all");
    topics::create(&kafka, &stack.requests(), 1).await?;
    topics::create(&kafka, &stack.responses(), 1).await?;
    gateway.ready().await.context("the topics are there now")
}
