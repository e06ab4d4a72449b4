//! Nobody is there to answer: said at once where it is known, and never guessed.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use embedded_broker::{Broker, Config};
use integration_tests::broker::{IMAGE, TestBroker};
use integration_tests::client::{Client, problem};
use integration_tests::stack::TestStack;
use integration_tests::wait;
use kafka::group::describe_group;
use libtest_mimic::Trial;
use tokio::process::Command;

use crate::{Context, test};

/// A refusal takes milliseconds, and a new group's first answer less than a second; a busy machine may take so long.
const AT_ONCE: Duration = Duration::from_secs(1);
const SOON: Duration = Duration::from_secs(5);

const STOP_LIMIT: Duration = Duration::from_secs(20);

/// How long a Java consumer stays that gets nothing to read, in milliseconds.
const CONSUMER_STAYS_MS: &str = "8000";

pub(crate) fn tests(context: &Context) -> Vec<Trial> {
    vec![
        test("without_a_worker_the_answer_is_503_at_once_and_with_one_again_200", context, comes_and_goes),
        test("a_worker_of_the_new_group_protocol_is_one", context, new_protocol),
        test("while_the_group_cannot_be_seen_nobody_guesses", context, unseen),
    ]
}

async fn until_refused(client: &Client) -> Result<()> {
    wait::until("the empty group to be noticed", async || {
        client.try_hash("x").await.is_ok_and(|o| o.is_err_and(|p| p.code == "no_workers"))
    })
    .await
}

async fn comes_and_goes(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let mut settings = stack.gateway_settings();
    // What is sent within the grace of the last worker is not to keep the test waiting.
    settings.request_timeout = Duration::from_secs(2);
    let gateway = stack.start_gateway(settings)?;
    gateway.ready().await?;
    let client = gateway.client()?;
    for _ in 0..2 {
        until_refused(&client).await?;
        let began = Instant::now();
        let request =
            client.http.post(format!("{}/hash", client.base)).json(&serde_json::json!({ "data": "x" }));
        let answer = request.send().await?;
        let took = began.elapsed();
        ensure!(took < AT_ONCE, "not at once: {took:?}");
        ensure!(answer.headers().contains_key("retry-after"));
        let refused = problem(answer).await?;
        ensure!((refused.status, refused.code.as_str()) == (503, "no_workers"), "{refused:?}");

        let worker = stack.start_processor(stack.processor_settings())?;
        let (kafka, group, topic) = (stack.broker.kafka(), stack.worker_group(), stack.requests());
        wait::until_ok("the group to be stable", async || {
            let group = describe_group(&kafka, &group, &topic).await?;
            ensure!(group.state == "Stable" && group.members.len() == 1, "{group:?}");
            Ok(())
        })
        .await?;
        let stable = Instant::now();
        gateway.answering().await?;
        let first = stable.elapsed();
        eprintln!(
            "no worker: refused in {:.1} ms; first answer {:.0} ms after the group was stable",
            took.as_secs_f64() * 1e3,
            first.as_secs_f64() * 1e3
        );
        ensure!(first < SOON, "the first answer took {first:?}");
        worker.stop(STOP_LIMIT).await?;
    }
    until_refused(&client).await
}

/// Kafka's own consumer, by the protocol of KIP-848: it answers nothing, but it is there.
async fn new_protocol(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    if !stack.broker.is_container() {
        eprintln!("skipped: only the image of Apache Kafka has such a consumer");
        return Ok(());
    }
    let mut settings = stack.gateway_settings();
    settings.request_timeout = Duration::from_millis(500);
    let gateway = stack.start_gateway(settings)?;
    gateway.ready().await?;
    let client = gateway.client()?;
    until_refused(&client).await?;
    let consumer = Command::new("docker")
        .args(["run", "--rm", "--network", "host", &format!("{}:{}", IMAGE.0, IMAGE.1)])
        .args(["/opt/kafka/bin/kafka-console-consumer.sh", "--topic", &stack.requests()])
        .args(["--bootstrap-server", stack.broker.bootstrap()])
        .args(["--group", &stack.worker_group(), "--consumer-property", "group.protocol=consumer"])
        .args(["--timeout-ms", CONSUMER_STAYS_MS])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("docker cannot be run")?;
    let seen = wait::until("the consumer to be seen", async || {
        client.try_hash("x").await.is_ok_and(|o| o.is_err_and(|p| p.code == "outcome_unknown"))
    });
    let seen = seen.await;
    let ended = tokio::time::timeout(wait::PATIENCE, consumer.wait_with_output()).await??;
    seen.with_context(|| String::from_utf8_lossy(&ended.stderr).into_owned())?;
    until_refused(&client).await
}

async fn unseen(_: Context) -> Result<()> {
    let broker = Broker::start(Config::default()).await?;
    let stack = TestStack::new(TestBroker::foreign(broker.bootstrap()));
    let mut settings = stack.gateway_settings();
    settings.request_timeout = Duration::from_millis(500);
    let gateway = stack.start_gateway(settings)?;
    gateway.ready().await?;
    let client = gateway.client()?;
    until_refused(&client).await?;
    broker.faults().freeze();
    wait::until("the last look at the group to be too old to count", async || {
        client.try_hash("x").await.is_ok_and(|o| o.is_err_and(|p| p.code != "no_workers"))
    })
    .await?;
    for _ in 0..5 {
        let refused = client.refused("x").await?;
        let honest = ["outcome_unknown", "kafka_unavailable"];
        ensure!(honest.contains(&refused.code.as_str()), "{refused:?}");
    }
    broker.faults().thaw();
    until_refused(&client).await
}
