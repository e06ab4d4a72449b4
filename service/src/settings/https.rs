//! HTTPS in front of the gateway.

use std::path::PathBuf;

use crate::settings::reader::Reader;

/// What the port for requests shows and whom it lets in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpsSettings {
    /// `SERVICE_1_TLS_CERT`: PEM, the certificate and those that lead from it to an authority.
    pub certificate: PathBuf,
    /// `SERVICE_1_TLS_KEY`: PEM, its private key.
    pub key: PathBuf,
    /// `SERVICE_1_TLS_CLIENT_CA`: PEM, authorities of clients' certificates; none means that clients are asked for none.
    pub client_authorities: Option<PathBuf>,
    /// `SERVICE_1_TLS_CLIENT_AUTH`: whether a client has to show one where there are authorities.
    pub client_certificate_required: bool,
}

impl HttpsSettings {
    /// None if neither certificate nor key is set: plain HTTP.
    pub(super) fn read(reader: &mut Reader) -> Option<Self> {
        let certificate = reader.path("SERVICE_1_TLS_CERT");
        let key = reader.path("SERVICE_1_TLS_KEY");
        let client_authorities = reader.path("SERVICE_1_TLS_CLIENT_CA");
        let client_certificate_required = reader.text("SERVICE_1_TLS_CLIENT_AUTH") == "required";
        if client_authorities.is_none() && reader.is_set("SERVICE_1_TLS_CLIENT_AUTH") {
            let reason = "clients are asked for no certificate as long as nobody says whose count";
            reader.conflict("SERVICE_1_TLS_CLIENT_AUTH and SERVICE_1_TLS_CLIENT_CA", reason);
        }
        match (certificate, key) {
            (Some(certificate), Some(key)) => {
                Some(Self { certificate, key, client_authorities, client_certificate_required })
            }
            (None, None) => {
                if client_authorities.is_some() {
                    let reason = "clients can only show certificates over HTTPS, which needs a certificate and its key";
                    reader.conflict("SERVICE_1_TLS_CLIENT_CA", reason);
                }
                None
            }
            _ => {
                reader.conflict("SERVICE_1_TLS_CERT and SERVICE_1_TLS_KEY", "one is set without the other");
                None
            }
        }
    }
}
