//! One HTTP/1.1 connection to one gateway. Nothing is sent twice behind anybody's back.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONNECTION, CONTENT_TYPE};
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// On loopback a connection is there at once, or never.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);

/// No answer of a gateway is larger.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// A connection that is open, as far as we know.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    pump: JoinHandle<()>,
    host: String,
    /// When its last response had arrived.
    idle_since: Option<Duration>,
    ends: bool,
}

/// Why a request got no response.
pub(super) enum Unanswered {
    /// Not a byte of it was sent: the connection had been closed before.
    NotSent,
    /// It was sent, or perhaps was, and then the connection ended.
    Broken(String),
}

/// What came back.
pub(super) struct Response {
    pub(super) status: StatusCode,
    pub(super) media_type: Option<String>,
    pub(super) body: Bytes,
}

impl Connection {
    /// Opens one.
    ///
    /// # Errors
    /// Nobody accepts it.
    pub(super) async fn open(address: SocketAddr) -> Result<Self> {
        let socket = timeout(CONNECT_LIMIT, TcpStream::connect(address)).await.context("no connection")??;
        socket.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(socket)).await?;
        let pump = tokio::spawn(async move {
            // How it ends is told to the request that is under way, if there is one.
            let _ = connection.await;
        });
        Ok(Self { sender, pump, host: address.to_string(), idle_since: None, ends: false })
    }

    /// Whether it can take another request.
    pub(super) fn is_open(&self) -> bool {
        !self.ends && !self.sender.is_closed()
    }

    /// Since when it has been idle, if it has served a request before: the gateway may be closing it at this moment.
    pub(super) fn idle_since(&self) -> Option<Duration> {
        self.idle_since
    }

    /// Its response had arrived at `now`.
    pub(super) fn is_idle_from(&mut self, now: Duration) {
        self.idle_since = Some(now);
    }

    /// Sends a request and awaits its response.
    pub(super) async fn post(&mut self, path: &str, body: Bytes) -> Result<Response, Unanswered> {
        let request = Request::post(path)
            .header("host", &self.host)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|error| Unanswered::Broken(error.to_string()))?;
        if self.sender.ready().await.is_err() {
            return Err(Unanswered::NotSent);
        }
        let response =
            self.sender.try_send_request(request).await.map_err(|mut error| match error.take_message() {
                Some(_) => Unanswered::NotSent,
                None => Unanswered::Broken(in_words(&error.into_error())),
            })?;
        self.ends = asks_to_close(response.headers());
        let status = response.status();
        let media_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = media_type.map(str::to_owned);
        let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await;
        let body = body.map_err(|error| Unanswered::Broken(format!("within the response: {error}")))?;
        Ok(Response { status, media_type, body: body.to_bytes() })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.pump.abort();
    }
}

fn asks_to_close(headers: &HeaderMap) -> bool {
    headers.get(CONNECTION).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"close"))
}

/// An error with its causes.
fn in_words(error: &hyper::Error) -> String {
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}
