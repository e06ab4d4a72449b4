//! Connections on which anything can be said.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longest that the gateway may leave a connection open after its answer, on a busy machine.
pub(super) const CLOSED_WITHIN: Duration = Duration::from_secs(10);

/// The head of a call, without its end.
pub(super) const HEAD: &str = "POST /hash HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";

/// What came before the connection was closed.
#[derive(Debug)]
pub(super) struct Said(pub(super) String);

impl Said {
    /// The status of the first answer; none if the connection was closed without a word.
    pub(super) fn status(&self) -> Option<u16> {
        self.0.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
    }

    /// The code of the problem that the first answer is.
    pub(super) fn problem(&self) -> Result<String> {
        let (head, rest) = self.0.split_once("\r\n\r\n").with_context(|| format!("no answer: {self:?}"))?;
        ensure!(head.contains("content-type: application/problem+json"), "no problem: {self:?}");
        let mut documents = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        let problem = documents.next().with_context(|| format!("no document: {self:?}"))??;
        ensure!(problem["status"].as_u64() == self.status().map(u64::from), "{self:?}");
        Ok(problem["code"].as_str().with_context(|| format!("no code: {self:?}"))?.to_owned())
    }

    /// That the first answer is this problem.
    pub(super) fn is(&self, status: u16, code: &str) -> Result<()> {
        let problem = self.problem()?;
        ensure!(self.status() == Some(status) && problem == code, "not {status} {code}: {self:?}");
        Ok(())
    }
}

pub(super) async fn connect(address: &str) -> Result<TcpStream> {
    Ok(TcpStream::connect(address).await?)
}

/// Sends `bytes` and reads until the other side closes.
pub(super) async fn say(address: &str, bytes: impl AsRef<[u8]>) -> Result<Said> {
    let mut stream = connect(address).await?;
    // It may be closed before all of it was sent.
    let _ = stream.write_all(bytes.as_ref()).await;
    rest(stream).await
}

/// Reads until the other side closes.
pub(super) async fn rest(mut stream: TcpStream) -> Result<Said> {
    let mut said = Vec::new();
    match timeout(CLOSED_WITHIN, stream.read_to_end(&mut said)).await {
        // Reset or closed: what came before counts.
        Ok(_) => Ok(Said(String::from_utf8_lossy(&said).into_owned())),
        Err(_) => bail!("the connection is kept, after {:?}", String::from_utf8_lossy(&said)),
    }
}

/// Sends a byte now and then until the other side closes, and gives what that said.
pub(super) async fn drip(mut stream: TcpStream, pause: Duration, byte: u8) -> Result<Said> {
    let (mut reading, mut writing) = stream.split();
    let mut said = Vec::new();
    let dripping = async {
        while writing.write_all(&[byte]).await.is_ok() {
            tokio::time::sleep(pause).await;
        }
        // What cannot be written to has been closed, or is about to be.
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = dripping => {}
        ended = timeout(CLOSED_WITHIN, reading.read_to_end(&mut said)) => {
            if ended.is_err() {
                bail!("the connection is kept, after {:?}", String::from_utf8_lossy(&said));
            }
        }
    }
    Ok(Said(String::from_utf8_lossy(&said).into_owned()))
}
