//! Every row of the table of outcomes.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use futures::stream::{self, StreamExt as _};
use hash_processor::{HandlerError, Operations};
use integration_tests::broker::TestBroker;
use integration_tests::client::{Client, Problem, problem};
use integration_tests::stack::{Running, TestStack};
use integration_tests::topics;
use integration_tests::wait;
use kafka::reader::{Reader, Start};
use libtest_mimic::Trial;
use service::settings::NoWorker;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::{Context, test};

pub(crate) fn tests(context: &Context) -> Vec<Trial> {
    vec![
        test("bad_requests_get_their_codes", context, bad_requests),
        test("the_checks_have_their_order", context, order),
        test("a_body_that_does_not_arrive_is_408_at_the_deadline", context, slow_body),
        test("a_head_that_does_not_arrive_ends_its_connection", context, slow_head),
        test("a_request_id_is_echoed", context, request_id),
        test("without_a_reply_the_answer_is_504_at_the_deadline", context, no_reply),
        test("a_request_ends_when_its_caller_hangs_up", context, hung_up),
        test("without_kafka_the_answer_is_503_at_once", context, no_kafka),
        test("when_kafka_goes_away_the_answer_is_503_until_it_is_back", context, kafka_goes_away),
        test("a_worker_may_reject_or_fail", context, worker_errors),
        test("a_reply_that_contradicts_itself_is_502", context, bad_reply),
        test("a_late_reply_is_counted_and_harmless", context, late_reply),
    ]
}

async fn post(client: &Client, content_type: &str, body: &'static str) -> Result<Problem> {
    let request = client.http.post(format!("{}/hash", client.base)).header("content-type", content_type);
    problem(request.body(body).send().await?).await
}

