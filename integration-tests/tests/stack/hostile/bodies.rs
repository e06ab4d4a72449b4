//! Bodies that never end, and bodies that are more than they seem.

use std::io::Write as _;
use std::time::Duration;

use anyhow::{Result, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::future::try_join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::raw::{CLOSED_WITHIN, HEAD, Said, connect, drip, say};
use super::{Context, Target};

/// How many do it at once.
const CROWD: usize = 50;

pub(super) async fn slow(context: Context) -> Result<()> {
    let target = Target::start_with(&context, |set| set.with("REQUEST_TIMEOUT", 3)).await?;
    let dripping = (0..CROWD).map(|n| {
        let address = &target.address;
        async move {
            let mut stream = connect(address).await?;
            let (framing, byte) = match n % 2 {
                0 => ("content-length: 1000\r\n\r\n{", b' '),
                // The size of a chunk that never comes to its end.
                _ => ("transfer-encoding: chunked\r\n\r\n5\r\n{   ", b' '),
            };
            stream.write_all(format!("{HEAD}{framing}").as_bytes()).await?;
            let pause = if n % 2 == 0 { Duration::from_millis(100) } else { Duration::from_secs(60) };
            drip(stream, pause, byte).await?.is(408, "request_timeout")
        }
    });
    target.meanwhile(try_join_all(dripping)).await?;
    target.never_grew_by(32)?;
    target.is_clean().await
}

/// Sends chunks for as long as they are taken, and gives what was answered.
async fn pour(address: &str, head: &str) -> Result<Said> {
    let mut stream = connect(address).await?;
    stream.write_all(head.as_bytes()).await?;
    let (mut reading, mut writing) = stream.split();
    let chunk = [b"4000\r\n".as_slice(), &[b'x'; 0x4000], b"\r\n"].concat();
    let pouring = async { while writing.write_all(&chunk).await.is_ok() {} };
    let mut said = Vec::new();
    let both = async { tokio::join!(pouring, reading.read_to_end(&mut said)) };
    let ended = timeout(CLOSED_WITHIN, both).await;
    let said = Said(String::from_utf8_lossy(&said).into_owned());
    ensure!(ended.is_ok(), "more and more is taken after {said:?}");
    Ok(said)
}

pub(super) async fn endless(context: Context) -> Result<()> {
    let target = Target::start(&context).await?;
    let head = format!("{HEAD}transfer-encoding: chunked\r\n\r\n");
    let crowd = (0..CROWD / 5).map(|_| pour(&target.address, &head));
    for said in target.meanwhile(try_join_all(crowd)).await? {
        said.is(413, "payload_too_large")?;
    }
    target.never_grew_by(64)?;
    target.is_clean().await
}

/// What is refused at its head has no body worth reading.
pub(super) async fn refused(context: Context) -> Result<()> {
    let target = Target::start(&context).await?;
    let chunked = "host: x\r\ntransfer-encoding: chunked\r\n\r\n";
    let heads = [
        (format!("POST /nowhere HTTP/1.1\r\n{chunked}"), 404),
        (format!("PUT /hash HTTP/1.1\r\n{chunked}"), 405),
        (format!("POST /hash HTTP/1.1\r\n{chunked}"), 415),
        (format!("DELETE /openapi.json HTTP/1.1\r\n{chunked}"), 405),
        (format!("GET /openapi.json HTTP/1.1\r\n{chunked}"), 200),
    ];
    let crowd = heads.iter().map(|(head, status)| {
        let address = &target.address;
        async move {
            let said = pour(address, head).await?;
            ensure!(said.status() == Some(*status), "not {status}: {said:?}");
            Ok(())
        }
    });
    target.meanwhile(try_join_all(crowd)).await?;
    target.never_grew_by(32)?;
    // A small body is read, so that its connection can go on.
    let twice = "POST /hash HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nbody";
    let last = "GET /nowhere HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let said = say(&target.address, format!("{twice}{twice}{last}")).await?;
    let statuses: Vec<_> =
        said.0.match_indices("HTTP/1.1 ").map(|(at, _)| &said.0[at + 9..at + 12]).collect();
    ensure!(statuses == ["415", "415", "404"], "{said:?}");
    Ok(())
}

/// 64 MiB in a few hundred KiB.
fn bomb() -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let zeros = vec![b'0'; 1 << 20];
    encoder.write_all(br#"{"data":""#)?;
    for _ in 0..64 {
        encoder.write_all(&zeros)?;
    }
    encoder.write_all(br#""}"#)?;
    Ok(encoder.finish()?)
}

pub(super) async fn bombs(context: Context) -> Result<()> {
    let target = Target::start(&context).await?;
    let bomb = bomb()?;
    ensure!(bomb.len() < 512 * 1024, "{} bytes are no bomb", bomb.len());
    let request = |encoding: &str, length: bool| {
        let framing = if length { format!("content-length: {}\r\n", bomb.len()) } else { String::new() };
        let head = format!("{HEAD}connection: close\r\n{encoding}\r\n{framing}\r\n");
        [head.as_bytes(), &bomb].concat()
    };
    let declared = ["gzip", "GZIP", "x-gzip", "gzip, gzip", "identity, gzip", "deflate", "br", "zstd"];
    let requests: Vec<_> =
        declared.iter().map(|encoding| request(&format!("content-encoding: {encoding}"), true)).collect();
    let answers =
        target.meanwhile(try_join_all(requests.iter().map(|bomb| say(&target.address, bomb)))).await?;
    for said in answers {
        said.is(415, "unsupported_media_type")?;
    }
    // Nor is it opened where nobody says what it is, nor as a coding of the transfer.
    say(&target.address, request("x-nothing: said", true)).await?.is(400, "invalid_request")?;
    let transfer = say(&target.address, request("transfer-encoding: gzip, chunked", false)).await?;
    ensure!(transfer.status() == Some(400), "{transfer:?}");
    target.never_grew_by(32)?;
    target.is_clean().await
}
