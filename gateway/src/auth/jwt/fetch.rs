//! One document from a web server: `http://`, or `https://` by the same TLS as everything.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Collected, Empty, Limited};
use hyper::header::{ACCEPT, HOST};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use tls::rustls::ClientConfig;
use tls::rustls::pki_types::ServerName;
use tls::{Authorities, ClientFiles, client_config};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;

/// Longest time for all of it.
const LIMIT: Duration = Duration::from_secs(5);

/// Largest document, in bytes.
const MAX_BYTES: usize = 1 << 20;

/// Where a document is.
#[derive(Debug)]
pub(super) struct Address {
    url: Uri,
    tls: Option<Arc<ClientConfig>>,
}

impl Address {
    /// Of a text that may be one; none if it is not meant to be.
    ///
    /// # Errors
    /// If it is an address that cannot be used, or TLS cannot be had.
    pub(super) fn read(text: &str, authorities: Option<&Path>) -> Result<Option<Self>> {
        let is_https = text.starts_with("https://");
        if !is_https && !text.starts_with("http://") {
            return Ok(None);
        }
        let url: Uri = text.parse().with_context(|| format!("{text:?} is no address"))?;
        ensure!(url.host().is_some_and(|host| !host.is_empty()), "{text:?} names no host");
        let has_name = url.authority().is_some_and(|authority| authority.as_str().contains('@'));
        ensure!(!has_name, "the address of keys may not hold a user name or a password");
        let tls = is_https.then(|| {
            let authorities =
                authorities.map_or(Authorities::System, |path| Authorities::File(path.to_owned()));
            client_config(&ClientFiles { authorities, identity: None })
        });
        Ok(Some(Self { url, tls: tls.transpose()? }))
    }

    /// The document.
    ///
    /// # Errors
    /// If it does not come, is too large, or something else than 200 does.
    pub(super) async fn fetch(&self) -> Result<Bytes> {
        let fetched = timeout(LIMIT, self.fetch_unbounded()).await;
        let fetched = fetched.unwrap_or_else(|_| bail!("it did not answer within {LIMIT:?}"));
        fetched.with_context(|| self.url.to_string())
    }

    async fn fetch_unbounded(&self) -> Result<Bytes> {
        let host = self.url.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let port = self.url.port_u16().unwrap_or(if self.tls.is_some() { 443 } else { 80 });
        let stream = TcpStream::connect((host, port)).await?;
        match &self.tls {
            None => self.get(stream).await,
            Some(tls) => {
                let name = ServerName::try_from(host.to_owned())?;
                self.get(TlsConnector::from(tls.clone()).connect(name, stream).await?).await
            }
        }
    }

    async fn get(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Result<Bytes> {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let _connection = AbortOnDropHandle::new(tokio::spawn(async {
            // Whoever waits for the answer hears of its end, too.
            let _ = connection.await;
        }));
        let path = self.url.path_and_query().map_or("/", |path| path.as_str());
        let request = Request::get(path)
            .header(HOST, self.url.authority().map_or("", |authority| authority.as_str()))
            .header(ACCEPT, "application/json")
            .body(Empty::<Bytes>::new())?;
        let answer = sender.send_request(request).await?;
        ensure!(answer.status() == 200, "it answers {}", answer.status());
        let body = Limited::new(answer.into_body(), MAX_BYTES).collect().await;
        body.map(Collected::to_bytes).map_err(|error| anyhow::anyhow!(error))
    }
}
