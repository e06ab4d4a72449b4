//! TLS for those who listen, from files that may be replaced while it is in use.
//!
//! One configuration serves every connection. What it shows (`identity`) and whom it lets in (`let_in`) stand behind it and can
//! be exchanged, each by itself: connections that are there keep what they began with, new ones get what is new.

mod identity;
mod let_in;

use std::path::PathBuf;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::server::NoServerSessionStorage;

use crate::error::TlsError;
use crate::pem::{Content, KeyPair};
use crate::provider::provider;

use identity::Identity;
use let_in::LetIn;

/// What a server's configuration is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerFiles {
    /// What the server shows.
    pub identity: KeyPair,
    /// Whether clients have to show something, too.
    pub clients: ClientCertificates,
}

/// Whether clients show certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientCertificates {
    /// Nobody is asked for one.
    NotAsked,
    /// Who shows one has it checked against the authorities in this PEM file; who shows none is let in.
    Optional(PathBuf),
    /// Only those get in whose certificate was signed by an authority in this PEM file.
    Required(PathBuf),
}

/// A server's side of TLS.
#[derive(Debug)]
pub struct Server {
    provider: Arc<CryptoProvider>,
    identity: Arc<Identity>,
    /// None where nobody is asked for a certificate.
    let_in: Option<Arc<LetIn>>,
}

impl Server {
    /// Reads the files.
    ///
    /// # Errors
    /// If the processor cannot do it, a file cannot be read, or certificate and key do not belong together.
    pub fn load(files: ServerFiles) -> Result<Self, TlsError> {
        let provider = provider()?;
        let (authorities, is_optional) = match &files.clients {
            ClientCertificates::NotAsked => (None, false),
            ClientCertificates::Optional(path) => (Some(path), true),
            ClientCertificates::Required(path) => (Some(path), false),
        };
        let let_in = authorities.map(|path| LetIn::load(path, is_optional, provider.clone())).transpose()?;
        let identity = Arc::new(Identity::load(&files.identity, provider.clone())?);
        Ok(Self { provider, identity, let_in: let_in.map(Arc::new) })
    }

    /// Reads certificate and key again and shows what is new in them to the connections to come. True if something was.
    ///
    /// # Errors
    /// As [`load`](Self::load); what was shown before goes on.
    pub fn reload_identity(&self) -> Result<bool, TlsError> {
        self.identity.reload()
    }

    /// Reads the authorities of clients again, and lets nobody in any more by one that was taken back: whatever is wrong with
    /// certificate and key meanwhile. True if something was new; false where nobody is asked for a certificate.
    ///
    /// # Errors
    /// As [`load`](Self::load); those who were let in before still are.
    pub fn reload_authorities(&self) -> Result<bool, TlsError> {
        self.let_in.as_ref().map_or(Ok(false), |let_in| let_in.reload())
    }

    /// Whether clients are asked for certificates.
    pub fn asks_for_certificates(&self) -> bool {
        self.let_in.is_some()
    }

    /// The certificate that is shown.
    pub(crate) fn certificate(&self) -> Content {
        self.identity.certificate()
    }

    /// The authorities of those who are let in; none where nobody is asked.
    pub(crate) fn authorities(&self) -> Option<Content> {
        self.let_in.as_ref().map(|let_in| let_in.authorities())
    }

    /// The configuration of every connection. Which protocols run inside is the caller's to add.
    ///
    /// # Errors
    /// The provider has no protocol version in common with what is asked for.
    pub fn config(&self) -> Result<ServerConfig, TlsError> {
        let builder = ServerConfig::builder_with_provider(self.provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Configuration)?;
        let Some(let_in) = &self.let_in else {
            return Ok(builder.with_no_client_auth().with_cert_resolver(self.identity.clone()));
        };
        let builder = builder.with_client_cert_verifier(let_in.clone());
        let mut config = builder.with_cert_resolver(self.identity.clone());
        // A resumed session is not checked again: somebody whose authority is trusted no longer would stay in.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(config)
    }
}
