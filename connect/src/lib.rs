//! From a service's settings to what it reaches Kafka with.
//!
//! `service` reads settings and knows no Kafka; `kafka` knows no settings. This is where they meet, once for the gateway
//! and the processor alike.

use kafka::secure::{Endpoint, EndpointError, Password, Sasl, ScramHash, SecretFile, Security, TokenSource};
use service::settings::{
    KafkaLogin, KafkaSecurity, KafkaSettings, KafkaTls, PasswordMechanism, SecretSource,
};
use tls::{Authorities, ClientFiles, KeyPair, TlsError};

/// Why the settings lead to no connection, though each of them is good: mostly a file.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// TLS to the brokers cannot be set up.
    #[error("KAFKA_SSL_CA, KAFKA_SSL_CERT or KAFKA_SSL_KEY is no good")]
    Tls(#[from] TlsError),
    /// No tokens are to be had from there.
    #[error("KAFKA_SASL_TOKEN_URL or KAFKA_SASL_TOKEN_CA is no good")]
    Tokens(#[from] EndpointError),
}

/// What a client of the cluster in `settings` is made from. Reads the files of TLS.
///
/// # Errors
/// A file that the settings name cannot be used, or the processor cannot do TLS.
pub fn config(settings: &KafkaSettings) -> Result<kafka::Config, ConnectError> {
    Ok(kafka::Config {
        brokers: settings.brokers.clone(),
        client_id: settings.client_id.clone(),
        timeout: settings.timeout,
        security: security(&settings.security)?,
    })
}

fn security(settings: &KafkaSecurity) -> Result<Security, ConnectError> {
    let mut security = Security::default();
    if let Some(tls) = &settings.tls {
        security = security.with_tls(&files(tls))?;
    }
    if let Some(login) = &settings.login {
        let sasl = sasl(login)?;
        if settings.tls.is_none() && sasl.shows_its_secret() {
            let mechanism = sasl.mechanism();
            tracing::warn!(
                mechanism,
                "everybody on the way to Kafka can read the secret that it is sent: use SASL_SSL"
            );
        }
        security = security.with_sasl(sasl);
    }
    Ok(security)
}

fn files(settings: &KafkaTls) -> ClientFiles {
    let pair = |(certificate, key): &(_, _)| KeyPair {
        certificate: Clone::clone(certificate),
        key: Clone::clone(key),
    };
    ClientFiles {
        authorities: settings.authorities.clone().map_or(Authorities::System, Authorities::File),
        identity: settings.identity.as_ref().map(pair),
    }
}

fn sasl(login: &KafkaLogin) -> Result<Sasl, ConnectError> {
    Ok(match login {
        KafkaLogin::Password { mechanism, username, password } => {
            let password = self::password(password);
            match mechanism {
                PasswordMechanism::Plain => Sasl::plain(username, password),
                PasswordMechanism::ScramSha256 => Sasl::scram(ScramHash::Sha256, username, password),
                PasswordMechanism::ScramSha512 => Sasl::scram(ScramHash::Sha512, username, password),
            }
        }
        KafkaLogin::TokenFile(path) => Sasl::OauthBearer(TokenSource::File(SecretFile::at(path))),
        KafkaLogin::TokenEndpoint { url, authorities, client_id, client_secret, scope } => {
            let authorities = authorities.clone().map_or(Authorities::System, Authorities::File);
            let secret = password(client_secret);
            let endpoint = Endpoint::new(url, authorities, client_id, secret, scope.clone())?;
            Sasl::OauthBearer(TokenSource::Endpoint(Box::new(endpoint)))
        }
    })
}

fn password(source: &SecretSource) -> Password {
    match source {
        SecretSource::Given(password) => Password::Given(password.expose().clone()),
        SecretSource::InFile(path) => Password::InFile(SecretFile::at(path)),
    }
}
