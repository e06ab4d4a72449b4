//! One document from a web server: `http://`, or `https://` by the same TLS as everything.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use tls::Authorities;
use tokio::time::timeout;
use web::header::ACCEPT;
use web::{Request, Server, Uri};

/// Longest time for all of it.
const LIMIT: Duration = Duration::from_secs(5);

/// Largest document, in bytes.
const MAX_BYTES: usize = 1 << 20;

/// Where a document is.
#[derive(Debug)]
pub(super) struct Address(Server);

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.place().fmt(formatter)
    }
}

impl Address {
    /// Of a text that may be one; none if it is not meant to be.
    ///
    /// # Errors
    /// If it is an address that cannot be used, or TLS cannot be had.
    pub(super) fn read(text: &str, authorities: Option<&Path>) -> Result<Option<Self>> {
        if !text.starts_with("https://") && !text.starts_with("http://") {
            return Ok(None);
        }
        let url: Uri = text.parse().context("what SERVICE_1_JWKS has is no address; it is not shown here")?;
        ensure!(url.host().is_some_and(|host| !host.is_empty()), "the address of keys names no host");
        let has_name = url.authority().is_some_and(|authority| authority.as_str().contains('@'));
        ensure!(!has_name, "the address of keys may not hold a user name or a password");
        let authorities = authorities.map_or(Authorities::System, |path| Authorities::File(path.to_owned()));
        Ok(Some(Self(Server::at(url, authorities)?)))
    }

    /// The document.
    ///
    /// # Errors
    /// If it does not come, is too large, or something else than 200 does.
    pub(super) async fn fetch(&self) -> Result<Bytes> {
        let fetched = timeout(LIMIT, self.fetch_unbounded()).await;
        let fetched = fetched.unwrap_or_else(|_| bail!("it did not answer within {LIMIT:?}"));
        fetched.with_context(|| self.to_string())
    }

    async fn fetch_unbounded(&self) -> Result<Bytes> {
        let answer = self.0.ask(Request::builder().header(ACCEPT, "application/json"), Bytes::new()).await?;
        ensure!(answer.status() == 200, "it answers {}", answer.status());
        Ok(answer.body(MAX_BYTES).await?)
    }
}
