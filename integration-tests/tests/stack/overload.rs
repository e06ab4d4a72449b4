//! Too much at once: what does not fit is refused at once, and the rest is not harmed.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use futures::future::join_all;
use hash_processor::Cost;
use integration_tests::broker::Choice;
use integration_tests::client::Client;
use integration_tests::process::{Process, Program};
use integration_tests::procfs::{resident_bytes, sockets};
use integration_tests::proxy::{Direction, Flow};
use integration_tests::stack::TestStack;
use integration_tests::wait;
use libtest_mimic::Trial;

use crate::gate::Gate;
use crate::rolling::environment;
use crate::{Context, test};

/// Requests that may be pending.
const LIMIT: usize = 50;

/// How many times as many are sent at once, and how often.
const TIMES: usize = 5;
const ROUNDS: usize = 10;

/// Rounds after which memory has what it needs for good.
const WARM_UP: usize = 3;

/// Growth of the resident memory that counts as none, in bytes: pages that an allocator has not given back yet.
const FLAT_BYTES: u64 = 8 << 20;

/// A refusal comes long before any deadline; a busy machine may make it wait so long.
const AT_ONCE: Duration = Duration::from_secs(2);

pub(crate) fn tests(context: &Context) -> Vec<Trial> {
    vec![
        test("more_than_may_be_pending_is_refused_at_once_and_the_rest_is_answered", context, too_many),
        test(
            "more_bytes_than_may_be_pending_are_refused_at_once_and_the_rest_is_answered",
            context,
            too_many_bytes,
        ),
        test("a_backlog_that_kafka_takes_slowly_is_overload_and_not_kafkas_absence", context, backlog),
        test("ten_rounds_of_overload_leave_nothing_behind", context, rounds),
    ]
}

/// Sends `count` calls at once. Gives the number of right answers and of refusals, after `open` was called once all
/// refusals were in.
async fn crowd(client: &Client, gate: &Gate, fit: usize, count: usize) -> Result<()> {
    gate.close();
    let began = Instant::now();
    let mut calls = tokio::task::JoinSet::new();
    for n in 0..count {
        let client = client.clone();
        calls.spawn(async move { client.try_hash(&format!("one of many {n}")).await });
    }
    let mut refused = 0;
    while refused < count - fit {
        let outcome = calls.join_next().await.context("more fit than may")???;
        let problem = outcome.err().context("answered through a closed gate")?;
        ensure!((problem.status, problem.code.as_str()) == (503, "overloaded"), "{problem:?}");
        ensure!(began.elapsed() < AT_ONCE, "refused after {:?}", began.elapsed());
        refused += 1;
    }
    gate.open();
    while let Some(outcome) = calls.join_next().await {
        let outcome = outcome??;
        ensure!(outcome.is_ok(), "what fits is answered: {outcome:?}");
    }
    Ok(())
}

async fn too_many(context: Context) -> Result<()> {
    let (stack, gate) = (context.stack().await?, Gate::default());
    let _worker = stack.start_processor_with(stack.processor_settings(), gate.operations(Cost::Heavy))?;
    let mut settings = stack.gateway_settings();
    settings.max_pending = LIMIT;
    let gateway = stack.start_gateway(settings)?;
    gateway.answering().await?;
    crowd(&gateway.client()?, &gate, LIMIT, LIMIT * TIMES).await?;
    ensure!(gateway.metric("gateway_pending_requests").await? == 0.0);
    gateway.client()?.hash("and the next one").await?;
    Ok(())
}

