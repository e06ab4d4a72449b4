//! One exchange with a web server, over a connection of its own: for the few documents that are fetched seldom, as keys
//! and tokens are.

use std::fmt;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Collected, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper_util::rt::TokioIo;
use tls::rustls::ClientConfig;
use tls::rustls::pki_types::ServerName;
use tls::{Authorities, ClientFiles, TlsError, client_config};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;

pub use hyper::http::request::Builder;
pub use hyper::{Request, StatusCode, Uri, header};

/// Where documents come from: `http://`, or `https://` with the server's certificate checked.
pub struct Server {
    url: Uri,
    tls: Option<Arc<ClientConfig>>,
}

/// What a server answered. The connection lasts as long as this.
#[derive(Debug)]
pub struct Answer {
    response: hyper::Response<Incoming>,
    _connection: AbortOnDropHandle<()>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// The server cannot be reached, TLS does not come about, or the question cannot be written as HTTP.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The server does not speak HTTP as it should.
    #[error(transparent)]
    Http(#[from] hyper::Error),
}

/// An answer's body is too long, or broke off.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct BodyError(Box<dyn std::error::Error + Send + Sync>);

impl fmt::Debug for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Server").field(&self.place()).finish()
    }
}

impl Server {
    /// The one at `url`, an absolute address. If its scheme is `https`, one of `authorities` has to have signed the
    /// server's certificate; any other is taken for `http`.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn at(url: Uri, authorities: Authorities) -> Result<Self, TlsError> {
        let is_https = url.scheme_str() == Some("https");
        let tls = is_https.then(|| client_config(&ClientFiles { authorities, identity: None }));
        Ok(Self { url, tls: tls.transpose()? })
    }

    /// Its address without its query, to be shown: signed addresses have their secret there.
    pub fn place(&self) -> String {
        let (scheme, authority) = (self.url.scheme_str().unwrap_or("http"), self.url.authority());
        format!("{scheme}://{}{}", authority.map_or("", |authority| authority.as_str()), self.url.path())
    }

    /// Asks with `request`, to which path and host are added. Awaits for as long as the server likes.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn ask(&self, request: Builder, body: impl Into<Bytes>) -> Result<Answer, ExchangeError> {
        let path = self.url.path_and_query().map_or("/", |path| path.as_str());
        let request = request
            .uri(path)
            .header(HOST, self.url.authority().map_or("", |authority| authority.as_str()))
            .body(Full::new(body.into()))
            .map_err(invalid)?;
        let host = self.url.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let port = self.url.port_u16().unwrap_or(if self.tls.is_some() { 443 } else { 80 });
        let stream = TcpStream::connect((host, port)).await?;
        match &self.tls {
            None => exchange(stream, request).await,
            Some(tls) => {
                let name = ServerName::try_from(host.to_owned()).map_err(invalid)?;
                exchange(TlsConnector::from(tls.clone()).connect(name, stream).await?, request).await
            }
        }
    }
}

impl Answer {
    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// Its body, of at most `max_bytes` bytes. Awaits for as long as the server likes.
    ///
    /// # Errors
    /// It is longer, or breaks off.
    pub async fn body(self, max_bytes: usize) -> Result<Bytes, BodyError> {
        let body = Limited::new(self.response.into_body(), max_bytes).collect().await;
        body.map(Collected::to_bytes).map_err(BodyError)
    }
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> Result<Answer, ExchangeError> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = AbortOnDropHandle::new(tokio::spawn(async {
        // Whoever waits for the answer hears of its end, too.
        let _ = connection.await;
    }));
    Ok(Answer { response: sender.send_request(request).await?, _connection: connection })
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, error)
}
