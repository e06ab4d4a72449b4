//! Apache Kafka behind TLS, logins and access control, in a container.
//!
//! ```text
//!   services ──TLS──▶ SECURE    who they are is asked, and what they may do
//!   test ───────────▶ INTERNAL  anybody may do anything: topics, rules, a look that nothing hinders
//! ```
//!
//! The certificate is for `localhost` alone. Sessions last for [`SESSION`] unless told otherwise, so that a test of some seconds
//! sees them renewed.

mod least;
mod rules;
mod users;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use kafka::Kafka;
use kafka::wire::{self, Connection};
use service::settings::{KafkaLogin, KafkaSecurity, KafkaTls, PasswordMechanism, Secret, SecretSource};
use tempfile::TempDir;
use testcontainers::bollard::models::PortBinding;
use testcontainers::core::{IntoContainerPort as _, WaitFor};
use testcontainers::runners::AsyncRunner as _;
use testcontainers::{ContainerAsync, GenericImage, ImageExt as _};
use tls::throw_away::Authority;

use crate::bench::child::free_ports;
use crate::broker::TestBroker;
use crate::cluster::IMAGE;
use crate::wait;
pub use least::{GATEWAY, WORKER, least, least_named};
pub use rules::{Action, On, Rule};

/// How long a login is good.
pub const SESSION: Duration = Duration::from_secs(3);

/// The passwords of all users are made from their names.
const MECHANISMS: &str = "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER";
const INTERNAL_PORT: u16 = 9092;
const SECURE_PORT: u16 = 9093;
const START_LIMIT: Duration = Duration::from_secs(120);
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// A broker of that kind. Dropping it removes it.
pub struct SecureKafka {
    _container: ContainerAsync<GenericImage>,
    internal: String,
    secure_port: u16,
    files: TempDir,
}

impl SecureKafka {
    /// Starts one that knows `users`, whose logins are good for [`SESSION`].
    ///
    /// # Errors
    /// There is no Docker engine, or it has no such image.
    pub async fn start(users: &[&str]) -> Result<Self> {
        Self::with_sessions(users, SESSION).await
    }

    /// The same with logins that are good for `session`.
    ///
    /// # Errors
    /// As there.
    pub async fn with_sessions(users: &[&str], session: Duration) -> Result<Self> {
        let [internal_port, secure_port] = free_ports()?;
        let authority = Authority::new("an authority for tests");
        let server = authority.issue("kafka", &["localhost"]);
        let files = TempDir::new()?;
        std::fs::write(files.path().join("ca.pem"), authority.certificate())?;
        std::fs::write(files.path().join("other-ca.pem"), Authority::new("somebody else").certificate())?;

        let ports = [(INTERNAL_PORT, internal_port), (SECURE_PORT, secure_port)];
        let mut image = GenericImage::new(IMAGE.0, IMAGE.1)
            .with_wait_for(WaitFor::message_on_stdout("Kafka Server started"))
            .with_startup_timeout(START_LIMIT)
            .with_copy_to("/etc/kafka/secrets/server.pem", (server.key + &server.certificate).into_bytes())
            .with_copy_to("/etc/kafka/secrets/ca.pem", authority.certificate().as_bytes().to_vec())
            .with_host_config_modifier(move |host| {
                host.port_bindings = Some(HashMap::from(ports.map(|(inside, outside)| {
                    let (host_ip, host_port) = (Some("127.0.0.1".to_owned()), Some(outside.to_string()));
                    (format!("{inside}/tcp"), Some(vec![PortBinding { host_ip, host_port }]))
                })));
            });
        for (inside, outside) in ports {
            image = image.with_mapped_port(outside, inside.tcp());
        }
        for (name, value) in environment(internal_port, secure_port, users, session) {
            image = image.with_env_var(name, value);
        }
        let container = image.start().await.context("cannot start Apache Kafka in a container")?;
        let kafka = Self {
            _container: container,
            internal: format!("127.0.0.1:{internal_port}"),
            secure_port,
            files,
        };
        wait::until_ok("the broker to answer", async || kafka.open().await).await?;
        users::make(&mut kafka.open().await?, users).await?;
        Ok(kafka)
    }

    /// The listener where anybody may do anything.
    pub fn internal(&self) -> TestBroker {
        TestBroker::foreign(self.internal.clone())
    }

    /// The listener behind TLS and logins, under the name that its certificate is for.
    pub fn secure(&self) -> TestBroker {
        TestBroker::foreign(self.secure_at("localhost"))
    }

    /// The same under another name.
    pub fn secure_at(&self, host: &str) -> String {
        format!("{host}:{}", self.secure_port)
    }

    /// A file that services need: `ca.pem`, or `other-ca.pem` with an authority that has signed nothing here.
    pub fn file(&self, name: impl AsRef<Path>) -> PathBuf {
        self.files.path().join(name)
    }

