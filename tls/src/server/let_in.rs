//! Whom a server lets in: those whose certificate an authority in a file has signed.

use std::path::Path;
use std::sync::Arc;

use files::SmallFile;
use parking_lot::{Mutex, RwLock};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, SignatureScheme};

use crate::authorities::strictly;
use crate::error::TlsError;
use crate::pem::{self, Content};

/// Whom new connections are let in for, and where that is from.
#[derive(Debug)]
pub(super) struct LetIn {
    authorities: SmallFile,
    policy: Policy,
    verifier: RwLock<Arc<dyn ClientCertVerifier>>,
    schemes: Vec<SignatureScheme>,
    /// The file as it was last read, to see whether it is new.
    read: Mutex<Content>,
}

/// What stays the same, whatever is in the file.
#[derive(Debug)]
struct Policy {
    provider: Arc<CryptoProvider>,
    /// Whether clients may do without a certificate.
    is_optional: bool,
}

impl LetIn {
    /// Reads the file.
    ///
    /// # Errors
    /// If it cannot be read, or something in it is no certificate of an authority.
    pub(super) fn load(
        authorities: &Path,
        is_optional: bool,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, TlsError> {
        let (authorities, policy) = (pem::file(authorities), Policy { provider, is_optional });
        let read = Content::of(&authorities)?;
        let verifier = policy.verifier(&read)?;
        let schemes = verifier.supported_verify_schemes();
        Ok(Self { authorities, policy, verifier: RwLock::new(verifier), schemes, read: Mutex::new(read) })
    }

    /// Reads it again and obeys what is new. True if something was.
    ///
    /// # Errors
    /// As [`load`](Self::load); those who were let in before still are.
    pub(super) fn reload(&self) -> Result<bool, TlsError> {
        let now = Content::of(&self.authorities)?;
        let mut read = self.read.lock();
        if *read == now {
            return Ok(false);
        }
        *self.verifier.write() = self.policy.verifier(&now)?;
        *read = now;
        Ok(true)
    }

    /// The authorities as they were last read.
    pub(super) fn authorities(&self) -> Content {
        self.read.lock().clone()
    }

    fn current(&self) -> Arc<dyn ClientCertVerifier> {
        self.verifier.read().clone()
    }
}

impl Policy {
    fn verifier(&self, content: &Content) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
        let roots = Arc::new(strictly(content)?);
        let builder = WebPkiClientVerifier::builder_with_provider(roots, self.provider.clone());
        let builder = if self.is_optional { builder.allow_unauthenticated() } else { builder };
        builder.build().map_err(|error| content.wrong(format!("cannot be used: {error}")))
    }
}

impl ClientCertVerifier for LetIn {
    fn offer_client_auth(&self) -> bool {
        true
    }

    fn client_auth_mandatory(&self) -> bool {
        !self.policy.is_optional
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
