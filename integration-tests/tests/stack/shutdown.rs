//! Stopping: what is under way is answered, and nothing is left behind.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use futures::future::join_all;
use hash_processor::{HandlerError, Operations};
use integration_tests::client::Client;
use integration_tests::wait;
use libtest_mimic::Trial;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::{Context, test};

const LIMIT: Duration = Duration::from_secs(20);

pub(crate) fn tests(context: &Context) -> Vec<Trial> {
    vec![
        test("a_gateway_that_stops_answers_what_is_in_flight", context, gateway_in_flight),
        test("a_worker_that_stops_answers_what_it_has_taken", context, worker_in_flight),
        test("readiness_falls_before_the_port_closes", context, delay),
        test("an_idle_gateway_stops_at_once", context, idle),
        test("a_hurried_gateway_ends_what_is_pending_honestly", context, hurried),
        test("a_hurried_gateway_takes_nothing_new", context, nothing_new),
    ]
}

/// A worker whose handler takes `pause`.
fn slow(pause: Duration) -> Operations {
    Operations::heavy_fn("hash", move |input: serde_json::Value| {
        std::thread::sleep(pause);
        let data = input["data"].as_str().unwrap_or_default();
        let hash = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(data.as_bytes()));
        Ok::<_, HandlerError>(serde_json::json!({ "hash": hash }))
    })
}

async fn gateway_in_flight(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let processor =
        stack.start_processor_with(stack.processor_settings(), slow(Duration::from_millis(700)))?;
    let gateway = stack.start_gateway(stack.gateway_settings())?;
    processor.ready().await?;
    gateway.answering().await?;
    let client = gateway.client()?;
    let calls: Vec<_> = (0..2)
        .map(|n| {
            let client = client.clone();
            tokio::spawn(async move { client.hash(&format!("in flight {n}")).await })
        })
        .collect();
    gateway.until_pending(2).await?;
    gateway.stop(LIMIT).await?;
    for call in join_all(calls).await {
        call??;
    }
    Ok(())
}

async fn worker_in_flight(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let first = stack.start_processor_with(stack.processor_settings(), slow(Duration::from_millis(500)))?;
    let gateway = stack.start_gateway(stack.gateway_settings())?;
    first.ready().await?;
    gateway.answering().await?;
    let client = gateway.client()?;
    let calls: Vec<_> = (0..4)
        .map(|n| {
            let client = client.clone();
            tokio::spawn(async move { client.hash(&format!("in flight {n}")).await })
        })
        .collect();
    gateway.until_pending(4).await?;
    let second = stack.start_processor(stack.processor_settings())?;
    first.stop(LIMIT).await?;
    for call in join_all(calls).await {
        call??;
    }
    second.ready().await
}

async fn hurried(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let mut settings = stack.gateway_settings();
    settings.no_worker = service::settings::NoWorker::Off;
    let gateway = stack.start_gateway(settings)?;
    gateway.ready().await?;
    let client = gateway.client()?;
    let call = tokio::spawn(async move { client.refused("nobody will answer").await });
    gateway.until_pending(1).await?;
    let begin = Instant::now();
    gateway.hurry();
    gateway.stop(LIMIT).await?;
    ensure!(begin.elapsed() < Duration::from_secs(8), "it took {:?}", begin.elapsed());
    let refused = call.await??;
    ensure!(refused.code == "outcome_unknown", "{refused:?}");
    Ok(())
}

/// The one way to see `shutting_down`: a request whose body was still on its way when everything pending was ended.
async fn nothing_new(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let mut settings = stack.gateway_settings();
    settings.no_worker = service::settings::NoWorker::Off;
    let gateway = stack.start_gateway(settings)?;
    gateway.ready().await?;
    let body = r#"{"data":"late"}"#;
    let (first, rest) = body.split_at(5);
    let mut slow = TcpStream::connect(("127.0.0.1", gateway.port)).await?;
    let head = format!(
        "POST /hash HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{first}",
        body.len()
    );
    slow.write_all(head.as_bytes()).await?;
    let client = gateway.client()?;
    let pending = tokio::spawn(async move { client.refused("nobody will answer").await });
    gateway.until_pending(2).await?;
    gateway.hurry();
    ensure!(pending.await??.code == "outcome_unknown", "what is pending ends");
    slow.write_all(rest.as_bytes()).await?;
    let mut answer = String::new();
    tokio::time::timeout(LIMIT, slow.read_to_string(&mut answer)).await??;
    ensure!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    ensure!(
        answer.contains(r#""code":"shutting_down""#) && answer.contains(r#""retry_safe":true"#),
        "{answer}"
    );
    gateway.stop(LIMIT).await
}

async fn delay(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let processor = stack.start_processor(stack.processor_settings())?;
    let mut settings = stack.gateway_settings();
    settings.shutdown_delay = Duration::from_secs(2);
    let gateway = stack.start_gateway(settings)?;
    processor.ready().await?;
    gateway.ready().await?;
    gateway.answering().await?;
    let (client, management) = (gateway.client()?, Client::new(gateway.management_port)?);
    gateway.ask_to_stop();
    wait::until("readiness to fall", async || {
        management.get("/health/ready").await.is_ok_and(|(s, _)| s == 503)
    })
    .await?;
    let request = client.http.post(format!("{}/hash", client.base)).json(&serde_json::json!({ "data": "x" }));
    let answer = request.send().await?;
    ensure!(answer.status() == 200, "still served");
    ensure!(answer.headers().get("connection").is_some_and(|value| value == "close"), "asked to close");
    gateway.stop(LIMIT).await?;
    ensure!(client.try_hash("x").await.is_err(), "the port is closed");
    Ok(())
}

async fn idle(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let (gateway, processor) = stack.start_pair().await?;
    let begin = Instant::now();
    gateway.stop(LIMIT).await?;
    processor.stop(LIMIT).await?;
    ensure!(begin.elapsed() < Duration::from_secs(12), "it took {:?}", begin.elapsed());
    Ok(())
}