async fn too_many_bytes(context: Context) -> Result<()> {
    let (stack, gate) = (context.stack().await?, Gate::default());
    let _worker = stack.start_processor_with(stack.processor_settings(), gate.operations(Cost::Heavy))?;
    let mut settings = stack.gateway_settings();
    settings.max_pending_bytes = 100_000;
    let gateway = stack.start_gateway(settings)?;
    gateway.answering().await?;
    let client = gateway.client()?;
    gate.close();
    let holder = client.clone();
    let pending = tokio::spawn(async move { holder.hash(&"x".repeat(60_000)).await });
    wait::until("the first body to be reserved", async || {
        gateway.metric("gateway_pending_bytes").await.is_ok_and(|bytes| bytes > 60_000.0)
    })
    .await?;
    let began = Instant::now();
    let refused = client.refused(&"x".repeat(60_000)).await?;
    ensure!((refused.status, refused.code.as_str()) == (503, "overloaded"), "{refused:?}");
    ensure!(began.elapsed() < AT_ONCE, "refused after {:?}", began.elapsed());
    let fits = client.clone();
    let small = tokio::spawn(async move { fits.hash("what still fits is taken").await });
    gateway.until_pending(2).await?;
    gate.open();
    for outcome in join_all([pending, small]).await {
        outcome??;
    }
    ensure!(gateway.metric("gateway_pending_bytes").await? == 0.0);
    Ok(())
}

/// More than the way to Kafka carries by the deadline, while Kafka answers.
async fn backlog(context: Context) -> Result<()> {
    if context.brokers.choice() != &Choice::Embedded {
        eprintln!("skipped: the proxy before this broker is not ours alone");
        return Ok(());
    }
    let stack = TestStack::new(context.brokers.any().await?.proxied()?);
    let _worker = stack.start_processor(stack.processor_settings())?;
    let mut settings = stack.gateway_settings();
    settings.request_timeout = Duration::from_secs(3);
    settings.max_pending_bytes = 32 << 20;
    let gateway = stack.start_gateway(settings)?;
    gateway.answering().await?;
    let proxies = stack.broker.proxies();
    let proxy = proxies.first().context("the proxy was asked for")?;
    proxy.set_flow(Direction::Requests, Flow::limited(NonZeroU32::new(500_000).context("not zero")?));
    let (client, body) = (gateway.client()?, "x".repeat(700_000));
    let outcomes = join_all((0..30).map(|_| client.try_hash(&body))).await;
    proxy.heal();
    let mut in_vain = 0;
    for outcome in outcomes {
        match outcome?.map_err(|problem| problem.code) {
            Ok(_) => {}
            Err(code) if code == "overloaded" => in_vain += 1,
            // Under way at the deadline, or not even read by then on a busy machine.
            Err(code) => ensure!(code == "outcome_unknown" || code == "request_timeout", "{code}"),
        }
    }
    ensure!(in_vain > 0, "all of them were sent");
    for limit in ["requests", "bytes"] {
        let shed = gateway.metric(&format!(r#"gateway_shed_requests_total{{limit="{limit}"}}"#)).await?;
        ensure!(shed == 0.0, "{shed} were turned away by {limit}");
    }
    gateway.answering().await
}

async fn rounds(context: Context) -> Result<()> {
    let (stack, gate) = (context.stack().await?, Gate::default());
    let _worker = stack.start_processor_with(stack.processor_settings(), gate.operations(Cost::Heavy))?;
    let environment = environment(&stack).with("SERVICE_1_MAX_PENDING", LIMIT);
    let gateway = Process::start(Program::Gateway, &environment.pairs())?;
    let address = gateway.listening().await?;
    let management = Client::at(&gateway.management().await?)?;
    let pid = gateway.id().context("it runs")?;
    let settled = Client::at(&address)?;
    wait::until_ok("an answer", async || settled.hash("is anybody there").await).await?;
    drop(settled);
    let mut seen = Vec::new();
    for _ in 0..ROUNDS {
        // Connections of its own in each round, which are closed after it.
        crowd(&Client::at(&address)?, &gate, LIMIT, LIMIT * TIMES).await?;
        wait::until("nothing to be pending", async || {
            management.metric("gateway_pending_requests").await.is_ok_and(|pending| pending == 0.0)
        })
        .await?;
        wait::until("the crowd's connections to be gone", async || {
            sockets(pid).is_ok_and(|sockets| sockets < LIMIT)
        })
        .await?;
        seen.push((resident_bytes(pid)?, sockets(pid)?));
    }
    eprintln!("overload: resident bytes and sockets after each round: {seen:?}");
    let (settled, last) = (seen[WARM_UP - 1].0, seen[ROUNDS - 1].0);
    ensure!(last < settled + FLAT_BYTES, "resident memory grew from {settled} to {last} bytes");
    Ok(())
}
