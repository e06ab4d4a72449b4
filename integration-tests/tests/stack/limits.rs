//! Bodies at, just under and above each limit.

use anyhow::{Result, ensure};
use api_gateway::MAX_BODY_BYTES;
use futures::future::join_all;
use futures::stream;
use integration_tests::client::{Client, problem};
use libtest_mimic::Trial;

use crate::{Context, test};

/// Bytes of `{"data":""}`.
const AROUND: usize = 11;

pub(crate) fn tests(context: &Context) -> Vec<Trial> {
    vec![
        test("bodies_up_to_the_limit_are_answered_and_larger_ones_refused", context, body_size),
        test("a_chunked_body_has_the_same_limit", context, chunked),
        test("bodies_around_the_sizes_where_sockets_stall_are_answered", context, sizes),
        test("what_fits_http_and_not_the_topic_is_413_at_once", context, topic_limit),
    ]
}

async fn body_size(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let (gateway, _processor) = stack.start_pair().await?;
    let client = gateway.client()?;
    for size in [MAX_BODY_BYTES - 1, MAX_BODY_BYTES] {
        client.hash(&"x".repeat(size - AROUND)).await?;
    }
    // The worst case of escaping has to fit the topic as well.
    client.hash(&"\u{1}".repeat((MAX_BODY_BYTES - AROUND) / 6)).await?;
    let refused = client.refused(&"x".repeat(MAX_BODY_BYTES + 1 - AROUND)).await?;
    ensure!((refused.status, refused.code.as_str()) == (413, "payload_too_large"), "{refused:?}");
    client.hash("and the next one").await?;
    Ok(())
}

async fn chunked(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let (gateway, _processor) = stack.start_pair().await?;
    let client = gateway.client()?;
    let answer = send_chunked(&client, MAX_BODY_BYTES).await?;
    ensure!(answer.status() == 200, "{}", answer.text().await?);
    // The gateway may close before it has read the rest; a client that sees that has seen a refusal too.
    if let Ok(answer) = send_chunked(&client, MAX_BODY_BYTES + 1).await {
        ensure!(problem(answer).await?.code == "payload_too_large");
    }
    client.hash("and the next one").await?;
    Ok(())
}

async fn send_chunked(client: &Client, size: usize) -> Result<reqwest::Response> {
    let body = serde_json::json!({ "data": "x".repeat(size - AROUND) }).to_string().into_bytes();
    let pieces: Vec<Result<Vec<u8>, std::io::Error>> =
        body.chunks(10_000).map(|piece| Ok(piece.to_vec())).collect();
    let body = reqwest::Body::wrap_stream(stream::iter(pieces));
    let request =
        client.http.post(format!("{}/hash", client.base)).header("content-type", "application/json");
    Ok(request.body(body).send().await?)
}

async fn sizes(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    let (gateway, _processor) = stack.start_pair().await?;
    let client = gateway.client()?;
    for kib in [1, 8, 9, 20, 60, 64, 200, 512] {
        client.hash(&"y".repeat(kib * 1024)).await?;
    }
    Ok(())
}

async fn topic_limit(context: Context) -> Result<()> {
    let stack = context.stack().await?;
    integration_tests::topics::create_limited(&stack.broker.kafka(), &stack.requests(), 3, 20_000).await?;
    let (gateway, _processor) = stack.start_pair().await?;
    let client = gateway.client()?;
    // Some that fit beside one that does not: only that one fails.
    let sizes = [100, 100, 100, 50_000, 100, 100, 10_000];
    let outcomes = join_all(sizes.map(|size| {
        let client = client.clone();
        async move { client.try_hash(&"z".repeat(size)).await }
    }))
    .await;
    for (size, outcome) in sizes.into_iter().zip(outcomes) {
        match outcome? {
            Ok(_) => ensure!(size < 20_000, "{size} fits no topic of 20,000"),
            Err(refused) => {
                ensure!(size > 20_000, "{refused:?}");
                ensure!((refused.status, refused.code.as_str()) == (413, "payload_too_large"), "{refused:?}");
                ensure!(refused.body["id"].is_string(), "{refused:?}");
            }
        }
    }
    Ok(())
}
