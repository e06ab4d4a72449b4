//! The same over HTTP/2.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use futures::stream::{self, StreamExt as _};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::Request;
use hyper::body::Frame;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use integration_tests::stack::Running;
use integration_tests::wait;
use serde_json::Value;

use super::Context;
use crate::tls::{Files, connect, start};

type Body = BoxBody<Bytes, std::convert::Infallible>;

const PIECE: usize = 16 * 1024;

/// A body of so many pieces, and how many have been taken.
fn body(pieces: usize) -> (Body, Arc<AtomicUsize>) {
    let taken = Arc::new(AtomicUsize::new(0));
    let counted = taken.clone();
    let pieces = stream::iter(0..pieces).map(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        Ok(Frame::data(Bytes::from_static(&[b'x'; PIECE])))
    });
    (BodyExt::boxed(StreamBody::new(pieces)), taken)
}

async fn dial(gateway: &Running, files: &Files) -> Result<SendRequest<Body>> {
    let stream = connect(gateway.port, files.client(None)?, b"h2").await?;
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

fn request(content_type: &str, body: Body) -> Result<Request<Body>> {
    Ok(Request::post("https://localhost/hash").header("content-type", content_type).body(body)?)
}

async fn refused(sender: &mut SendRequest<Body>, request: Request<Body>) -> Result<String> {
    let answer = sender.send_request(request).await?;
    let status = answer.status().as_u16();
    let problem: Value = serde_json::from_slice(&answer.into_body().collect().await?.to_bytes())?;
    ensure!(problem["status"] == status, "{status}: {problem}");
    Ok(problem["code"].as_str().context("no code")?.to_owned())
}

pub(super) async fn refusals(context: Context) -> Result<()> {
    let (stack, files) = (context.stack().await?, Files::new()?);
    let worker = stack.start_processor(stack.processor_settings())?;
    let gateway = start(&stack, files.settings()?).await?;
    worker.ready().await?;
    let mut sender = dial(&gateway, &files).await?;
    // What a client may send before it has to ask is taken, so that no client sees its stream reset.
    for (content_type, pieces, code) in [
        ("text/plain", 1, "unsupported_media_type"),
        ("text/plain", 60, "unsupported_media_type"),
        ("application/json", 60, "payload_too_large"),
    ] {
        let (body, taken) = body(pieces);
        ensure!(refused(&mut sender, request(content_type, body)?).await? == code);
        ensure!(taken.load(Ordering::Relaxed) == pieces, "reset after {taken:?} of {pieces} pieces");
    }
    // Of more than that the answer comes first, and the rest is not wanted.
    let (endless, taken) = body(usize::MAX);
    ensure!(refused(&mut sender, request("text/plain", endless)?).await? == "unsupported_media_type");
    let taken = taken.load(Ordering::Relaxed) * PIECE;
    ensure!(taken < 8 << 20, "{taken} bytes were taken");
    // Its connection serves on.
    wait::until_ok("an answer", async || {
        let body = http_body_util::Full::new(Bytes::from_static(br#"{"data":"hello world"}"#)).boxed();
        let answer = sender.clone().send_request(request("application/json", body)?).await?;
        ensure!(answer.status() == 200, "{}", answer.status());
        Ok(())
    })
    .await
}
