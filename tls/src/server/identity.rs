//! What a server shows: its certificate, and the key that proves it.

use std::sync::Arc;

use files::SmallFile;
use parking_lot::{Mutex, RwLock};
use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::error::TlsError;
use crate::pem::{self, Content, KeyPair};

/// What new connections are shown, and where it is from.
#[derive(Debug)]
pub(super) struct Identity {
    certificate: SmallFile,
    key: SmallFile,
    provider: Arc<CryptoProvider>,
    shown: RwLock<Arc<CertifiedKey>>,
    read: Mutex<Read>,
}

/// Both files as they were last read, to see whether they are new. They are compared as a pair, so that a change caught
/// half way is read again as soon as it is whole.
#[derive(Debug, PartialEq, Eq)]
struct Read {
    certificate: Content,
    key: Content,
}

impl Identity {
    /// Reads the files.
    ///
    /// # Errors
    /// If one cannot be read, or they do not belong together.
    pub(super) fn load(files: &KeyPair, provider: Arc<CryptoProvider>) -> Result<Self, TlsError> {
        let (certificate, key) = (pem::file(&files.certificate), pem::file(&files.key));
        let read = Read::now(&certificate, &key)?;
        let shown = RwLock::new(read.certified_key(&provider)?);
        Ok(Self { certificate, key, provider, shown, read: Mutex::new(read) })
    }

    /// Reads them again and shows what is new. True if something was.
    ///
    /// # Errors
    /// As [`load`](Self::load); what was shown before goes on.
    pub(super) fn reload(&self) -> Result<bool, TlsError> {
        let now = Read::now(&self.certificate, &self.key)?;
        let mut read = self.read.lock();
        if *read == now {
            return Ok(false);
        }
        *self.shown.write() = now.certified_key(&self.provider)?;
        *read = now;
        Ok(true)
    }

    /// The certificate as it was last read.
    pub(super) fn certificate(&self) -> Content {
        self.read.lock().certificate.clone()
    }
}

impl ResolvesServerCert for Identity {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.shown.read().clone())
    }
}

impl Read {
    fn now(certificate: &SmallFile, key: &SmallFile) -> Result<Self, TlsError> {
        Ok(Self { certificate: Content::of(certificate)?, key: Content::of(key)? })
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
}
