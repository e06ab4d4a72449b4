//! HTTPS on the port for requests: TLS 1.2 and 1.3, HTTP/1.1 and HTTP/2 as the client chooses by ALPN.
//!
//! Files that change are read again, for the connections to come. The management port stays plain: it is for the
//! network that probes and scrapers are in.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use service::settings::HttpsSettings;
use tls::rustls::ServerConfig;
use tls::{ClientCertificates, KeyPair, Server, ServerFiles, TlsError};

use crate::reload::Source;

/// What connections begin with.
#[derive(Debug)]
pub(crate) struct Https(Server);

impl Https {
    /// What `settings` ask for; none where HTTP is plain.
    ///
    /// # Errors
    /// If this processor cannot do it, or a file cannot be used.
    pub(crate) fn from_settings(settings: Option<&HttpsSettings>) -> Result<Option<Arc<Self>>> {
        let Some(settings) = settings else { return Ok(None) };
        let server = Server::load(files(settings)).context("HTTPS cannot be served")?;
        Ok(Some(Arc::new(Self(server))))
    }

    /// The configuration of every connection; the server adds the protocols inside.
    ///
    /// # Errors
    /// If there can be none.
    pub(crate) fn config(&self) -> Result<ServerConfig> {
        self.0.config().context("HTTPS cannot be served")
    }
}

/// What is read again.
pub(crate) fn sources(https: &Arc<Https>) -> Vec<Arc<dyn Source>> {
    let part = |name, reload| -> Arc<dyn Source> { Arc::new(Part { https: https.clone(), name, reload }) };
    let mut sources = vec![part("certificate and key for HTTPS", Server::reload_identity)];
    if https.0.asks_for_certificates() {
        sources.push(part("the authorities of clients", Server::reload_authorities));
    }
    sources
}

/// Where it is made from.
pub(crate) fn files(settings: &HttpsSettings) -> ServerFiles {
    let identity = KeyPair { certificate: settings.certificate.clone(), key: settings.key.clone() };
    let clients = match settings.client_authorities.clone() {
        None => ClientCertificates::NotAsked,
        Some(file) if settings.client_certificate_required => ClientCertificates::Required(file),
        Some(file) => ClientCertificates::Optional(file),
    };
    ServerFiles { identity, clients }
}

/// What the gateway shows, or whom it lets in. Each is looked after by itself: nothing that is wrong with a certificate may keep
/// one in who is trusted no longer.
struct Part {
    https: Arc<Https>,
    name: &'static str,
    reload: fn(&Server) -> Result<bool, TlsError>,
}

impl Source for Part {
    fn name(&self) -> &'static str {
        self.name
    }

    fn reload(&self) -> Result<bool> {
        Ok((self.reload)(&self.https.0)?)
    }
}
