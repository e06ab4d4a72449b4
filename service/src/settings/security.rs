//! What connections to Kafka are secured with.

use std::path::PathBuf;

use crate::settings::reader::Reader;
use crate::settings::secret::Secret;

/// TLS, a login, both or neither, as `KAFKA_SECURITY_PROTOCOL` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KafkaSecurity {
    /// For `SSL` and `SASL_SSL`.
    pub tls: Option<KafkaTls>,
    /// For `SASL_PLAINTEXT` and `SASL_SSL`.
    pub login: Option<KafkaLogin>,
}

/// TLS towards Kafka.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KafkaTls {
    /// `KAFKA_SSL_CA`; none for the authorities that the system trusts.
    pub authorities: Option<PathBuf>,
    /// `KAFKA_SSL_CERT` and `KAFKA_SSL_KEY`.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// How to log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KafkaLogin {
    /// By name and password.
    Password {
        /// `KAFKA_SASL_MECHANISM`.
        mechanism: PasswordMechanism,
        /// `KAFKA_SASL_USERNAME`.
        username: String,
        /// `KAFKA_SASL_PASSWORD` or `KAFKA_SASL_PASSWORD_FILE`.
        password: SecretSource,
    },
    /// By a token that somebody keeps fresh in a file: `KAFKA_SASL_TOKEN_FILE`.
    TokenFile(PathBuf),
    /// By a token of an authorization server.
    TokenEndpoint {
        /// `KAFKA_SASL_TOKEN_URL`.
        url: String,
        /// `KAFKA_SASL_TOKEN_CA`; none for the authorities that the system trusts.
        authorities: Option<PathBuf>,
        /// `KAFKA_SASL_USERNAME`.
        client_id: String,
        /// `KAFKA_SASL_PASSWORD` or `KAFKA_SASL_PASSWORD_FILE`.
        client_secret: SecretSource,
        /// `KAFKA_SASL_TOKEN_SCOPE`.
        scope: Option<String>,
    },
}

/// The mechanisms that take name and password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordMechanism {
    /// `PLAIN`.
    Plain,
    /// `SCRAM-SHA-256`.
    ScramSha256,
    /// `SCRAM-SHA-512`.
    ScramSha512,
}

/// A secret, or the file that holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// The secret itself.
    Given(Secret<String>),
    /// The file.
    InFile(PathBuf),
}

const PROTOCOL: &str = "KAFKA_SECURITY_PROTOCOL";
const TLS_SETTINGS: [&str; 3] = ["KAFKA_SSL_CA", "KAFKA_SSL_CERT", "KAFKA_SSL_KEY"];
const LOGIN_SETTINGS: [&str; 8] = [
    "KAFKA_SASL_MECHANISM",
    "KAFKA_SASL_USERNAME",
    "KAFKA_SASL_PASSWORD",
    "KAFKA_SASL_PASSWORD_FILE",
    "KAFKA_SASL_TOKEN_FILE",
    "KAFKA_SASL_TOKEN_URL",
    "KAFKA_SASL_TOKEN_CA",
    "KAFKA_SASL_TOKEN_SCOPE",
];
const TOKEN_SETTINGS: [&str; 4] =
    ["KAFKA_SASL_TOKEN_FILE", "KAFKA_SASL_TOKEN_URL", "KAFKA_SASL_TOKEN_CA", "KAFKA_SASL_TOKEN_SCOPE"];

impl KafkaSecurity {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let protocol = reader.text(PROTOCOL);
        let (has_tls, has_login) = (protocol.ends_with("SSL"), protocol.starts_with("SASL"));
        if !has_tls {
            refuse(
                reader,
                &TLS_SETTINGS,
                &format!("{PROTOCOL} is {protocol}, which is without TLS"),
                PROTOCOL,
            );
        }
        if !has_login {
            refuse(
                reader,
                &LOGIN_SETTINGS,
                &format!("{PROTOCOL} is {protocol}, which is without a login"),
                PROTOCOL,
            );
        }
        Self {
            tls: has_tls.then(|| KafkaTls::read(reader)),
            login: if has_login { KafkaLogin::read(reader) } else { None },
        }
    }
}

