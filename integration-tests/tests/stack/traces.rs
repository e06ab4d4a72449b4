//! One trace from HTTP through both topics and back, at a collector; and what a collector costs that is not there.

mod callers;
mod logs;
mod sampling;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use integration_tests::client::Client;
use integration_tests::otlp::{self, Collector, Span};
use integration_tests::stack::{Running, TestStack};
use integration_tests::topics;
use kafka::RecordAndOffset;
use libtest_mimic::Trial;
use serde_json::Value;
use service::settings::{GatewaySettings, ProcessorSettings, TraceSettings};
use service::traces::Traces;
use tokio::net::TcpListener;

use crate::{Context, test};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

/// `api-gateway`'s server, producer and consumer spans; the worker's consumer and producer spans.
const SPANS_OF_A_CALL: usize = 5;

pub(crate) fn tests(context: &Context) -> Vec<Trial> {
    vec![
        test("a_call_is_one_trace_through_both_topics_and_back", context, one_trace),
        test("without_a_callers_trace_the_gateway_begins_one", context, own_trace),
        test("a_caller_that_is_not_recorded_makes_nobody_record", context, sampling::unsampled),
        test("a_trace_that_the_gateway_leaves_out_is_recorded_by_nobody", context, sampling::left_out),
        test("a_dead_letter_is_a_failed_span_and_its_log_line_names_its_trace", context, logs::dead_letter),
        test("a_callers_names_are_in_the_log_lines_of_the_gateway", context, logs::log_lines),
        test("the_span_of_a_refused_call_names_its_caller", context, callers::refused),
        test("a_collector_that_never_answers_disturbs_no_call_and_no_stop", context, dead_collector),
    ]
}

/// Gateway and worker, both ready, that export as they are told.
async fn pair(stack: &TestStack, traces: impl Fn(&str) -> TraceSettings) -> Result<(Running, Running)> {
    let processor = ProcessorSettings { traces: traces("hash-processor"), ..stack.processor_settings() };
    let processor = stack.start_processor(processor)?;
    let gateway = GatewaySettings { traces: traces("api-gateway"), ..stack.gateway_settings() };
    let gateway = stack.start_gateway(gateway)?;
    processor.ready().await?;
    gateway.answering().await?;
    Ok((gateway, processor))
}

fn parent(trace: &str, is_recorded: bool) -> String {
    format!("00-{trace}-{CALLER}-{:02x}", u8::from(is_recorded))
}

/// Calls `/hash` with these headers and gives the id of the answer.
async fn call(client: &Client, headers: &[(&str, &str)]) -> Result<String> {
    let mut request = client.http.post(format!("{}/hash", client.base));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.json(&serde_json::json!({ "data": "hello world" })).send().await?;
    ensure!(answer.status() == 200, "{answer:?}");
    for (name, value) in headers.iter().filter(|(name, _)| *name == "x-request-id") {
        ensure!(answer.headers().get(*name).is_some_and(|echoed| echoed == value), "{answer:?}");
    }
    let answer: Value = answer.json().await?;
    Ok(answer["id"].as_str().context("no id")?.to_owned())
}

/// The one record of `topic` with that key.
async fn found(stack: &TestStack, topic: &str, key: &str) -> Result<RecordAndOffset> {
    let records = topics::read_all(&stack.broker.kafka(), topic).await?;
    let ours = records.into_iter().find(|found| found.record.key.as_deref() == Some(key.as_bytes()));
    ours.with_context(|| format!("no record {key} in {topic}"))
}

fn header<'a>(found: &'a RecordAndOffset, name: &str) -> Result<&'a str> {
    let value = found.record.headers.get(name);
    Ok(str::from_utf8(value.with_context(|| format!("no {name} in {found:?}"))?)?)
}

fn named<'a>(spans: &'a BTreeMap<String, Span>, name: &str) -> Result<&'a Span> {
    spans.get(name).with_context(|| format!("no {name} among {:?}", spans.keys()))
}