    /// TLS and a login as `user`.
    pub fn login(&self, mechanism: PasswordMechanism, user: &str) -> KafkaSecurity {
        let password = SecretSource::Given(Secret::new(password(user)));
        KafkaSecurity {
            tls: Some(KafkaTls { authorities: Some(self.file("ca.pem")), identity: None }),
            login: Some(KafkaLogin::Password { mechanism, username: user.to_owned(), password }),
        }
    }

    /// Grants what `rules` say, and waits until they hold.
    ///
    /// # Errors
    /// The broker refuses.
    pub async fn grant(&self, rules: &[Rule<'_>]) -> Result<()> {
        rules::grant(&mut self.open().await?, rules).await
    }

    async fn open(&self) -> Result<Connection> {
        Ok(wire::bootstrap(self.kafka().config()).await?)
    }

    /// A client of the listener where anybody may do anything.
    pub fn kafka(&self) -> Kafka {
        Kafka::new(kafka::Config {
            brokers: vec![self.internal.clone()],
            client_id: "test".into(),
            timeout: CALL_TIMEOUT,
            security: kafka::Security::default(),
        })
    }
}

/// A user's password.
pub fn password(user: &str) -> String {
    format!("password-of-{user}")
}

fn environment(
    internal_port: u16,
    secure_port: u16,
    users: &[&str],
    session: Duration,
) -> Vec<(&'static str, String)> {
    let of_user = |user: &&str| format!(r#"user_{user}="{}""#, password(user));
    let plain = users.iter().map(of_user).collect::<Vec<_>>().join(" ");
    let module = |name: &str, options: &str| {
        format!("org.apache.kafka.common.security.{name} required {options};").replace(" ;", ";")
    };
    let scram = module("scram.ScramLoginModule", "");
    vec![
        ("KAFKA_NODE_ID", "1".to_owned()),
        ("KAFKA_PROCESS_ROLES", "broker,controller".to_owned()),
        ("KAFKA_CONTROLLER_QUORUM_VOTERS", "1@localhost:9094".to_owned()),
        ("KAFKA_CONTROLLER_LISTENER_NAMES", "CONTROLLER".to_owned()),
        ("KAFKA_INTER_BROKER_LISTENER_NAME", "INTERNAL".to_owned()),
        (
            "KAFKA_LISTENERS",
            format!(
                "INTERNAL://0.0.0.0:{INTERNAL_PORT},SECURE://0.0.0.0:{SECURE_PORT},CONTROLLER://localhost:9094"
            ),
        ),
        (
            "KAFKA_ADVERTISED_LISTENERS",
            format!("INTERNAL://127.0.0.1:{internal_port},SECURE://localhost:{secure_port}"),
        ),
        (
            "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP",
            "SECURE:SASL_SSL,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT".to_owned(),
        ),
        ("KAFKA_SASL_ENABLED_MECHANISMS", MECHANISMS.to_owned()),
        ("KAFKA_LISTENER_NAME_SECURE_PLAIN_SASL_JAAS_CONFIG", module("plain.PlainLoginModule", &plain)),
        ("KAFKA_LISTENER_NAME_SECURE_SCRAM___SHA___256_SASL_JAAS_CONFIG", scram.clone()),
        ("KAFKA_LISTENER_NAME_SECURE_SCRAM___SHA___512_SASL_JAAS_CONFIG", scram),
        (
            "KAFKA_LISTENER_NAME_SECURE_OAUTHBEARER_SASL_JAAS_CONFIG",
            module("oauthbearer.OAuthBearerLoginModule", r#"unsecuredLoginStringClaim_sub="broker""#),
        ),
        ("KAFKA_CONNECTIONS_MAX_REAUTH_MS", session.as_millis().to_string()),
        ("KAFKA_SSL_KEYSTORE_TYPE", "PEM".to_owned()),
        ("KAFKA_SSL_KEYSTORE_LOCATION", "/etc/kafka/secrets/server.pem".to_owned()),
        ("KAFKA_SSL_TRUSTSTORE_TYPE", "PEM".to_owned()),
        ("KAFKA_SSL_TRUSTSTORE_LOCATION", "/etc/kafka/secrets/ca.pem".to_owned()),
        ("KAFKA_AUTHORIZER_CLASS_NAME", "org.apache.kafka.metadata.authorizer.StandardAuthorizer".to_owned()),
        ("KAFKA_SUPER_USERS", "User:ANONYMOUS".to_owned()),
        ("KAFKA_AUTO_CREATE_TOPICS_ENABLE", "true".to_owned()),
        ("KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR", "1".to_owned()),
        ("KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS", "0".to_owned()),
        ("KAFKA_HEAP_OPTS", "-Xms256m -Xmx512m".to_owned()),
    ]
}
