//! Right answers, to many at once.

use std::collections::HashSet;

use anyhow::{Result, ensure};
use futures::future::{try_join, try_join_all};
use integration_tests::wait;
use libtest_mimic::Trial;

use crate::{Context, test};

pub(crate) fn tests(context: &Context) -> Vec<Trial> {
    vec![
        test("hello_world_is_hashed", context, hello_world),
        test("many_at_once_get_each_their_own_answer", context, many_at_once),
        test("many_that_wait_keep_each_their_own_request_id", context, many_that_wait),
        test("every_kind_of_text_is_hashed_as_its_utf8_bytes", context, every_kind_of_text),
        test("more_than_one_shard_answers_as_one", context, shards),
    ]
}

async fn hello_world(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let (gateway, _processor) = stack.start_pair().await?;
    let client = gateway.client()?;
    let body = serde_json::json!({ "data": "hello world", "unknown": [1, 2] });
    let answer = client.http.post(format!("{}/hash", client.base)).json(&body).send().await?;
    ensure!(answer.status() == 200);
    ensure!(answer.headers()["content-type"] == "application/json");
    let answer: serde_json::Value = answer.json().await?;
    ensure!(answer["hash"] == "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9", "{answer}");
    Ok(())
}

async fn many_at_once(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let (gateway, _processor) = stack.start_pair().await?;
    let client = gateway.client()?;
    let requests = (0..500).map(|n| {
        let client = client.clone();
        async move { client.hash(&format!("distinct data {n}")).await }
    });
    let ids: HashSet<String> = try_join_all(requests).await?.into_iter().collect();
    ensure!(ids.len() == 500, "ids repeat: {} of 500", ids.len());
    for name in
        ["gateway_late_replies_total", "gateway_duplicate_replies_total", "gateway_unknown_replies_total"]
    {
        ensure!(gateway.metric(name).await? == 0.0, "{name}");
    }
    ensure!(gateway.metric("gateway_pending_requests").await? == 0.0);
    Ok(())
}

/// More than the HTTP server has heads at hand, and half of them without an id. What a request is answered with outlives its
/// headers.
async fn many_that_wait(context: Context) -> Result<()> {
    const CALLERS: u32 = 300;
    let stack = context.stack().await?;
    let gateway = stack.start_patient_gateway().await?;
    let client = gateway.client()?;
    for round in 0..2 {
        let calls = (0..CALLERS).map(|n| {
            let id = (n % 2 == round).then(|| format!("caller-{round}-{n}"));
            let mut call = client.http.post(format!("{}/hash", client.base));
            if let Some(id) = &id {
                call = call.header("x-request-id", id);
            }
            let call = call.json(&serde_json::json!({ "data": "x" }));
            async move {
                let answer = call.send().await?;
                ensure!(answer.status() == 200, "{}", answer.status());
                let echoed = answer.headers().get("x-request-id").map(|id| id.to_str()).transpose()?;
                ensure!(echoed == id.as_deref(), "{echoed:?} instead of {id:?}");
                Ok(())
            }
        });
        let served = async {
            gateway.until_pending(CALLERS).await?;
            stack.start_processor(stack.processor_settings())
        };
        let (_, processor) = try_join(try_join_all(calls), served).await?;
        processor.stop(wait::PATIENCE).await?;
    }
    Ok(())
}

async fn every_kind_of_text(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let (gateway, _processor) = stack.start_pair().await?;
    let client = gateway.client()?;
    for data in ["", " ", "\0\u{1}\u{1f}\u{7f}", "\"\\/\n\t", "ü", "日本語", "\u{1f980}", "\u{feff}\u{2028}"]
    {
        client.hash(data).await?;
    }
    Ok(())
}

async fn shards(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let processor = stack.start_processor(stack.processor_settings())?;
    let mut settings = stack.gateway_settings();
    settings.shards = 2;
    let gateway = stack.start_gateway(settings)?;
    processor.ready().await?;
    gateway.ready().await?;
    let client = gateway.client()?;
    // Each shard has to see the worker for itself.
    wait::until_ok("all of a hundred answers", async || {
        let requests = (0..100).map(|n| {
            let client = client.clone();
            async move { client.hash(&format!("{n}")).await }
        });
        try_join_all(requests).await
    })
    .await?;
    Ok(())
}