async fn bad_requests(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let (gateway, _processor) = stack.start_pair().await?;
    let client = gateway.client()?;
    let bodies = [
        "",
        "{",
        "null",
        "[]",
        "\"data\"",
        "[\"data\"]",
        "{}",
        r#"{"data":1}"#,
        r#"{"data":null}"#,
        r#"{"data":["x"]}"#,
        r#"{"data":"x","data":"y"}"#,
        r#"{"data":"\ud800"}"#,
        r#"{"data":"x"} trailing"#,
        "{\"data\":\"\u{1}\"}",
    ];
    for body in bodies {
        let refused = post(&client, "application/json", body).await?;
        ensure!((refused.status, refused.code.as_str()) == (400, "invalid_request"), "{body}: {refused:?}");
    }
    for content_type in ["text/plain", "application/x-www-form-urlencoded"] {
        let refused = post(&client, content_type, r#"{"data":"x"}"#).await?;
        ensure!((refused.status, refused.code.as_str()) == (415, "unsupported_media_type"), "{refused:?}");
    }
    for path in ["/", "/hash/", "/hashes", "/hash/x", "/%00"] {
        let answer = client.http.get(format!("{}{path}", client.base)).send().await?;
        let refused = problem(answer).await?;
        ensure!((refused.status, refused.code.as_str()) == (404, "not_found"), "{path}: {refused:?}");
    }
    let answer = client.http.get(format!("{}/hash", client.base)).send().await?;
    ensure!(answer.headers()["allow"] == "POST");
    let refused = problem(answer).await?;
    ensure!((refused.status, refused.code.as_str()) == (405, "method_not_allowed"), "{refused:?}");
    client.hash("after all that").await?;
    Ok(())
}

async fn order(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let mut settings = stack.gateway_settings();
    settings.max_pending_bytes = 1;
    let gateway = stack.start_gateway(settings)?;
    let client = gateway.client()?;
    // No Kafka is ready yet, nothing fits, and the body is no JSON: what comes first is told.
    let large = client.http.post(format!("{}/hash", client.base)).body("x".repeat(800 * 1024)).send().await;
    if let Ok(answer) = large {
        ensure!(problem(answer).await?.code == "unsupported_media_type");
    }
    let overloaded = post(&client, "application/json", "{").await;
    ensure!(overloaded?.code == "invalid_request", "one byte fits");
    let overloaded = post(&client, "application/json", "{{").await?;
    ensure!(overloaded.code == "overloaded", "{overloaded:?}");
    Ok(())
}

async fn slow_body(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let mut settings = stack.gateway_settings();
    settings.request_timeout = Duration::from_millis(500);
    let gateway = stack.start_gateway(settings)?;
    let client = gateway.client()?;
    // One piece comes, the next never does.
    let body = stream::iter([Ok::<_, std::io::Error>("{")]).chain(stream::pending());
    let request =
        client.http.post(format!("{}/hash", client.base)).header("content-type", "application/json");
    let refused = problem(request.body(reqwest::Body::wrap_stream(body)).send().await?).await?;
    ensure!((refused.status, refused.code.as_str()) == (408, "request_timeout"), "{refused:?}");
    ensure!(gateway.metric("gateway_pending_bytes").await? == 0.0, "its place was given back");
    Ok(())
}

async fn slow_head(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let gateway = stack.start_gateway(stack.gateway_settings())?;
    let mut silent = TcpStream::connect(("127.0.0.1", gateway.port)).await?;
    silent.write_all(b"POST /hash HTTP/1.1\r\nhost: local").await?;
    let (mut answer, limit) = (Vec::new(), Duration::from_secs(8));
    timeout(limit, silent.read_to_end(&mut answer)).await.context("the connection is kept")??;
    ensure!(answer.starts_with(b"HTTP/1.1 408 "), "{}", String::from_utf8_lossy(&answer));
    Ok(())
}

async fn request_id(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let (gateway, _processor) = stack.start_pair().await?;
    let client = gateway.client()?;
    for (path, status) in [("/hash", 200), ("/nowhere", 404)] {
        let request = client.http.post(format!("{}{path}", client.base)).header("x-request-id", "mine-1");
        let answer = request.json(&serde_json::json!({ "data": "x" })).send().await?;
        ensure!(answer.status() == status && answer.headers()["x-request-id"] == "mine-1");
    }
    Ok(())
}

async fn no_reply(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let mut settings = stack.gateway_settings();
    settings.no_worker = NoWorker::Off;
    settings.request_timeout = Duration::from_millis(1500);
    let gateway = stack.start_gateway(settings)?;
    gateway.ready().await?;
    let begin = Instant::now();
    let refused = gateway.client()?.refused("x").await?;
    ensure!((refused.status, refused.code.as_str()) == (504, "outcome_unknown"), "{refused:?}");
    ensure!(refused.body["id"].is_string());
    let elapsed = begin.elapsed();
    ensure!(elapsed >= Duration::from_millis(1500) && elapsed < Duration::from_secs(5), "{elapsed:?}");
    Ok(())
}

/// By closing its connection, as one does whose patience is shorter than ours, or the half that it sends by.
async fn hung_up(context: Context) -> Result<()> {
    const CALLERS: u32 = 5;
    const GONE: &str = r#"http_server_request_duration_seconds_count{http_request_method="POST",url_scheme="http",http_route="/hash",http_response_status_code="",error_type="client_closed"}"#;
    let stack = context.stack().await?;
    let gateway = stack.start_patient_gateway().await?;
    let body = r#"{"data":"x"}"#;
    let call = format!(
        "POST /hash HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut callers = Vec::new();
    for _ in 0..CALLERS {
        let mut stream = TcpStream::connect(("127.0.0.1", gateway.port)).await?;
        stream.write_all(call.as_bytes()).await?;
        callers.push(stream);
    }
    gateway.until_pending(CALLERS).await?;
    let mut half = callers.pop().context("there are some")?;
    drop(callers);
    gateway.until_pending(1).await?;
    half.shutdown().await?;
    gateway.until_pending(0).await?;
    let mut said = String::new();
    timeout(wait::PATIENCE, half.read_to_string(&mut said)).await.context("the connection stays open")??;
    ensure!(said.is_empty(), "{said}");
    ensure!(gateway.metric(GONE).await? == f64::from(CALLERS));
    gateway.stop(Duration::from_secs(10)).await
}

async fn no_kafka(context: Context) -> Result<()> {
    drop(context);
    // Nobody listens on a port that was free a moment ago.
    let port = integration_tests::bench::child::free_port()?;
    let stack = TestStack::new(TestBroker::foreign(format!("127.0.0.1:{port}")));
    let gateway = stack.start_gateway(stack.gateway_settings())?;
    let begin = Instant::now();
    let refused = gateway.client()?.refused("x").await?;
    ensure!((refused.status, refused.code.as_str()) == (503, "kafka_unavailable"), "{refused:?}");
    ensure!(begin.elapsed() < Duration::from_secs(1), "not at once: {:?}", begin.elapsed());
    let (status, body) = Client::new(gateway.management_port)?.get("/health/ready").await?;
    ensure!(status == 503 && body.contains("kafka"), "{status}: {body}");
    let (status, _) = Client::new(gateway.management_port)?.get("/health/live").await?;
    ensure!(status == 200);
    gateway.stop(Duration::from_secs(10)).await
}

async fn kafka_goes_away(context: Context) -> Result<()> {
    let Some(broker) = context.own_broker().await? else { return Ok(()) };
    let stack = TestStack::new(broker.clone());
    let (gateway, _processor) = stack.start_pair().await?;
    let client = gateway.client()?;
    broker.stop().await?;
    wait::until("the broker to be missed", async || !reachable(&gateway).await.unwrap_or(true)).await?;
    let begin = Instant::now();
    let refused = client.refused("x").await?;
    ensure!((refused.status, refused.code.as_str()) == (503, "kafka_unavailable"), "{refused:?}");
    ensure!(begin.elapsed() < Duration::from_secs(1), "not at once: {:?}", begin.elapsed());
    let (status, _) = Client::new(gateway.management_port)?.get("/health/ready").await?;
    ensure!(status == 200, "readiness is a latch");
    broker.start_again().await?;
    gateway.answering().await
}

/// What `/health/ready` shows of Kafka.
async fn reachable(gateway: &Running) -> Result<bool> {
    let (_, body) = Client::new(gateway.management_port)?.get("/health/ready").await?;
    let body: serde_json::Value = serde_json::from_str(&body)?;
    Ok(body["kafka"]["reachable"] == true)
}

async fn worker_errors(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let operations = Operations::of_fn("hash", |input: serde_json::Value| match input["data"].as_str() {
        Some("bad") => Err(HandlerError::rejected("this one is bad")),
        _ => Err::<serde_json::Value, _>(HandlerError::failed("the disk is full")),
    });
    let _processor = stack.start_processor_with(stack.processor_settings(), operations)?;
    let gateway = stack.start_gateway(stack.gateway_settings())?;
    gateway.ready().await?;
    let client = gateway.client()?;
    wait::until("the worker to be seen", async || {
        client.try_hash("x").await.is_ok_and(|o| o.is_err_and(|p| p.code == "worker_failed"))
    })
    .await?;
    let failed = client.refused("good").await?;
    ensure!(
        failed.status == 502 && failed.body["detail"].as_str().is_some_and(|d| d.contains("disk")),
        "{failed:?}"
    );
    let rejected = client.refused("bad").await?;
    ensure!((rejected.status, rejected.code.as_str()) == (422, "worker_rejected"), "{rejected:?}");
    Ok(())
}

/// Answers requests by hand, as `answer` says of the correlation id.
async fn answer_by_hand(stack: &TestStack, answer: fn(&str) -> String) -> Result<()> {
    let kafka = stack.broker.kafka();
    let mut readers = Vec::new();
    for partition in 0..3 {
        readers.push(Reader::open(&kafka, &stack.requests(), partition, Start::Earliest).await?);
    }
    let found = futures::future::select_all(readers.iter_mut().map(|reader| {
        Box::pin(async {
            loop {
                let fetched = reader.next().await;
                if let Some(found) = fetched.records.into_iter().next() {
                    return found.record;
                }
            }
        })
    }));
    let (request, ..) = tokio::time::timeout(wait::PATIENCE, found).await?;
    let id = String::from_utf8(request.headers["kafka_correlationId"].clone())?;
    let partition = request.headers["kafka_replyPartition"].as_slice().try_into()?;
    let reply = answer(&id);
    let headers = [("kafka_correlationId", id.as_bytes())];
    let record = topics::record(Some(&id), Some(reply.as_bytes()), &headers);
    topics::write(&kafka, &stack.responses(), i32::from_be_bytes(partition), vec![record]).await
}

async fn bad_reply(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let mut settings = stack.gateway_settings();
    settings.no_worker = NoWorker::Off;
    let gateway = stack.start_gateway(settings)?;
    gateway.ready().await?;
    let client = gateway.client()?;
    let call = tokio::spawn(async move { client.refused("x").await });
    answer_by_hand(&stack, |_| r#"{"version":1,"id":"another","hash":"00"}"#.to_owned()).await?;
    let refused = call.await??;
    ensure!((refused.status, refused.code.as_str()) == (502, "bad_reply"), "{refused:?}");
    Ok(())
}

async fn late_reply(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let mut settings = stack.gateway_settings();
    settings.no_worker = NoWorker::Off;
    settings.request_timeout = Duration::from_millis(300);
    let gateway = stack.start_gateway(settings)?;
    gateway.ready().await?;
    let refused = gateway.client()?.refused("x").await?;
    ensure!(refused.code == "outcome_unknown", "{refused:?}");
    answer_by_hand(&stack, |id| format!(r#"{{"version":1,"id":"{id}","hash":"00"}}"#)).await?;
    wait::until("the late reply to be counted", async || {
        gateway.metric("gateway_late_replies_total").await.is_ok_and(|count| count == 1.0)
    })
    .await?;
    ensure!(gateway.metric("gateway_unknown_replies_total").await? == 0.0);
    Ok(())
}
