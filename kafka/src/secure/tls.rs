//! TLS on the way to a broker.

use std::{io, sync::Arc};

use ::tls::rustls::{self, CertificateError, ClientConfig, pki_types::ServerName};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::wire::WireError;

/// Agrees on keys, and makes sure that `address` is who answers. Awaits for as long as the broker likes.
pub(crate) async fn handshake(
    stream: TcpStream,
    address: &str,
    config: Arc<ClientConfig>,
) -> Result<TlsStream<TcpStream>, WireError> {
    let failed = |source| WireError::Tls { address: address.to_owned(), hint: hint(&source), source };
    let name = ServerName::try_from(host(address).to_owned());
    let name = name.map_err(|error| failed(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
    TlsConnector::from(config).connect(name, stream).await.map_err(failed)
}

/// The host in `host:port`, without the brackets that an IPv6 address has there.
fn host(address: &str) -> &str {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// What to look at, to stand behind the address.
fn hint(error: &io::Error) -> &'static str {
    let Some(cause) = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>()) else {
        return "does it speak TLS on that port?";
    };
    match cause {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "its certificate is not signed by an authority that we trust: see KAFKA_SSL_CA"
        }
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "its certificate is for another name than the one we dial it by",
        rustls::Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        ) => "its certificate has expired",
        rustls::Error::InvalidCertificate(_) => "its certificate is not good",
        rustls::Error::AlertReceived(_) => {
            "it refuses: does it want a certificate of ours (KAFKA_SSL_CERT, KAFKA_SSL_KEY)?"
        }
        rustls::Error::InvalidMessage(_) => "it does not speak TLS on that port",
        _ => "the handshake failed",
    }
}

#[cfg(test)]
mod tests;