async fn one_trace(context: Context) -> Result<()> {
    let (stack, collector) = (context.stack().await?, Collector::start().await?);
    let (gateway, _processor) = pair(&stack, |service| collector.settings(service)).await?;
    let (requests, responses) = (stack.requests(), stack.responses());
    let headers = [
        ("traceparent", parent(TRACE, true)),
        ("tracestate", "vendor=1".to_owned()),
        ("x-request-id", "order-7".to_owned()),
        ("user-agent", "till/1".to_owned()),
    ];
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let id = call(&gateway.client()?, &headers).await?;

    let spans = collector.trace(TRACE, SPANS_OF_A_CALL).await?;
    let server = named(&spans, "POST /hash")?;
    let send = named(&spans, &format!("send {requests}"))?;
    let process = named(&spans, &format!("process {requests}"))?;
    let reply = named(&spans, &format!("send {responses}"))?;
    let receive = named(&spans, &format!("process {responses}"))?;
    let family = [(CALLER, server), (&server.id, send), (&send.id, process), (&process.id, reply)];
    for (parent, span) in family.into_iter().chain([(reply.id.as_str(), receive)]) {
        ensure!(span.parent == parent, "{} is no child of {parent}: {spans:#?}", span.name);
        ensure!(span.state == "vendor=1" && !span.has_failed, "{span:#?}");
    }
    let who =
        [server, send, process, reply, receive].map(|span| (span.service.as_str(), span.kind.as_str_name()));
    let expected = [
        ("api-gateway", "SPAN_KIND_SERVER"),
        ("api-gateway", "SPAN_KIND_PRODUCER"),
        ("hash-processor", "SPAN_KIND_CONSUMER"),
        ("hash-processor", "SPAN_KIND_PRODUCER"),
        ("api-gateway", "SPAN_KIND_CONSUMER"),
    ];
    ensure!(who == expected, "{who:?}");

    let said = [
        ("http.request.method", "POST"),
        ("http.route", "/hash"),
        ("http.response.status_code", "200"),
        ("url.path", "/hash"),
        ("url.scheme", "http"),
        ("network.protocol.version", "1.1"),
        ("network.peer.address", "127.0.0.1"),
        ("user_agent.original", "till/1"),
        ("http.request.header.x-request-id", "order-7"),
    ];
    for (name, value) in said {
        ensure!(server.attribute(name)? == value, "{name} in {server:#?}");
    }
    let request = found(&stack, &requests, &id).await?;
    let answer = found(&stack, &responses, &id).await?;
    for (span, operation, topic, record) in [
        (send, "send", &requests, &request),
        (process, "process", &requests, &request),
        (reply, "send", &responses, &answer),
        (receive, "process", &responses, &answer),
    ] {
        let offset = record.offset.to_string();
        for (name, value) in [
            ("messaging.system", "kafka"),
            ("messaging.operation.name", operation),
            ("messaging.operation.type", operation),
            ("messaging.destination.name", topic),
            ("messaging.message.conversation_id", &id),
            ("messaging.kafka.offset", &offset),
        ] {
            ensure!(span.attribute(name)? == value, "{name} is not {value} in {span:#?}");
        }
    }
    ensure!(process.attribute("messaging.consumer.group.name")? == stack.worker_group());
    ensure!(receive.attribute("messaging.consumer.group.name")? == stack.gateway_group());
    let partition = "messaging.destination.partition.id";
    ensure!(send.attribute(partition)? == process.attribute(partition)?);
    ensure!(reply.attribute(partition)? == receive.attribute(partition)?);

    // What others find in the records.
    ensure!(header(&request, "traceparent")? == format!("00-{TRACE}-{}-01", send.id));
    ensure!(header(&request, "tracestate")? == "vendor=1");
    ensure!(header(&request, "x-request-id")? == "order-7");
    ensure!(header(&answer, "traceparent")? == format!("00-{TRACE}-{}-01", reply.id));
    ensure!(gateway.metric("traces_exported_spans_total").await? >= 3.0);
    Ok(())
}

async fn own_trace(context: Context) -> Result<()> {
    let (stack, collector) = (context.stack().await?, Collector::start().await?);
    let (gateway, _processor) = pair(&stack, |service| collector.settings(service)).await?;
    let id = call(&gateway.client()?, &[]).await?;
    let request = found(&stack, &stack.requests(), &id).await?;
    let trace = header(&request, "traceparent")?.split('-').nth(1).context("no trace")?.to_owned();
    let spans = collector.trace(&trace, SPANS_OF_A_CALL).await?;
    let first: Vec<_> = spans.values().filter(|span| span.parent.is_empty()).collect();
    ensure!(first.len() == 1 && first[0].name == "POST /hash", "{spans:#?}");
    let ids: Vec<_> = spans.values().map(|span| &span.id).collect();
    let is_connected = |span: &Span| span.parent.is_empty() || ids.contains(&&span.parent);
    ensure!(spans.values().all(is_connected), "{spans:#?}");
    // What fails is a trace, too, and says so; whose fault it is decides whether it is an error.
    let answer = gateway.client()?.http.get(format!("{}/hash", gateway.client()?.base));
    ensure!(answer.header("traceparent", parent(TRACE, true)).send().await?.status() == 405);
    let spans = collector.trace(TRACE, 1).await?;
    let refused = named(&spans, "GET /hash")?;
    ensure!(refused.attribute("error.type")? == "method_not_allowed" && !refused.has_failed, "{refused:#?}");
    Ok(())
}

async fn dead_collector(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let silent = TcpListener::bind(("127.0.0.1", 0)).await?;
    let endpoint = format!("http://{}/v1/traces", silent.local_addr()?);
    let (gateway, processor) = pair(&stack, |service| otlp::settings(&endpoint, service)).await?;
    let client = gateway.client()?;
    for _ in 0..200 {
        call(&client, &[]).await?;
    }
    // A post is under way that nobody will answer.
    let _unanswered = silent.accept().await?;
    call(&client, &[]).await?;
    ensure!(gateway.metric("traces_exported_spans_total").await? == 0.0);
    for service in [gateway, processor] {
        let began = Instant::now();
        service.stop(Duration::from_secs(20)).await?;
        // A stop without traces takes less than a second.
        let limit = Traces::STOP_LIMIT + Duration::from_secs(3);
        ensure!(began.elapsed() < limit, "{:?}", began.elapsed());
    }
    Ok(())
}
