//! From a trace to the log lines of the programs, and back.

use anyhow::{Context as _, Result, ensure};
use integration_tests::client::Client;
use integration_tests::otlp::Collector;
use integration_tests::process::{Process, Program};
use integration_tests::stack::TestStack;
use integration_tests::topics::{self, record};
use integration_tests::wait;
use serde_json::Value;

use super::{CALLER, TRACE, named, parent};
use crate::Context;

/// The environment of a program on this broker that exports to `collector` and logs everything.
fn environment(stack: &TestStack, collector: &Collector) -> Vec<(&'static str, String)> {
    let base = collector.endpoint().trim_end_matches("/v1/traces").to_owned();
    vec![
        ("KAFKA_BROKERS", stack.broker.addresses().join(",")),
        ("KAFKA_REQUEST_TOPIC", stack.requests()),
        ("KAFKA_RESPONSE_TOPIC", stack.responses()),
        ("SERVICE_1_GROUP_ID", stack.gateway_group()),
        ("SERVICE_2_GROUP_ID", stack.worker_group()),
        ("SERVICE_1_HOST", "127.0.0.1".into()),
        ("SERVICE_1_PORT", "0".into()),
        ("SERVICE_1_MANAGEMENT_PORT", "0".into()),
        ("SERVICE_2_MANAGEMENT_PORT", "0".into()),
        ("RUST_LOG", "info,api_gateway=debug,hash_processor=debug".into()),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", base),
        ("OTEL_SERVICE_NAME", "by-environment".into()),
    ]
}

fn start(program: Program, environment: &[(&'static str, String)]) -> Result<Process> {
    let pairs: Vec<_> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Process::start(program, &pairs)
}

/// The line of the log that has this message.
async fn line(process: &Process, message: &str) -> Result<String> {
    wait::until_ok("a log line", async || {
        let log = process.log();
        let found = log.lines().find(|line| line.contains(message)).map(str::to_owned);
        found.with_context(|| format!("no {message:?} in {log}"))
    })
    .await
}

/// The correlation id, the caller's own id and the trace that a line names.
fn names(line: &str) -> [&str; 3] {
    [" id=\"", " request_id=\"", " trace_id=\""].map(|name| {
        let value = line.split_once(name).and_then(|(_, rest)| rest.split_once('"'));
        value.map_or("", |(value, _)| value)
    })
}

pub(super) async fn dead_letter(context: Context) -> Result<()> {
    let (stack, collector) = (context.stack().await?, Collector::start().await?);
    let worker = start(Program::Processor, &environment(&stack, &collector))?;
    Client::at(&worker.management().await?)?.ready().await?;
    let context = parent(TRACE, true);
    let headers = [("traceparent", context.as_bytes()), ("x-request-id", b"order-7")];
    let request = record(Some("by-hand"), Some(br#"{"operation":"dance"}"#), &headers);
    topics::write(&stack.broker.kafka(), &stack.requests(), 0, vec![request]).await?;
    let warning = line(&worker, "a record became a dead letter").await?;
    ensure!(names(&warning) == ["by-hand", "order-7", TRACE], "{warning}");
    let kept = line(&worker, "kept a dead letter").await?;
    ensure!(names(&kept) == names(&warning), "{kept}");
    // Its work, and the reply that tells of it.
    let spans = collector.trace(TRACE, 2).await?;
    let process = named(&spans, &format!("process {}", stack.requests()))?;
    ensure!(process.has_failed && process.service == "by-environment", "{process:#?}");
    ensure!(process.attribute("error.type")? == "unknown_operation" && process.parent == CALLER);
    let notice = named(&spans, &format!("send {}", stack.responses()))?;
    ensure!(notice.parent == process.id && !notice.has_failed, "{notice:#?}");
    Ok(())
}

pub(super) async fn log_lines(context: Context) -> Result<()> {
    let (stack, collector) = (context.stack().await?, Collector::start().await?);
    // Nobody works, and nobody looks whether anybody does.
    let mut environment = environment(&stack, &collector);
    environment.extend([("SERVICE_1_NO_WORKER", "off".into()), ("REQUEST_TIMEOUT", "1".into())]);
    let gateway = start(Program::Gateway, &environment)?;
    Client::at(&gateway.management().await?)?.ready().await?;
    let client = Client::at(&gateway.listening().await?)?;
    let request = client.http.post(format!("{}/hash", client.base)).json(&serde_json::json!({ "data": "x" }));
    let request = request.header("traceparent", parent(TRACE, true)).header("x-request-id", "order-8");
    let answer = request.send().await?;
    ensure!(answer.status() == 504, "{answer:?}");
    let answer: Value = answer.json().await?;
    let told = line(&gateway, "answered with an error").await?;
    let id = answer["id"].as_str().context("no id")?;
    ensure!(names(&told) == [id, "order-8", TRACE] && told.contains("outcome_unknown"), "{told}");
    let spans = collector.trace(TRACE, 2).await?;
    let server = named(&spans, "POST /hash")?;
    ensure!(server.has_failed && server.attribute("error.type")? == "outcome_unknown", "{server:#?}");
    ensure!(
        named(&spans, &format!("send {}", stack.requests()))?.attribute("messaging.kafka.offset")? == "0"
    );
    Ok(())
}
