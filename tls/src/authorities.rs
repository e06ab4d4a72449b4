//! Whom to trust.

use std::path::PathBuf;

use rustls::RootCertStore;

use crate::error::TlsError;
use crate::pem::Content;

/// Where systems keep the certificates of the authorities they trust, all in one file. Read by hand: the libraries that
/// ask the system bind to code in C on some of them.
const BUNDLES: [&str; 6] = [
    "/etc/ssl/certs/ca-certificates.crt", // Debian, Ubuntu, Arch, Gentoo, distroless
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // Fedora, RHEL
    "/etc/pki/tls/certs/ca-bundle.crt",   // older RHEL
    "/etc/ssl/ca-bundle.pem",             // SUSE
    "/etc/ssl/cert.pem",                  // Alpine, macOS, BSD
    "/usr/local/share/certs/ca-root-nss.crt", // FreeBSD
];

/// Variable that names another such file, as OpenSSL reads it.
const BUNDLE_VARIABLE: &str = "SSL_CERT_FILE";

/// The authorities that may have signed the other side's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authorities {
    /// Those in this PEM file and no others.
    File(PathBuf),
    /// Those that the system trusts: the file that `SSL_CERT_FILE` names, else the first that is where systems keep it.
    System,
}

impl Authorities {
    /// Reads them.
    ///
    /// # Errors
    /// If no file is to be had, or it has no certificate.
    pub(crate) fn load(&self) -> Result<RootCertStore, TlsError> {
        match self {
            Self::File(path) => strictly(&Content::read(path)?),
            Self::System => {
                let named =
                    std::env::var_os(BUNDLE_VARIABLE).filter(|name| !name.is_empty()).map(PathBuf::from);
                let mut paths = named.into_iter().chain(BUNDLES.iter().map(PathBuf::from));
                let path = paths.find(|path| path.is_file()).ok_or(TlsError::NoSystemAuthorities)?;
                leniently(&Content::read(&path)?)
            }
        }
    }
}

/// Somebody named the file: each certificate in it counts.
pub(crate) fn strictly(content: &Content) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in content.certificates()? {
        roots
            .add(certificate)
            .map_err(|error| content.wrong(format!("has a certificate of no authority: {error}")))?;
    }
    Ok(roots)
}

/// The system's: old ones that cannot be read are left out.
fn leniently(content: &Content) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(content.certificates()?);
    if added == 0 { Err(content.wrong("has no certificate that can be read")) } else { Ok(roots) }
}
