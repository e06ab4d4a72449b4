//! Three nodes of Apache Kafka under steady calls: leader and coordinator killed, a leader moved by hand, a node cut
//! off the others while services still reach it.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use integration_tests::broker::{Choice, TestBroker};
use integration_tests::client::Client;
use integration_tests::cluster::{Cluster, Config};
use integration_tests::stack::{Running, TestStack};
use kafka::wire::Partition;
use libtest_mimic::Trial;

use crate::honesty::{CALM, judge, timeline};
use crate::steady::Steady;
use crate::{Context, test};

/// Calls a second.
const RATE: u32 = 50;
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Of each topic, as services make them.
const PARTITIONS: i32 = 3;
/// Lines of each node's log that are shown when something fails.
const NODE_LINES: usize = 40;
/// After a fault there are more calls than could be under way when it ended.
const AFTERWARDS: usize = CALM + 500;

pub(crate) fn tests(context: &Context) -> Vec<Trial> {
    vec![test("a_cluster_of_three_survives_the_loss_of_any_node", context, survives)]
}

async fn survives(context: Context) -> Result<()> {
    if *context.brokers.choice() != Choice::Container {
        eprintln!("skipped: a cluster takes containers");
        return Ok(());
    }
    let config = Config { broker_session: Duration::from_secs(4), ..Config::default() };
    let broker = TestBroker::cluster(&config).await?.proxied()?;
    let cluster = broker.nodes().context("it was started as a cluster")?;
    let stack = TestStack::new(broker.clone());
    let workers = [
        stack.start_processor(stack.processor_settings())?,
        stack.start_processor(stack.processor_settings())?,
    ];
    let mut settings = stack.gateway_settings();
    settings.request_timeout = REQUEST_TIMEOUT;
    let gateway = stack.start_gateway(settings)?;
    for worker in &workers {
        worker.ready().await?;
    }
    gateway.answering().await?;
    let [one, other] = &workers;
    let endured = endured(cluster, &stack, &gateway).await;
    match endured {
        Ok(()) => Ok(()),
        Err(error) => Err(error.context(state(cluster, &stack, [&gateway, one, other]).await)),
    }
}

/// One fault after another.
async fn endured(cluster: &Cluster, stack: &TestStack, gateway: &Running) -> Result<()> {
    let (requests, group) = (stack.requests(), stack.worker_group());

    let led = leader(cluster, &requests).await?;
    under_calls(gateway, "leader killed", async || {
        cluster.node(led)?.kill().await?;
        cluster.new_leader(&requests, 0, led).await
    })
    .await?;
    cluster.node(led)?.start_again().await?;
    cluster.in_sync().await?;

    let to = (led % 3) + 1;
    under_calls(gateway, "leader moved by hand", async || {
        cluster.move_leader(&requests, 0, to).await?;
        Ok(to)
    })
    .await?;

    let coordinator = cluster.coordinator(&group).await?;
    under_calls(gateway, "coordinator killed", async || {
        cluster.node(coordinator)?.kill().await?;
        new_coordinator(cluster, &group, coordinator).await
    })
    .await?;
    cluster.node(coordinator)?.start_again().await?;
    cluster.in_sync().await?;

    // The worst node to be cut off: it leads partitions, coordinates the workers, and goes on saying so.
    let led = cluster.coordinator(&group).await?;
    cluster.move_leader(&requests, 0, led).await?;
    under_calls(gateway, "leader and coordinator cut off the other nodes", async || {
        cluster.node(led)?.isolate().await?;
        cluster.new_leader(&requests, 0, led).await
    })
    .await?;
    cluster.node(led)?.heal().await?;
    cluster.in_sync().await?;
    gateway.answering().await
}

/// Everything that tells why a test failed: who leads what, who coordinates whom, how the nodes and the services are.
async fn state(cluster: &Cluster, stack: &TestStack, services: [&Running; 3]) -> String {
    let mut text = "as the cluster stood then:".to_owned();
    for topic in [stack.requests(), stack.responses(), stack.dead_letters()] {
        for partition in 0..PARTITIONS {
            match cluster.partition(&topic, partition).await {
                Ok(Partition { leader, leader_epoch, in_sync, .. }) => text.push_str(&format!(
                    "\n{topic}/{partition}: leader {leader:?} in epoch {leader_epoch}, in sync {in_sync:?}"
                )),
                Err(error) => text.push_str(&format!("\n{topic}/{partition}: {error:#}")),
            }
        }
    }
    for group in [stack.worker_group(), stack.gateway_group()] {
        let coordinator = cluster.coordinator(&group).await;
        text.push_str(&format!("\n{group}: coordinator {coordinator:?}"));
    }
    for service in services {
        let page = async { Client::new(service.management_port)?.get("/health/ready").await };
        text.push_str(&format!("\nservice at {}: {:?}", service.management_port, page.await));
    }
    for node in cluster.nodes() {
        let log = node.log().await.unwrap_or_else(|error| format!("{error:#}"));
        let lines: Vec<_> = log.lines().collect();
        let (_, last) = lines.split_at(lines.len().saturating_sub(NODE_LINES));
        let (id, is_sound) = (node.id(), node.is_sound());
        text.push_str(&format!("\nnode {id} (sound: {is_sound}) logged last:\n{}", last.join("\n")));
    }
    text
}

/// Makes calls while `fault` is done, which returns when the cluster is whole again without the node that was lost.
async fn under_calls(gateway: &Running, name: &str, fault: impl AsyncFnOnce() -> Result<i32>) -> Result<()> {
    let mut load = Steady::start(RATE);
    load.add(gateway.port, gateway.management_port)?;
    load.more(CALM).await?;
    let began = Instant::now();
    let node = match fault().await {
        Ok(node) => node,
        Err(error) => {
            let seen = timeline(&load.stop().await?, Instant::now());
            return Err(error.context(format!("{name}, which began {:.1?} ago; {seen}", began.elapsed())));
        }
    };
    let ended = Instant::now();
    let more = load.more(AFTERWARDS).await;
    let lasted = ended - began;
    let felt = judge(load.stop().await?, REQUEST_TIMEOUT, ended)
        .with_context(|| format!("{name}: node {node} took over after {lasted:.1?}"))?;
    more.with_context(|| format!("{name}: {felt}"))?;
    eprintln!("{name}: node {node} took over after {lasted:.1?}; {felt}");
    Ok(())
}

async fn leader(cluster: &Cluster, topic: &str) -> Result<i32> {
    cluster.leader(topic, 0).await?.with_context(|| format!("{topic} has no leader"))
}

async fn new_coordinator(cluster: &Cluster, group: &str, old: i32) -> Result<i32> {
    integration_tests::wait::until_ok("another coordinator", async || {
        let coordinator = cluster.coordinator(group).await?;
        ensure!(coordinator != old, "it is still node {old}");
        Ok(coordinator)
    })
    .await
}
