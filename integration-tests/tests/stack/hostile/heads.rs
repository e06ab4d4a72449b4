//! Heads that never end, are too large, or make no sense.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use futures::future::try_join_all;

use super::raw::{Said, connect, drip, say};
use super::{Context as Tests, Target};

/// How many do it at once.
const CROWD: usize = 100;

/// The head of a connection has to arrive within 5 s.
const HEAD_LIMIT: Duration = Duration::from_secs(5);

pub(super) async fn slow(context: Tests) -> Result<()> {
    let target = Target::start(&context).await?;
    let dripping = (0..CROWD).map(|_| async {
        let began = Instant::now();
        let mut stream = connect(&target.address).await?;
        tokio::io::AsyncWriteExt::write_all(&mut stream, b"POST /hash HTTP/1.1\r\nx-slow: ").await?;
        let said = drip(stream, Duration::from_millis(200), b'a').await?;
        ensure!(said.status() == Some(408), "{said:?}");
        // Dripping buys no time.
        let took = began.elapsed();
        ensure!(took < HEAD_LIMIT * 2, "after {took:?}");
        Ok(())
    });
    target.meanwhile(try_join_all(dripping)).await?;
    target.never_grew_by(32)
}

pub(super) async fn floods(context: Tests) -> Result<()> {
    let target = Target::start(&context).await?;
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(5_000));
    let long = format!("GET / HTTP/1.1\r\na: {}\r\n\r\n", "b".repeat(1 << 20));
    let path = format!("GET /{} HTTP/1.1\r\n\r\n", "p".repeat(1 << 20));
    let endless = format!("GET / HTTP/1.1\r\n{}", "a: b\r\n".repeat(200_000));
    let floods = [&many, &long, &path, &endless];
    let crowd = (0..CROWD).map(|n| say(&target.address, floods[n % floods.len()]));
    for said in target.meanwhile(try_join_all(crowd)).await? {
        // What is sent into a connection that is being closed may cost its sender the answer.
        ensure!(matches!(said.status(), None | Some(400 | 414 | 431)), "{said:?}");
    }
    // Each connection may hold 128 KiB of a head.
    target.never_grew_by(48)
}

/// Requests that no parser takes, as many as one likes.
pub(super) async fn log(context: Tests) -> Result<()> {
    let target = Target::start(&context).await?;
    let before = target.gateway.log().lines().count();
    let nonsense: [&[u8]; 6] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"NONSENSE\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\0 HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nname\0: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nx: a\0b\r\n\r\n",
    ];
    let crowd = (0..CROWD).map(|n| say(&target.address, nonsense[n % nonsense.len()]));
    for said in target.meanwhile(try_join_all::<_>(crowd)).await? {
        is_refused(&said).with_context(|| format!("{said:?}"))?;
    }
    let after = target.gateway.log();
    let lines = after.lines().count() - before;
    ensure!(lines < CROWD / 10, "{CROWD} bad requests made {lines} lines:\n{after}");
    Ok(())
}

fn is_refused(said: &Said) -> Result<()> {
    ensure!(said.status() == Some(400));
    Ok(())
}
