//! A worker that stands still: its partition is soon avoided, long before its session ends and the group finds out.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use integration_tests::client::Client;
use integration_tests::process::{Process, Program, Signal};
use integration_tests::stack::TestStack;
use integration_tests::wait;
use kafka::group::describe_group;
use libtest_mimic::Trial;

use crate::rolling::environment;
use crate::scale::partitions_by_id;
use crate::steady::{Call, Outcome, Steady, all_answered};
use crate::{Context, test};

const RATE: u32 = 200;
const WORKERS: usize = 3;

/// How long the gateway may take to avoid the partition.
const NOTICED: Duration = Duration::from_secs(1);

/// How long the worker stands still: less than its session, so that the partition stays its own.
const STANDSTILL: Duration = Duration::from_secs(4);

/// Of the calls that are sent once it is noticed, fewer than one in so many go there, and on a quiet machine none. A
/// partition that nobody avoids gets one in three.
const ONE_IN: usize = 4;

const FROZEN: &str = "the-frozen-one";

pub(crate) fn tests(context: &Context) -> Vec<Trial> {
    vec![test("the_partition_of_a_frozen_worker_is_avoided_within_a_second", context, frozen)]
}

async fn frozen(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let environment = environment(&stack).with("KAFKA_CLIENT_ID", FROZEN);
    let freezing = Process::start(Program::Processor, &environment.pairs())?;
    Client::at(&freezing.management().await?)?.ready().await?;
    let mut others = Vec::new();
    for _ in 1..WORKERS {
        let worker = stack.start_processor(stack.processor_settings())?;
        worker.ready().await?;
        others.push(worker);
    }
    let partition = partition_of_the_frozen(&stack).await?;
    let gateway = stack.start_gateway(stack.gateway_settings())?;
    gateway.answering().await?;

    let mut steady = Steady::start(RATE);
    steady.add(gateway.port, gateway.management_port)?;
    steady.more(RATE as usize).await?;
    freezing.signal(Signal::Freeze).await?;
    let from = Instant::now();
    tokio::time::sleep_until((from + STANDSTILL).into()).await;
    let until = Instant::now();
    freezing.signal(Signal::Thaw).await?;
    steady.more(RATE as usize).await?;
    let calls = steady.stop().await?;
    // Those that it had taken before it stood still, and those sent there since, are answered once it goes on.
    all_answered(&calls)?;

    let partition_of = partitions_by_id(&stack).await?;
    let went_there = |call: &&Call| match &call.outcome {
        Outcome::Answered(id) => partition_of.get(id) == Some(&partition),
        Outcome::Refused(_) | Outcome::Broken(_) => false,
    };
    let before: Vec<_> = calls.iter().filter(|call| call.ended < from).collect();
    let meanwhile = calls.iter().filter(|call| (from + NOTICED..until).contains(&call.sent));
    let meanwhile: Vec<_> = meanwhile.collect();
    let there = meanwhile.iter().copied().filter(went_there).count();
    eprintln!(
        "one of {WORKERS} workers frozen: {there} of {} calls sent after {NOTICED:?} went there, of those before {} of \
         {}; p99 {:.1} ms, before {:.1} ms",
        meanwhile.len(),
        before.iter().copied().filter(went_there).count(),
        before.len(),
        p99_ms(&meanwhile)?,
        p99_ms(&before)?,
    );
    ensure!(there * ONE_IN <= meanwhile.len(), "{there} of {} went to the frozen worker", meanwhile.len());
    Ok(())
}

/// The one partition that the frozen worker has once they are shared out.
async fn partition_of_the_frozen(stack: &TestStack) -> Result<i32> {
    let (kafka, group, topic) = (stack.broker.kafka(), stack.worker_group(), stack.requests());
    wait::until_ok("each worker to have a partition", async || {
        let group = describe_group(&kafka, &group, &topic).await?;
        let each_has_one = group.members.iter().all(|member| member.partitions.len() == 1);
        ensure!(group.members.len() == WORKERS && each_has_one, "{group:?}");
        let frozen = group.members.iter().find(|member| member.client_id == FROZEN);
        frozen.and_then(|member| member.partitions.first().copied()).context("it is not in the group")
    })
    .await
}

fn p99_ms(calls: &[&Call]) -> Result<f64> {
    let mut took: Vec<_> = calls.iter().map(|call| call.ended - call.sent).collect();
    took.sort_unstable();
    let at = took.len() * 99 / 100;
    Ok(took.get(at).context("no call was made in that time")?.as_secs_f64() * 1e3)
}
