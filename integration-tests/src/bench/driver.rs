//! Keeps a number of requests in flight against an HTTP gateway, verifies every answer, and measures.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::sample::Sample;

/// Longest wait for one answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// Distinct payloads made before the clock starts, so that hashing them costs the driver nothing.
const PAYLOADS: usize = 1024;

/// What to drive, and how.
#[derive(Debug, Clone)]
pub struct Load {
    /// `host:port`.
    pub address: String,
    /// Requests in flight, each on a connection of its own.
    pub in_flight: usize,
    /// How long to measure, after the warm-up.
    pub measure: Duration,
    /// Driven and not measured.
    pub warm_up: Duration,
    /// Bytes of `data` in each request.
    pub payload_bytes: usize,
}

struct Exchange {
    body: Bytes,
    hash: String,
}

/// Drives `load` from the calling thread's runtime.
///
/// # Errors
/// The first answer that is missing, no 200, or wrong.
pub async fn drive(load: &Load) -> Result<Sample> {
    let exchanges: Vec<Exchange> = (0..PAYLOADS).map(|n| exchange(n, load.payload_bytes)).collect();
    let exchanges: &'static [Exchange] = Box::leak(exchanges.into_boxed_slice());
    let begin = Instant::now() + load.warm_up;
    let end = begin + load.measure;
    let mut lanes = JoinSet::new();
    for lane in 0..load.in_flight {
        let address = load.address.clone();
        lanes.spawn(async move { connection(&address, exchanges, lane, begin, end).await });
    }
    let mut sample = Sample::new(load.measure);
    while let Some(lane) = lanes.join_next().await {
        sample.merge(&lane.context("a connection's task died")??);
    }
    Ok(sample)
}

async fn connection(
    address: &str,
    exchanges: &[Exchange],
    lane: usize,
    begin: Instant,
    end: Instant,
) -> Result<Sample> {
    let socket = TcpStream::connect(address).await.with_context(|| format!("no gateway at {address}"))?;
    socket.set_nodelay(true)?;
    let (mut sender, connection) = handshake(TokioIo::new(socket)).await?;
    let pump = tokio::spawn(connection);
    let mut sample = Sample::new(end - begin);
    for exchange in exchanges.iter().cycle().skip(lane * 7 % PAYLOADS) {
        let sent = Instant::now();
        if sent >= end {
            break;
        }
        timeout(ANSWER_TIMEOUT, one(&mut sender, address, exchange)).await.context("no answer in time")??;
        if sent >= begin {
            sample.record(sent.elapsed());
        }
    }
    drop(sender);
    pump.abort();
    Ok(sample)
}

#[derive(Deserialize)]
struct Answer<'a> {
    hash: &'a str,
}

async fn one(sender: &mut SendRequest<Full<Bytes>>, address: &str, exchange: &Exchange) -> Result<()> {
    let request = Request::post("/hash")
        .header("host", address)
        .header("content-type", "application/json")
        .body(Full::new(exchange.body.clone()))?;
    sender.ready().await?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    if status != StatusCode::OK {
        bail!("{status}: {}", String::from_utf8_lossy(&body));
    }
    let answer: Answer<'_> = serde_json::from_slice(&body)?;
    ensure!(answer.hash == exchange.hash, "a wrong hash came back: {}", String::from_utf8_lossy(&body));
    Ok(())
}

fn exchange(number: usize, payload_bytes: usize) -> Exchange {
    let mut data = format!("{number}-");
    data.extend((data.len()..payload_bytes).map(|i| char::from(b'a' + u8::try_from(i % 26).unwrap_or(0))));
    let hash = hex::encode(Sha256::digest(data.as_bytes()));
    Exchange { body: serde_json::json!({ "data": data }).to_string().into(), hash }
}
