//! Several gateways and several workers.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, ensure};
use futures::future::try_join_all;
use integration_tests::stack::{Running, TestStack};
use integration_tests::wait;
use kafka::group::fetch_committed;
use kafka::topics::partition_count;
use libtest_mimic::Trial;

use crate::{Context, test};

pub(crate) fn tests(context: &Context) -> Vec<Trial> {
    vec![
        test("two_gateways_and_two_workers_share_the_load", context, share),
        test("more_gateways_than_partitions_all_answer", context, many_gateways),
        test("a_worker_that_starts_again_goes_on_where_it_was", context, resume),
        test("gateways_commit_where_they_read", context, gateway_commits),
        test("routing_any_answers_without_naming_a_partition", context, routing_any),
        test("partitions_added_while_running_are_used", context, added_partitions),
    ]
}

async fn processed(worker: &Running) -> Result<f64> {
    worker.metric(r#"processor_requests_total{operation="hash",outcome="answered"}"#).await
}

async fn load(gateways: &[&Running], count: usize) -> Result<()> {
    let mut calls = Vec::new();
    for n in 0..count {
        let client = gateways[n % gateways.len()].client()?;
        calls.push(async move { client.hash(&format!("load {n}")).await });
    }
    try_join_all(calls).await?;
    Ok(())
}

async fn share(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let (first, worker_1) = stack.start_pair().await?;
    let worker_2 = stack.start_processor(stack.processor_settings())?;
    let second = stack.start_gateway(stack.gateway_settings())?;
    worker_2.ready().await?;
    second.answering().await?;
    wait::until_ok("both workers to have work", async || {
        load(&[&first, &second], 60).await?;
        for worker in [&worker_1, &worker_2] {
            ensure!(processed(worker).await? > 0.0);
        }
        anyhow::Ok(())
    })
    .await
}

async fn many_gateways(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let processor = stack.start_processor(stack.processor_settings())?;
    processor.ready().await?;
    let mut gateways = Vec::new();
    for _ in 0..5 {
        gateways.push(stack.start_gateway(stack.gateway_settings())?);
        for gateway in &gateways {
            gateway.answering().await?;
        }
    }
    load(&gateways.iter().collect::<Vec<_>>(), 100).await?;
    for gateway in &gateways {
        for name in ["gateway_late_replies_total", "gateway_unknown_replies_total"] {
            ensure!(gateway.metric(name).await? == 0.0, "{name}");
        }
    }
    Ok(())
}

/// The committed offsets of a group, by partition.
async fn committed(stack: &TestStack, group: &str, topic: &str) -> Result<BTreeMap<i32, i64>> {
    let partitions: Vec<i32> = (0..partition_count(&stack.broker.kafka(), topic).await?).collect();
    let found = fetch_committed(&stack.broker.kafka(), group, topic, &partitions).await?;
    Ok(found.into_iter().filter_map(|(partition, offset)| Some((partition, offset?))).collect())
}

async fn resume(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let (gateway, worker) = stack.start_pair().await?;
    load(&[&gateway], 50).await?;
    // Callers may have their answers before the worker hears that those were written.
    wait::until("all of it to be finished", async || {
        worker.metric("processor_in_flight").await.is_ok_and(|in_flight| in_flight == 0.0)
            && processed(&worker).await.is_ok_and(|processed| processed > 50.0)
    })
    .await?;
    let before = processed(&worker).await?;
    worker.stop(Duration::from_secs(20)).await?;
    let offsets = committed(&stack, &stack.worker_group(), &stack.requests()).await?;
    #[expect(clippy::cast_precision_loss, reason = "a few dozen records")]
    let finished = offsets.values().sum::<i64>() as f64;
    ensure!(finished == before, "{finished} committed of {before}");
    let worker = stack.start_processor(stack.processor_settings())?;
    worker.ready().await?;
    gateway.answering().await?;
    load(&[&gateway], 20).await?;
    let after = processed(&worker).await?;
    ensure!(after < before, "the old requests ran again: {after} since the restart");
    Ok(())
}

async fn gateway_commits(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let (gateway, _worker) = stack.start_pair().await?;
    load(&[&gateway], 20).await?;
    wait::until_ok("every response partition to be committed to its end", async || {
        let offsets = committed(&stack, &stack.gateway_group(), &stack.responses()).await?;
        ensure!(offsets.len() == 3, "{offsets:?}");
        let ends = kafka::log_ends(&stack.broker.kafka(), &stack.responses(), &[0, 1, 2]).await?;
        ensure!(ends.into_iter().collect::<BTreeMap<_, _>>() == offsets, "{offsets:?}");
        Ok(())
    })
    .await
}

async fn routing_any(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let processor = stack.start_processor(stack.processor_settings())?;
    processor.ready().await?;
    let mut settings = stack.gateway_settings();
    settings.reply_routing = service::settings::ReplyRouting::Any;
    settings.no_worker = service::settings::NoWorker::Off;
    let gateway = stack.start_gateway(settings)?;
    gateway.answering().await?;
    load(&[&gateway], 50).await?;
    let requests = integration_tests::topics::read_all(&stack.broker.kafka(), &stack.requests()).await?;
    ensure!(requests.len() >= 50);
    ensure!(requests.iter().all(|found| !found.record.headers.contains_key("kafka_replyPartition")));
    Ok(())
}

async fn added_partitions(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let (gateway, worker) = stack.start_pair().await?;
    let kafka = stack.broker.kafka();
    integration_tests::topics::add_partitions(&kafka, &stack.requests(), 5).await?;
    wait::until_ok("a new partition to be used and finished", async || {
        load(&[&gateway], 40).await?;
        let offsets = committed(&stack, &stack.worker_group(), &stack.requests()).await?;
        ensure!(
            offsets.get(&3).is_some_and(|o| *o > 0) && offsets.get(&4).is_some_and(|o| *o > 0),
            "{offsets:?}"
        );
        anyhow::Ok(())
    })
    .await?;
    drop(worker);
    Ok(())
}
