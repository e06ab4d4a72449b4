//! More and fewer gateways and workers under load.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use integration_tests::stack::{Running, TestStack};
use integration_tests::wait;
use kafka::group::describe_group;
use kafka::reader::{Reader, Start};
use libtest_mimic::Trial;

use crate::steady::{Call, Outcome, Steady, all_answered};
use crate::{Context, test};

const RATE: u32 = 100;
const STOP_LIMIT: Duration = Duration::from_secs(20);
const PARTITIONS: i32 = 3;

/// Answers between two changes.
const BETWEEN: usize = 50;

/// A partition that stays where it is never stops; so much may a busy machine do.
const LONGEST_GAP: Duration = Duration::from_secs(3);

pub(crate) fn tests(context: &Context) -> Vec<Trial> {
    vec![
        test("one_gateway_six_and_two_lose_no_reply", context, gateways),
        test("one_worker_six_and_one_answer_everything", context, workers),
    ]
}

async fn gateways(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let (first, _worker) = stack.start_pair().await?;
    let mut steady = Steady::start(RATE);
    steady.add(first.port, first.management_port)?;
    let mut gateways = vec![first];
    for _ in 1..6 {
        let gateway = stack.start_gateway(stack.gateway_settings())?;
        steady.add(gateway.port, gateway.management_port)?;
        gateways.push(gateway);
        steady.more(BETWEEN).await?;
    }
    // The first of them go: those that are left take over their reply partitions.
    for gateway in gateways.drain(..4) {
        gateway.stop(STOP_LIMIT).await?;
        steady.more(BETWEEN).await?;
    }
    let calls = steady.stop().await?;
    let cut = all_answered(&calls)?;
    eprintln!("gateways 1, 6, 2: {} calls, {cut}", calls.len());
    for gateway in &gateways {
        for name in
            ["gateway_late_replies_total", "gateway_duplicate_replies_total", "gateway_unknown_replies_total"]
        {
            ensure!(gateway.metric(name).await? == 0.0, "{name}");
        }
    }
    Ok(())
}

/// One change of the workers, and who owned which partition before and after it.
struct Change {
    began: Instant,
    ended: Instant,
    before: BTreeMap<i32, String>,
    after: BTreeMap<i32, String>,
}

async fn workers(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let (gateway, first) = stack.start_pair().await?;
    let mut steady = Steady::start(RATE);
    steady.add(gateway.port, gateway.management_port)?;
    let (mut workers, mut changes) = (vec![first], Vec::new());
    for count in 2..=6 {
        let before = owners(&stack, count - 1).await?;
        let began = Instant::now();
        let worker = stack.start_processor(stack.processor_settings())?;
        worker.ready().await?;
        workers.push(worker);
        steady.more(BETWEEN).await?;
        let after = owners(&stack, count).await?;
        changes.push(Change { began, ended: Instant::now(), before, after });
    }
    while let Some(leaving) = next_to_go(&mut workers) {
        let before = owners(&stack, workers.len() + 1).await?;
        let began = Instant::now();
        leaving.stop(STOP_LIMIT).await?;
        let after = owners(&stack, workers.len()).await?;
        steady.more(BETWEEN).await?;
        changes.push(Change { began, ended: Instant::now(), before, after });
    }
    let calls = steady.stop().await?;
    let cut = all_answered(&calls)?;
    let answers = answers_by_partition(&stack, &calls).await?;
    let gap = |stays: bool| {
        let gaps = changes.iter().flat_map(|change| change.gaps(&answers, stays));
        gaps.max().unwrap_or_default()
    };
    let (staying, moving) = (gap(true), gap(false));
    eprintln!(
        "workers 1, 6, 1: {} calls, {cut}; longest gap between two answers {:.0} ms where a partition \
         stays and {:.0} ms where it moves",
        calls.len(),
        staying.as_secs_f64() * 1e3,
        moving.as_secs_f64() * 1e3,
    );
    ensure!(staying < LONGEST_GAP, "a partition that stays where it is had no answer for {staying:?}");
    Ok(())
}

/// The oldest, which is the one that has most to give away, as long as another is left.
fn next_to_go(workers: &mut Vec<Running>) -> Option<Running> {
    (workers.len() > 1).then(|| workers.remove(0))
}

/// Who has which partition, once `members` have shared them all out.
async fn owners(stack: &TestStack, members: usize) -> Result<BTreeMap<i32, String>> {
    let (kafka, group, topic) = (stack.broker.kafka(), stack.worker_group(), stack.requests());
    wait::until_ok("the group to have shared the partitions out", async || {
        let group = describe_group(&kafka, &group, &topic).await?;
        ensure!(group.members.len() == members && group.state == "Stable", "{group:?}");
        let owned = group.members.iter().flat_map(|member| {
            member.partitions.iter().map(|partition| (*partition, member.member_id.clone()))
        });
        let owners: BTreeMap<_, _> = owned.collect();
        ensure!(owners.len() == usize::try_from(PARTITIONS)?, "{group:?}");
        Ok(owners)
    })
    .await
}

impl Change {
    /// The longest time without an answer in the course of it, for each partition that stays or moves.
    fn gaps(&self, answers: &BTreeMap<i32, Vec<Instant>>, stays: bool) -> Vec<Duration> {
        let of_kind = answers
            .iter()
            .filter(|(partition, _)| (self.before.get(partition) == self.after.get(partition)) == stays);
        let gap = |answers: &Vec<Instant>| {
            let within = answers.iter().copied().filter(|at| (self.began..self.ended).contains(at));
            let times: Vec<_> = [self.began].into_iter().chain(within).chain([self.ended]).collect();
            times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default()
        };
        of_kind.map(|(_, answers)| gap(answers)).collect()
    }
}

/// When which partition's requests were answered, in order.
async fn answers_by_partition(stack: &TestStack, calls: &[Call]) -> Result<BTreeMap<i32, Vec<Instant>>> {
    let partition_of = partitions_by_id(stack).await?;
    let mut answers: BTreeMap<i32, Vec<Instant>> = BTreeMap::new();
    for call in calls {
        if let Outcome::Answered(id) = &call.outcome
            && let Some(partition) = partition_of.get(id)
        {
            answers.entry(*partition).or_default().push(call.ended);
        }
    }
    answers.values_mut().for_each(|times| times.sort_unstable());
    Ok(answers)
}

/// Which partition each request went to, by its id.
pub(crate) async fn partitions_by_id(stack: &TestStack) -> Result<BTreeMap<String, i32>> {
    let kafka = stack.broker.kafka();
    let partitions: Vec<i32> = (0..PARTITIONS).collect();
    let mut found = BTreeMap::new();
    for (partition, end) in kafka::log_ends(&kafka, &stack.requests(), &partitions).await? {
        let mut reader = Reader::open(&kafka, &stack.requests(), partition, Start::Earliest).await?;
        while reader.position() < end {
            let fetched = tokio::time::timeout(wait::PATIENCE, reader.next()).await?;
            let ids =
                fetched.records.into_iter().filter_map(|found| String::from_utf8(found.record.key?).ok());
            found.extend(ids.map(|id| (id, partition)));
        }
    }
    Ok(found)
}
