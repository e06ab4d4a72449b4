//! Certificates and keys from PEM files.
//!
//! What is secret is forgotten with the buffer that it was read into; errors say what a file lacks and quote nothing.

use std::fmt;
use std::path::{Path, PathBuf};

use files::SmallFile;
use rustls::pki_types::pem::{Error as PemError, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::error::TlsError;

/// Largest file that is read, in bytes: a bundle of every authority that systems trust has 200 KiB.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// Where a chain of certificates and its private key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPair {
    /// PEM: the certificate, then those that lead from it to an authority.
    pub certificate: PathBuf,
    /// PEM: the key in PKCS#8, PKCS#1 or SEC1, not encrypted.
    pub key: PathBuf,
}

/// What a file held when it was read.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Content {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl fmt::Debug for Content {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Content").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Content {
    /// Reads `path` this once.
    pub(crate) fn read(path: &Path) -> Result<Self, TlsError> {
        Self::of(&file(path))
    }

    /// Reads `file`, as it is now.
    pub(crate) fn of(file: &SmallFile) -> Result<Self, TlsError> {
        let path = file.path();
        match file.read() {
            Ok(bytes) => Ok(Self { path: path.to_owned(), bytes }),
            Err(source) => Err(TlsError::Read { path: path.to_owned(), source }),
        }
    }

    /// Every certificate in it; at least one.
    pub(crate) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let certificates: Result<Vec<_>, PemError> = CertificateDer::pem_slice_iter(&self.bytes).collect();
        match certificates {
            Ok(certificates) if certificates.is_empty() => Err(self.wrong("has no certificate in PEM form")),
            Ok(certificates) => Ok(certificates),
            Err(_) => Err(self.wrong("is broken PEM")),
        }
    }

    /// The first private key in it.
    pub(crate) fn private_key(&self) -> Result<PrivateKeyDer<'static>, TlsError> {
        PrivateKeyDer::from_pem_slice(&self.bytes).map_err(|error| match error {
            PemError::NoItemsFound => {
                self.wrong("has no private key in PEM form (one that is encrypted is not taken)")
            }
            _ => self.wrong("is broken PEM"),
        })
    }

    pub(crate) fn wrong(&self, reason: impl Into<String>) -> TlsError {
        TlsError::Content { path: self.path.clone(), reason: reason.into() }
    }
}

/// A file of certificates or of a key.
pub(crate) fn file(path: &Path) -> SmallFile {
    SmallFile::new(path, MAX_FILE_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authorities::strictly;
    use crate::throw_away::pem;

    fn content(bytes: &[u8]) -> Content {
        Content { path: "file".into(), bytes: bytes.to_vec() }
    }

    /// What was read is read again as we write it, and errors are words of ours alone.
    #[test]
    fn fuzz_pem() {
        fuzz::Target::new("pem").run(|bytes| {
            let read = content(bytes);
            match read.certificates() {
                Ok(certificates) => {
                    assert!(!certificates.is_empty());
                    let again: String = certificates.iter().map(|der| pem("CERTIFICATE", der)).collect();
                    assert_eq!(content(again.as_bytes()).certificates().unwrap(), certificates);
                    if let Ok(trusted) = strictly(&read) {
                        assert_eq!(trusted.len(), certificates.len());
                    }
                }
                Err(error) => {
                    let expected = ["file has no certificate in PEM form", "file is broken PEM"];
                    assert!(expected.contains(&&*error.to_string()), "{error}");
                }
            }
            match read.private_key() {
                Ok(key) => {
                    let label = match key {
                        PrivateKeyDer::Pkcs1(_) => "RSA PRIVATE KEY",
                        PrivateKeyDer::Sec1(_) => "EC PRIVATE KEY",
                        _ => "PRIVATE KEY",
                    };
                    let again = pem(label, key.secret_der());
                    assert_eq!(content(again.as_bytes()).private_key().unwrap(), key);
                }
                Err(error) => {
                    let said = error.to_string();
                    let none = said.starts_with("file has no private key in PEM form (");
                    assert!(none || said == "file is broken PEM", "{said}");
                }
            }
        });
    }
}
