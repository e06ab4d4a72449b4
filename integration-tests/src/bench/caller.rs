//! One caller on one connection: over TCP or TLS, with an API key or without.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tls::rustls::ClientConfig;
use tls::rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// Longest wait for one answer, and for a connection.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// Longest wait for a gateway that has just been started.
const START_LIMIT: Duration = Duration::from_secs(30);

/// Whom the certificates of gateways with HTTPS are for.
const HTTPS_NAME: &str = "localhost";

/// Where requests go, and as whose.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// `host:port`.
    pub address: String,
    /// The path that is posted to.
    pub path: String,
    /// What the gateway wants to see.
    pub access: Access,
}

/// What a gateway wants to see; nothing by default.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// Sent as `x-api-key`.
    pub api_key: Option<String>,
    /// HTTPS with this configuration, of a certificate for `localhost`.
    pub https: Option<Arc<ClientConfig>>,
}

/// A request, and the hash that is the right answer to it.
#[derive(Debug)]
pub struct Exchange {
    body: Bytes,
    hash: String,
}

/// How a request was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// With 200 and the right hash.
    Right,
    /// With 429: the caller has used its share.
    Refused,
}

/// A connection.
pub struct Caller<'a> {
    endpoint: &'a Endpoint,
    sender: SendRequest<Full<Bytes>>,
    // Ends with this value.
    _pump: JoinSet<hyper::Result<()>>,
}

impl Endpoint {
    /// `/hash` at `address`.
    pub fn hash(address: String, access: Access) -> Self {
        Self { address, path: "/hash".to_owned(), access }
    }
}

impl Exchange {
    /// With this `data`.
    pub fn of(data: &str) -> Self {
        let hash = hex::encode(Sha256::digest(data.as_bytes()));
        Self { body: serde_json::json!({ "data": data }).to_string().into(), hash }
    }
}

impl<'a> Caller<'a> {
    /// Connects.
    ///
    /// # Errors
    /// Nobody listens there, or not with that certificate.
    pub async fn connect(endpoint: &'a Endpoint) -> Result<Self> {
        let address = &endpoint.address;
        let socket = TcpStream::connect(address).await.with_context(|| format!("no gateway at {address}"))?;
        socket.set_nodelay(true)?;
        let Some(config) = &endpoint.access.https else {
            return Self::over(endpoint, socket).await;
        };
        let name = ServerName::try_from(HTTPS_NAME)?;
        let connected = TlsConnector::from(config.clone()).connect(name, socket);
        let stream = timeout(ANSWER_TIMEOUT, connected).await.context("no TLS in time")??;
        Self::over(endpoint, stream).await
    }

    async fn over(
        endpoint: &'a Endpoint,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> Result<Self> {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let mut pump = JoinSet::new();
        pump.spawn(connection);
        Ok(Self { endpoint, sender, _pump: pump })
    }

    /// Whether another request may be sent: a gateway that refuses one before its body is read closes the connection.
    pub async fn is_open(&mut self) -> bool {
        self.sender.ready().await.is_ok()
    }

    /// Sends a request and awaits the answer.
    ///
    /// # Errors
    /// No answer in time, one that is neither 200 nor 429, or a wrong one.
    pub async fn ask(&mut self, exchange: &Exchange) -> Result<Answer> {
        timeout(ANSWER_TIMEOUT, self.exchange(exchange)).await.context("no answer in time")?
    }

    async fn exchange(&mut self, exchange: &Exchange) -> Result<Answer> {
        let Endpoint { address, path, access } = self.endpoint;
        let mut request =
            Request::post(path).header("host", address).header("content-type", "application/json");
        if let Some(key) = &access.api_key {
            request = request.header("x-api-key", key);
        }
        let request = request.body(Full::new(exchange.body.clone()))?;
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        match status {
            StatusCode::OK => {}
            StatusCode::TOO_MANY_REQUESTS => return Ok(Answer::Refused),
            _ => bail!("{status}: {}", String::from_utf8_lossy(&body)),
        }
        let answer: Hash<'_> = serde_json::from_slice(&body)?;
        ensure!(answer.hash == exchange.hash, "a wrong hash came back: {}", String::from_utf8_lossy(&body));
        Ok(Answer::Right)
    }
}

#[derive(Deserialize)]
struct Hash<'a> {
    hash: &'a str,
}

/// Waits until a gateway that has just been started answers.
///
/// # Errors
/// It does not within half a minute; says what came instead.
pub async fn answering(endpoint: &Endpoint) -> Result<()> {
    let exchange = Exchange::of("is anybody there");
    let begin = Instant::now();
    loop {
        let answer = async { Caller::connect(endpoint).await?.ask(&exchange).await };
        match answer.await {
            Ok(Answer::Right) => return Ok(()),
            other if begin.elapsed() < START_LIMIT => drop(other),
            Ok(Answer::Refused) => bail!("{} still refuses with 429", endpoint.address),
            Err(error) => return Err(error.context(format!("{} does not answer", endpoint.address))),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
