//! Lengths that are not true, and lengths that are only said.

use std::time::Duration;

use anyhow::{Result, ensure};
use futures::future::try_join_all;
use integration_tests::wait;
use tokio::io::AsyncWriteExt as _;

use super::raw::{HEAD, connect, rest, say};
use super::{Context, Target};

/// The largest body, in bytes.
const LARGEST: usize = api_gateway::MAX_BODY_BYTES;

/// Connections that announce more than the gateway holds in all.
const ANNOUNCED: usize = 200;

pub(super) async fn lies(context: Context) -> Result<()> {
    let target = Target::start_with(&context, |set| set.with("REQUEST_TIMEOUT", 3)).await?;
    let body = r#"{"data":"x"}"#;
    let with = |headers: &str| format!("{HEAD}{headers}\r\n\r\n{body}");
    // Whatever is no length, or two of them, or a length beside chunks: nobody guesses where the next request begins.
    let lies = [
        with("content-length: -1"),
        with("content-length: +12"),
        with("content-length: 0x0c"),
        with("content-length: 12, 12"),
        with("content-length: 12 12"),
        with("content-length:"),
        with("content-length: 12\r\ncontent-length: 13"),
        with("content-length: 12\r\ncontent-length: 12"),
        with("content-length: 12\r\ntransfer-encoding: chunked"),
        with("transfer-encoding: chunked\r\ncontent-length: 12"),
        with("transfer-encoding: chunked\r\ntransfer-encoding: chunked"),
        with("transfer-encoding: xchunked"),
        with("content-length: 99999999999999999999999999"),
        format!("{HEAD}transfer-encoding: chunked\r\n\r\nzz\r\n{body}"),
        format!("{HEAD}transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n{body}"),
        format!("{HEAD}transfer-encoding: chunked\r\n\r\n3\r\n{body}\r\n0\r\n\r\n"),
    ];
    target
        .meanwhile(try_join_all(lies.iter().map(async |lie| {
            let said = say(&target.address, lie).await?;
            ensure!(matches!(said.status(), Some(400 | 413)), "{lie:?}: {said:?}");
            Ok(())
        })))
        .await?;
    // More than the limit is refused at once, before any of it came.
    let said = say(&target.address, format!("{HEAD}content-length: 18446744073709551615\r\n\r\n")).await?;
    said.is(413, "payload_too_large")?;
    // Less than comes: the rest is the next request, and none.
    let said = say(&target.address, format!("{HEAD}content-length: 5\r\n\r\n{body}")).await?;
    said.is(400, "invalid_request")?;
    // More than comes: until the deadline, or until the caller goes.
    let more = format!("{HEAD}content-length: 500\r\n\r\n{body}");
    say(&target.address, &more).await?.is(408, "request_timeout")?;
    let mut gone = connect(&target.address).await?;
    gone.write_all(more.as_bytes()).await?;
    gone.shutdown().await?;
    let said = rest(gone).await?;
    ensure!(matches!(said.status(), None | Some(400)), "{said:?}");
    target.is_clean().await
}

/// What is announced and not sent must not keep out who sends.
pub(super) async fn announced(context: Context) -> Result<()> {
    let target = Target::start(&context).await?;
    let mut silent = Vec::new();
    for _ in 0..ANNOUNCED {
        let mut stream = connect(&target.address).await?;
        stream.write_all(format!("{HEAD}content-length: {LARGEST}\r\n\r\n{{").as_bytes()).await?;
        silent.push(stream);
    }
    wait::until_ok("all of them to be pending", async || {
        let pending = target.management.metric("gateway_pending_requests").await?;
        ensure!(pending >= 200.0, "{pending}");
        Ok(())
    })
    .await?;
    let reserved = target.management.metric("gateway_pending_bytes").await?;
    ensure!(reserved < 1_000_000.0, "{reserved} bytes are reserved for what nobody sends");
    let large = "y".repeat(LARGEST - 11);
    target
        .meanwhile(async {
            target.ordinary.hash(&large).await?;
            Ok(())
        })
        .await?;
    target.never_grew_by(48)?;
    // And who goes gives everything back long before the deadline.
    drop(silent);
    tokio::time::timeout(Duration::from_secs(8), target.is_clean()).await?
}
