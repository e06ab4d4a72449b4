//! Traces that are not recorded: whoever decides so, everybody after it has to hear of it. A record that names no trace would
//! begin one in the worker.

use std::time::Duration;

use anyhow::{Result, ensure};
use integration_tests::otlp::Collector;
use service::settings::{Sampled, Sampling, TraceSettings};

use super::{SPANS_OF_A_CALL, TRACE, call, found, header, pair, parent};
use crate::Context;

/// Longest that a service takes to stop, having exported everything before.
const STOP: Duration = Duration::from_secs(20);

/// The caller has decided against it.
pub(super) async fn unsampled(context: Context) -> Result<()> {
    let (stack, collector) = (context.stack().await?, Collector::start().await?);
    let (gateway, processor) = pair(&stack, |service| collector.settings(service)).await?;
    let theirs = parent(TRACE, false);
    let headers = [("traceparent", theirs.as_str()), ("tracestate", "vendor=1")];
    let id = call(&gateway.client()?, &headers).await?;
    // No span of ours stands between the caller's and whoever reads this.
    let request = found(&stack, &stack.requests(), &id).await?;
    ensure!(header(&request, "traceparent")? == theirs, "{request:?}");
    ensure!(header(&request, "tracestate")? == "vendor=1", "{request:?}");
    let answer = found(&stack, &stack.responses(), &id).await?;
    ensure!(!answer.record.headers.contains_key("traceparent"), "{answer:?}");
    gateway.stop(STOP).await?;
    processor.stop(STOP).await?;
    let spans = collector.spans();
    ensure!(!spans.is_empty(), "calls before it were recorded");
    ensure!(spans.iter().all(|span| span.trace_id != TRACE), "{spans:#?}");
    Ok(())
}

/// The gateway decides against all that begin there; the worker would record whatever it is not told about.
pub(super) async fn left_out(context: Context) -> Result<()> {
    let (stack, collector) = (context.stack().await?, Collector::start().await?);
    // `OTEL_TRACES_SAMPLER=parentbased_always_off`
    let none = Sampling { sampled: Sampled::None, obeys_parent: true };
    let settings = |service: &str| match service {
        "api-gateway" => TraceSettings { sampling: none, ..collector.settings(service) },
        _ => collector.settings(service),
    };
    let (gateway, processor) = pair(&stack, settings).await?;
    let client = gateway.client()?;
    let id = call(&client, &[]).await?;
    let request = found(&stack, &stack.requests(), &id).await?;
    let told = header(&request, "traceparent")?;
    let is_whole = |id: &&str| id.bytes().any(|byte| byte != b'0') && hex::decode(id).is_ok();
    let parts: Vec<_> = told.split('-').collect();
    let lengths: Vec<_> = parts.iter().map(|part| part.len()).collect();
    ensure!(lengths == [2, 32, 16, 2] && parts[0] == "00" && parts[3] == "00", "{told}");
    ensure!(parts[1..3].iter().all(is_whole), "{told}");
    let answer = found(&stack, &stack.responses(), &id).await?;
    ensure!(!answer.record.headers.contains_key("traceparent"), "{answer:?}");

    // Both record what a caller asks them to, so that their silence about the rest means something.
    call(&client, &[("traceparent", &parent(TRACE, true))]).await?;
    collector.trace(TRACE, SPANS_OF_A_CALL).await?;
    gateway.stop(STOP).await?;
    processor.stop(STOP).await?;
    let spans = collector.spans();
    ensure!(spans.iter().all(|span| span.trace_id == TRACE), "{spans:#?}");
    Ok(())
}
