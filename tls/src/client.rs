//! TLS for those who connect.

use std::sync::Arc;

use rustls::ClientConfig;

use crate::authorities::Authorities;
use crate::error::TlsError;
use crate::pem::{Content, KeyPair};
use crate::provider::provider;

/// What a client's configuration is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientFiles {
    /// Who may have signed the server's certificate.
    pub authorities: Authorities,
    /// What this client shows if the server asks who it is.
    pub identity: Option<KeyPair>,
}

/// A configuration for connections on which the server's certificate is checked, its name included.
///
/// # Errors
/// If the processor cannot do it, a file cannot be read, or certificate and key do not belong together.
pub fn client_config(files: &ClientFiles) -> Result<Arc<ClientConfig>, TlsError> {
    let builder = ClientConfig::builder_with_provider(provider()?)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Configuration)?
        .with_root_certificates(files.authorities.load()?);
    let config = match &files.identity {
        None => builder.with_no_client_auth(),
        Some(pair) => {
            let certificate = Content::read(&pair.certificate)?;
            let key = Content::read(&pair.key)?.private_key()?;
            builder
                .with_client_auth_cert(certificate.certificates()?, key)
                .map_err(|error| certificate.wrong(format!("does not go with its key: {error}")))?
        }
    };
    Ok(Arc::new(config))
}
