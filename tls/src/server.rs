//! TLS for those who listen, from files that may be replaced while it is in use.
//!
//! One configuration serves every connection. What it shows and whom it lets in stand behind it and can be exchanged:
//! connections that are there keep what they began with, new ones get what is new.

use std::path::PathBuf;
use std::sync::Arc;

use files::SmallFile;
use parking_lot::{Mutex, RwLock};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme};

use crate::authorities::strictly;
use crate::error::TlsError;
use crate::pem::{self, Content, KeyPair};
use crate::provider::provider;

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
    files: Files,
    provider: Arc<CryptoProvider>,
    shown: Arc<Shown>,
    let_in: Option<Arc<LetIn>>,
    /// What was last read, to see whether it is new.
    read: Mutex<Read>,
}

/// The files themselves.
#[derive(Debug)]
struct Files {
    certificate: SmallFile,
    key: SmallFile,
    authorities: Option<SmallFile>,
    /// Whether clients may do without a certificate.
    is_optional: bool,
}

/// All files as they were at one time. Certificate and key are compared as a pair, so that a change caught half way is
/// read again as soon as it is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) certificate: Content,
    key: Content,
    pub(crate) authorities: Option<Content>,
}

impl Server {
    /// Reads the files.
    ///
    /// # Errors
    /// If the processor cannot do it, a file cannot be read, or certificate and key do not belong together.
    pub fn load(files: ServerFiles) -> Result<Self, TlsError> {
        let provider = provider()?;
        let files = Files::at(&files);
        let read = Read::now(&files)?;
        let shown = Arc::new(Shown(RwLock::new(read.certified_key(&provider)?)));
        let verifier = read.verifier(&files, &provider)?;
        let let_in = verifier.map(|verifier| Arc::new(LetIn::new(verifier)));
        Ok(Self { files, provider, shown, let_in, read: Mutex::new(read) })
    }

    /// Reads the files again and uses what is new in them for the connections to come. True if something was.
    ///
    /// # Errors
    /// As [`load`](Self::load); what was used before stays in use.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let now = Read::now(&self.files)?;
        let mut read = self.read.lock();
        if *read == now {
            return Ok(false);
        }
        let key = now.certified_key(&self.provider)?;
        let verifier = now.verifier(&self.files, &self.provider)?;
        *self.shown.0.write() = key;
        if let (Some(let_in), Some(verifier)) = (&self.let_in, verifier) {
            *let_in.verifier.write() = verifier;
        }
        *read = now;
        Ok(true)
    }

    /// What was read last.
    pub(crate) fn into_read(self) -> Read {
        self.read.into_inner()
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
            return Ok(builder.with_no_client_auth().with_cert_resolver(self.shown.clone()));
        };
        let mut config =
            builder.with_client_cert_verifier(let_in.clone()).with_cert_resolver(self.shown.clone());
        // A resumed session is not checked again: somebody whose authority is trusted no longer would stay in.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(config)
    }
}

impl Files {
    fn at(paths: &ServerFiles) -> Self {
        let (authorities, is_optional) = match &paths.clients {
            ClientCertificates::NotAsked => (None, false),
            ClientCertificates::Optional(path) => (Some(path), true),
            ClientCertificates::Required(path) => (Some(path), false),
        };
        Self {
            certificate: pem::file(&paths.identity.certificate),
            key: pem::file(&paths.identity.key),
            authorities: authorities.map(|path| pem::file(path)),
            is_optional,
        }
    }
}

impl Read {
    fn now(files: &Files) -> Result<Self, TlsError> {
        Ok(Self {
            authorities: files.authorities.as_ref().map(Content::of).transpose()?,
            certificate: Content::of(&files.certificate)?,
            key: Content::of(&files.key)?,
        })
    }

    fn certified_key(&self, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, TlsError> {
        let (chain, key) = (self.certificate.certificates()?, self.key.private_key()?);
        let certified = CertifiedKey::from_der(chain, key, provider);
        let certified = certified.map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => self.key.wrong("is not the key of the certificate"),
            error => self.key.wrong(format!("and its certificate cannot be used: {error}")),
        })?;
        Ok(Arc::new(certified))
    }

    fn verifier(
        &self,
        files: &Files,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Option<Arc<dyn ClientCertVerifier>>, TlsError> {
        let Some(content) = &self.authorities else { return Ok(None) };
        let roots = Arc::new(strictly(content)?);
        let builder = WebPkiClientVerifier::builder_with_provider(roots, provider.clone());
        let builder = if files.is_optional { builder.allow_unauthenticated() } else { builder };
        let verifier = builder.build().map_err(|error| content.wrong(format!("cannot be used: {error}")))?;
        Ok(Some(verifier))
    }
}

/// The certificate that new connections are shown.
#[derive(Debug)]
struct Shown(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().clone())
    }
}

/// Whom new connections are let in for.
#[derive(Debug)]
struct LetIn {
    verifier: RwLock<Arc<dyn ClientCertVerifier>>,
    /// The same for every file.
    is_mandatory: bool,
    schemes: Vec<SignatureScheme>,
}

impl LetIn {
    fn new(verifier: Arc<dyn ClientCertVerifier>) -> Self {
        let (is_mandatory, schemes) = (verifier.client_auth_mandatory(), verifier.supported_verify_schemes());
        Self { verifier: RwLock::new(verifier), is_mandatory, schemes }
    }

    fn current(&self) -> Arc<dyn ClientCertVerifier> {
        self.verifier.read().clone()
    }
}

impl ClientCertVerifier for LetIn {
    fn offer_client_auth(&self) -> bool {
        true
    }

    fn client_auth_mandatory(&self) -> bool {
        self.is_mandatory
    }

    /// No hints: they would have to outlive a change of the file. Clients then show what they have.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        self.current().verify_client_cert(end_entity, intermediates, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.current().verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.current().verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }
}