impl KafkaTls {
    fn read(reader: &mut Reader) -> Self {
        let [authorities, certificate, key] = TLS_SETTINGS.map(|key| reader.path(key));
        let identity = match (certificate, key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => {
                reader.conflict("KAFKA_SSL_CERT and KAFKA_SSL_KEY", "one is set without the other");
                None
            }
        };
        Self { authorities, identity }
    }
}

impl KafkaLogin {
    /// None if a setting is missing, which is noted.
    fn read(reader: &mut Reader) -> Option<Self> {
        const MECHANISM: &str = "KAFKA_SASL_MECHANISM";
        let mechanism = match reader.text(MECHANISM).as_str() {
            "OAUTHBEARER" => return Self::read_token(reader),
            "PLAIN" => PasswordMechanism::Plain,
            "SCRAM-SHA-256" => PasswordMechanism::ScramSha256,
            _ => PasswordMechanism::ScramSha512,
        };
        refuse(reader, &TOKEN_SETTINGS, "tokens are for OAUTHBEARER", MECHANISM);
        let (username, password) = read_named_secret(reader)?;
        Some(Self::Password { mechanism, username, password })
    }

    fn read_token(reader: &mut Reader) -> Option<Self> {
        const SOURCES: &str = "KAFKA_SASL_TOKEN_FILE and KAFKA_SASL_TOKEN_URL";
        let file = reader.path("KAFKA_SASL_TOKEN_FILE");
        let url = reader.name("KAFKA_SASL_TOKEN_URL");
        match (file, url) {
            (Some(file), None) => Some(Self::TokenFile(file)),
            (None, Some(url)) => {
                let authorities = reader.path("KAFKA_SASL_TOKEN_CA");
                let scope = reader.name("KAFKA_SASL_TOKEN_SCOPE");
                let (client_id, client_secret) = read_named_secret(reader)?;
                Some(Self::TokenEndpoint { url, authorities, client_id, client_secret, scope })
            }
            (None, None) => {
                reader.conflict(SOURCES, "OAUTHBEARER needs one of them");
                None
            }
            (Some(_), Some(_)) => {
                reader.conflict(SOURCES, "a token comes from one of them, not from both");
                None
            }
        }
    }
}

fn read_named_secret(reader: &mut Reader) -> Option<(String, SecretSource)> {
    const PASSWORDS: &str = "KAFKA_SASL_PASSWORD and KAFKA_SASL_PASSWORD_FILE";
    let username = reader.name("KAFKA_SASL_USERNAME");
    if username.is_none() && !reader.is_set("KAFKA_SASL_USERNAME") {
        reader.conflict("KAFKA_SASL_USERNAME and KAFKA_SECURITY_PROTOCOL", "a login needs a name");
    }
    let password = match (reader.secret("KAFKA_SASL_PASSWORD"), reader.path("KAFKA_SASL_PASSWORD_FILE")) {
        (Some(password), None) => SecretSource::Given(password),
        (None, Some(file)) => SecretSource::InFile(file),
        (None, None) => {
            reader.conflict(PASSWORDS, "a login needs one of them");
            return None;
        }
        (Some(_), Some(_)) => {
            reader.conflict(PASSWORDS, "both are set");
            return None;
        }
    };
    username.map(|username| (username, password))
}

/// Notes each of `settings` that is set though it means nothing beside what `other` says.
fn refuse(reader: &mut Reader, settings: &[&str], reason: &str, other: &str) {
    for setting in settings.iter().filter(|setting| **setting != other) {
        if reader.is_set(setting) {
            reader.conflict(&format!("{setting} and {other}"), reason);
        }
    }
}
